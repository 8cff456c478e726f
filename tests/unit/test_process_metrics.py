"""What each process reports of itself: its build, disk, certificate and audit log."""

import platform
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from services.local.child import Child
from services.local.restarts import count_restarts
from services.platform.audit.metering import MeteredAudit
from services.platform.audit.port import EDGE_DENIED, LOG_IN, LOG_IN_FAILED, Fact, UnwrittenError
from services.platform.observability import names
from services.platform.observability.process_metrics import (
    observe_build,
    observe_disks,
    observe_restarts,
)
from services.platform.observability.version import aviary_version
from services.platform.security.certificate_metrics import observe_certificate
from tests.contract.metric_values import Metrics


class Log:
    """An audit log that can be full."""

    def __init__(self) -> None:
        self.entries: list[str] = []
        self.full = False

    def record(self, event: str, /, **_facts: Fact) -> None:
        if self.full:
            raise UnwrittenError
        self.entries.append(event)


def test_a_process_says_which_build_it_is() -> None:
    metrics = Metrics()
    observe_build(meter_provider=metrics.provider)
    assert aviary_version() != "unknown"
    assert metrics.values(names.METRIC_BUILD_INFO) == {
        (platform.python_version(), aviary_version()): 1
    }


def test_disks_are_shown_by_their_free_share(tmp_path: Path) -> None:
    metrics = Metrics()
    folders = {"data": tmp_path, "gone": tmp_path / "not there"}
    observe_disks(folders, meter_provider=metrics.provider)
    ((labels, share),) = metrics.values(names.METRIC_DISK_FREE).items()
    assert labels == ("data",)
    assert 0 <= share <= 1


def test_restarts_are_shown_by_process_and_reason(tmp_path: Path) -> None:
    metrics = Metrics()
    kept = [Child(name, 0, [], tmp_path / name) for name in ("gateway", "bus")]
    # What it held is gone with it.
    lost = Child("bigtable", 0, [], tmp_path / "bigtable", when_lost=print)
    count_restarts([*kept, lost])
    gateway, bus = kept
    observe_restarts(Path(gateway.env["AVIARY_RESTARTS_FILE"]), meter_provider=metrics.provider)
    none = {(name, reason): 0 for name in ("gateway", "bus") for reason in ("ended", "hung")}
    assert metrics.values(names.METRIC_PROCESS_RESTARTS) == none
    assert bus.when_restarted is not None
    for reason in ("hung", "ended", "hung"):
        bus.when_restarted("bus", reason)
    counted = {("bus", "hung"): 2, ("bus", "ended"): 1}
    assert metrics.values(names.METRIC_PROCESS_RESTARTS) == none | counted
    assert bus.env == {}


@pytest.mark.parametrize("text", [None, "", '{"bus": {"hu'])
def test_restarts_that_cannot_be_read_are_not_shown(tmp_path: Path, text: str | None) -> None:
    metrics, path = Metrics(), tmp_path / "restarts"
    if text is not None:
        path.write_text(text)
    observe_restarts(path, meter_provider=metrics.provider)
    assert not metrics.values(names.METRIC_PROCESS_RESTARTS)


def test_a_certificate_is_shown_by_what_is_left_of_it() -> None:
    metrics = Metrics()
    files = SimpleNamespace(current=SimpleNamespace(expires=datetime.now(UTC) + timedelta(days=2)))
    observe_certificate(files, "AVIARY_TLS_DIR", meter_provider=metrics.provider)  # type: ignore[arg-type]
    left_s = metrics.values(names.METRIC_CERTIFICATE_REMAINING)[("AVIARY_TLS_DIR",)]
    assert timedelta(days=1) < timedelta(seconds=left_s) <= timedelta(days=2)
    # One that was renewed counts from the next look.
    files.current = SimpleNamespace(expires=datetime.now(UTC) - timedelta(hours=1))
    assert metrics.values(names.METRIC_CERTIFICATE_REMAINING)[("AVIARY_TLS_DIR",)] < 0


def test_what_is_audited_is_counted_from_nothing_on() -> None:
    metrics, log = Metrics(), Log()
    audit = MeteredAudit(log, meter_provider=metrics.provider)
    # There before the first, as rules look at how it rises.
    assert metrics.values(names.METRIC_AUDIT_EVENTS)[(LOG_IN_FAILED,)] == 0
    audit.record(LOG_IN, user_id=1)
    audit.record(EDGE_DENIED, times=7)
    audit.record("made.up")
    counted = metrics.values(names.METRIC_AUDIT_EVENTS)
    assert (counted[(LOG_IN,)], counted[(EDGE_DENIED,)], counted[("made.up",)]) == (1, 7, 1)
    assert log.entries == [LOG_IN, EDGE_DENIED, "made.up"]


def test_what_could_not_be_written_is_not_counted() -> None:
    metrics, log = Metrics(), Log()
    audit, log.full = MeteredAudit(log, meter_provider=metrics.provider), True
    with pytest.raises(UnwrittenError):
        audit.record(LOG_IN)
    assert metrics.values(names.METRIC_AUDIT_EVENTS)[(LOG_IN,)] == 0
