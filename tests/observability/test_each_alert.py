"""Each alert of the rules fires in a real Prometheus by a real fault, and ends with it."""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.observability.alert_cases import ROUNDS
from tests.observability.alerting import annotations, has_ended, has_fired, short_rules
from tests.observability.watching import Watched, watching
from tests.small_disk import small_disk
from tools.observability.alerts import RUNBOOK

pytestmark = [pytest.mark.prometheus, pytest.mark.timeout(900)]

DISK_MB = 512
SLOW = {"queues", "a full disk"}
"""What takes a minute and more."""
UNREADABLE = re.compile(r"<no value>|%!|\d\.\d{5}")
"""A label that is missing, an error of the template, a number that nobody has rounded."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    folder = tmp_path_factory.mktemp("each")
    rules = folder / "rules.yml"
    rules.write_text(short_rules())
    with (
        small_disk(folder / "disk", DISK_MB) as disk,
        watching(folder, rules, disk.path) as running,
    ):
        yield running


@pytest.mark.parametrize(
    "name",
    [pytest.param(name, marks=[pytest.mark.slow] if name in SLOW else []) for name in ROUNDS],
)
def test_they_fire_by_faults_and_end_with_them(watched: Watched, name: str) -> None:
    cases = ROUNDS[name]
    wanted = [{"alertname": case.alert, **case.labels} for case in cases]
    has_ended(watched, wanted)
    began = time.monotonic()
    with ExitStack() as faults:
        for fault in dict.fromkeys(case.fault for case in cases):
            faults.enter_context(fault(watched))
        has_fired(watched, wanted, began)
        for alert in dict.fromkeys(case.alert for case in cases):
            _do_as_the_page_says(watched, alert)
        assert not [text for text in annotations(watched) if UNREADABLE.search(text)]
    has_ended(watched, wanted)


def _do_as_the_page_says(watched: Watched, alert: str) -> None:
    page = watched.runbook(Path(RUNBOOK).name)
    for block in page.blocks_if_any(alert):
        page.paste(block)
