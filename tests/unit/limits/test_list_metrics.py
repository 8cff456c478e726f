"""How full the edges' lists are is shown, and when one is full."""

from structlog.testing import capture_logs

from gateway.control_plane.list_metrics import ListMetrics
from services.platform.observability.log_events import EVENT_LIMITS_LIST_FULL
from services.platform.observability.names import METRIC_LIMITS_LISTED
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
