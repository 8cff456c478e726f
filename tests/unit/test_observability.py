"""What is built of the names in the code, checked without Prometheus."""

import json
import re
from pathlib import Path

import pytest

from gateway.envoy.stats import HISTOGRAM_BUCKETS_MS
from services.platform.observability import names as telemetry
from services.platform.observability.setup import SECONDS_BUCKETS
from tests.observability.alert_cases import ROUNDS
from tests.observability.alerting import shortened
from tests.observability.promql import operands, selectors
from tests.observability.test_hung import ALERT as HUNG
from tools.observability.__main__ import ROOT, built
from tools.observability.alerts import RUNBOOK
from tools.observability.boards import BOARDS
from tools.observability.panels import dashboard
from tools.observability.rules import rule_file
from tools.observability.series import documented, series
from tools.observability.slos import BURN_ALERTS, SLOS, WINDOWS


@pytest.mark.parametrize("path", built(), ids=lambda path: path.name)
def test_what_is_committed_is_what_the_code_makes(path: Path) -> None:
    assert path.read_text() == built()[path], "run `make generate`"


def test_every_metric_is_documented() -> None:
    names = {getattr(telemetry, name) for name in telemetry.__all__ if name.startswith("METRIC_")}
    assert {each.name for each in documented()} == names


def test_series_are_named_as_the_exporter_names_them() -> None:
    assert series(telemetry.METRIC_RPC_SERVER_DURATION) == "rpc_server_duration_seconds"
    assert series(telemetry.METRIC_CACHE_HITS) == "cache_hits_total"
    assert series(telemetry.METRIC_BUS_BACKLOG) == "bus_backlog"
    assert series(telemetry.METRIC_ID_LEASE_REMAINING) == "id_lease_remaining_seconds"
    assert series(telemetry.METRIC_BUS_MESSAGE_ATTEMPTS) == "bus_message_attempts"


def test_every_limit_is_a_bucket() -> None:
    for slo in SLOS:
        if slo.below_ms is not None:
            assert slo.below_ms in HISTOGRAM_BUCKETS_MS
            assert slo.below_ms / 1_000 in SECONDS_BUCKETS


def test_every_window_of_an_alert_is_recorded() -> None:
    assert {window for burn in BURN_ALERTS for window in (burn.long, burn.short)} == set(WINDOWS)


def test_every_alert_says_what_to_do() -> None:
    alerts = [each for group in rule_file()["groups"] for each in group["rules"] if "alert" in each]
    assert alerts
    for alert in alerts:
        assert alert["labels"]["severity"] in {"page", "ticket"}


def test_every_runbook_is_a_heading_of_a_page() -> None:
    alerts = [each for group in rule_file()["groups"] for each in group["rules"] if "alert" in each]
    for alert in alerts:
        page, _, anchor = alert["annotations"]["runbook"].partition("#")
        assert anchor in _anchors(ROOT / page), alert["alert"]


def test_no_runbook_is_of_an_alert_that_is_gone() -> None:
    alerts = {each.get("alert") for group in rule_file()["groups"] for each in group["rules"]}
    headings = re.findall(r"^## (.+)$", (ROOT / RUNBOOK).read_text(), re.MULTILINE)
    assert set(headings) == alerts - {None}


def test_every_alert_is_made_to_fire_by_a_real_fault() -> None:
    """Those of service levels in `test_alerts_fire.py`, all others by its case.

    A process that hangs is not started again where these are: it is, in `test_hung.py`.
    """
    alerts = {each.get("alert") for group in rule_file()["groups"] for each in group["rules"]}
    cases = {case.alert for cases in ROUNDS.values() for case in cases}
    assert cases == alerts - {None, "SloBurn", HUNG}
    levels = (ROOT / "tests" / "observability" / "test_alerts_fire.py").read_text()
    assert [slo.name for slo in SLOS if f'"{slo.name}"' not in levels] == []


def test_shortened_rules_are_the_same_rules() -> None:
    whole, short = rule_file(), shortened(rule_file())
    assert [group["name"] for group in whole["groups"]] == [g["name"] for g in short["groups"]]
    for group, shorter in zip(whole["groups"], short["groups"], strict=True):
        assert [_timeless(rule) for rule in group["rules"]] == list(
            map(_timeless, shorter["rules"])
        )
    text = json.dumps(short)
    assert "[15s]" in text
    assert not re.search(r"\[\d+[mh]\]", text)


def _timeless(rule: dict[str, object]) -> str:
    text = json.dumps(rule, sort_keys=True)
    return re.sub(r'\[\d+[smhd]\]|"for": "\d+[smhd]"', "", text)


def _anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", each.lower()).replace(" ", "-") for each in headings}


def test_alerts_differ_in_name_or_labels() -> None:
    alerts = [each for group in rule_file()["groups"] for each in group["rules"] if "alert" in each]
    shown = [json.dumps([each["alert"], each["labels"]], sort_keys=True) for each in alerts]
    assert len(set(shown)) == len(shown)


def test_panels_fill_the_grid_and_overlap_nowhere() -> None:
    for board in BOARDS:
        model = dashboard(board)
        cells = set()
        for panel in model["panels"]:
            place = panel["gridPos"]
            for x in range(place["x"], place["x"] + place["w"]):
                for y in range(place["y"], place["y"] + place["h"]):
                    assert (x, y) not in cells
                    assert x < 24
                    cells.add((x, y))
        assert len({panel["id"] for panel in model["panels"]}) == len(model["panels"])
    assert len({board.uid for board in BOARDS}) == len(BOARDS)


def test_selectors_are_found_wherever_they_stand() -> None:
    expression = (
        'sum by (a, le) (rate(some_total{x="y",le="5"}[5m])) or vector(0)'
        ' / label_replace(rec:other:rate5m, "found", "yes", "", "") offset 5m * 0.5'
    )
    assert list(selectors(expression)) == ['some_total{x="y",le="5"}', "rec:other:rate5m"]


def test_a_conditions_operands_are_what_it_compares() -> None:
    condition = "a > 0.7 * avg_over_time(a[1d]) and max by (x) (b) == 1 and 1 - b / (c > 0) < 0.5"
    assert list(operands(condition)) == [
        "a",
        "0.7 * avg_over_time(a[1d])",
        "max by (x) (b)",
        "1 - b / (c > 0)",
    ]
