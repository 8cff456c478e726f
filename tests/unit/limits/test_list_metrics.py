"""How full the edges' lists are is shown, and when one is full."""

from structlog.testing import capture_logs

from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.list_metrics import ListMetrics
from gateway.control_plane.reputation import ReputationRules
from gateway.limits.budgets import Subject
from services.platform.observability.log_events import EVENT_LIMITS_LIST_FULL
from services.platform.observability.names import METRIC_LIMITS_LISTED
from services.platform.runtime.clock import SystemClock
from tests.contract.metric_values import Metrics


def test_lengths_are_a_gauge_and_a_full_list_is_said_once() -> None:
    metrics = Metrics()
    lists = ListMetrics(meter_provider=metrics.provider)
    with capture_logs() as logs:
        lists.seen("revoked_user", 2, full=False)
        for _ in range(2):
            lists.seen("revoked_session", 5_000, full=True)
    assert metrics.values(METRIC_LIMITS_LISTED) == {
        ("revoked_user",): 2,
        ("revoked_session",): 5_000,
    }
    assert [(entry["event"], entry["list"]) for entry in logs] == [
        (EVENT_LIMITS_LIST_FULL, "revoked_session")
    ]


class Nobody:
    """No subject has a reputation."""

    async def listed(self, _subject: Subject) -> dict[str, object]:
        return {}


async def test_lists_of_reputations_are_called_so() -> None:
    metrics = Metrics()
    sources = Sources(Nobody(), Nobody(), lambda: False)  # type: ignore[arg-type]
    servicer = ExtensionConfigServicer(sources, SystemClock(), ReputationRules())
    servicer._lengths = ListMetrics(meter_provider=metrics.provider)
    for subject in (Subject.USER, Subject.IP):
        await servicer._subjects(subject)
    lists = {("reputation_user",): 0, ("reputation_ip",): 0}
    assert metrics.values(METRIC_LIMITS_LISTED) == lists
