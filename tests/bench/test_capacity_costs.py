"""Costs of operations from a run, and the check of the model against the run's own mix."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.capacity.check import check
from bench.capacity.command import main
from bench.capacity.costs import DEFAULTS, read_costs
from bench.errors import BenchError
from tests.bench.runs import run


def test_costs_are_those_of_the_run_and_say_so() -> None:
    costs = read_costs(run())
    assert costs.home_warm.us == {"envoy": 300.0, "timeline": 200.0}
    assert costs.home_warm.source == "home-read, run of 2026-01-02T00:00:00+00:00"
    # Without the hundred deliveries of 1.5 µs that are in each post.
    assert costs.post.us == {"tweet": 900.0, "fanout": 100.0}
    assert costs.celebrity.us == {"timeline": 2.0}
    assert costs.hot_entry.total_us == 9.0
    assert costs.stored_entry.total_us == 50.0
    assert costs.delivery_delay.total_us == 40_000.0


def test_what_a_run_lacks_or_failed_at_is_as_measured_before() -> None:
    broken = run()
    for one in broken["scenarios"]:
        if one["name"] == "home-read":
            one["failure"] = "it broke"
    costs = read_costs(broken)
    assert costs.home_warm is DEFAULTS.home_warm
    assert costs.home_cold is DEFAULTS.home_cold
    assert read_costs({"version": 2, "scenarios": []}) == DEFAULTS


def test_a_document_of_another_version_is_refused() -> None:
    with pytest.raises(BenchError, match="version 1"):
        read_costs({"version": 1})


@pytest.mark.parametrize(
    ("measured", "holds"),
    [(500.6, True), (418.0, True), (625.0, True), (416.0, False), (627.0, False)],
)
def test_the_mix_is_predicted_from_its_parts_within_a_fifth(
    measured: float,
    holds: bool,  # noqa: FBT001 - an expected value
) -> None:
    result = check(run(measured))
    assert result.predicted_total_us == pytest.approx(240 + 60 + 200 + 0.1 * 3 * 2)
    assert result.predicted_us["envoy"] == pytest.approx(150 + 36 + 50)
    assert result.followers == 3
    assert result.holds is holds


def test_a_check_without_the_scenarios_says_how_to_get_them() -> None:
    lacking = run()
    lacking["scenarios"] = [one for one in lacking["scenarios"] if one["name"] != "mix-parts"]
    with pytest.raises(BenchError, match="--scenario mix-parts"):
        check(lacking)


@pytest.mark.parametrize(("measured", "code"), [(500.6, 0), (800.0, 1)])
def test_the_command_fails_when_the_prediction_is_off(
    measured: float, code: int, tmp_path: Path
) -> None:
    path = tmp_path / "results.json"
    path.write_text(json.dumps(run(measured)))
    said = CliRunner().invoke(main, ["--results", str(path), "--check"])
    assert said.exit_code == code, said.output
    assert ("NOT within 20%" in said.output) is bool(code)
