"""A process that hangs is started again, and an alert says so, in a real Prometheus."""

import time
from pathlib import Path

import pytest

from tests.e2e.acting import halt
from tests.observability.alerting import has_ended, has_fired, short_rules
from tests.observability.watching import watching
from tools.observability.alerts import RUNBOOK

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(600)]

ALERT = "ProcessHung"


def test_it_fires_for_the_process_that_hung_and_ends(tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text(short_rules())
    wanted = [{"alertname": ALERT, "process": "timeline"}]
    with watching(tmp_path, rules, liveness="on") as watched:
        began = time.monotonic()
        halt(watched.mesh, "timeline")
        has_fired(watched, wanted, began)
        page = watched.runbook(Path(RUNBOOK).name)
        for block in page.blocks_if_any(ALERT):
            page.paste(block)
        has_ended(watched, wanted)
