"""What figures say, and the page of a run."""

import dataclasses
import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

import bench
from bench.costs import cpu_seconds, resident_bytes, spent
from bench.report.charts import bars, percentile_curves
from bench.report.page import page
from bench.results import Better, Figure, Result, Row, as_json, document, machine

START = datetime(2026, 1, 2, tzinfo=UTC)
SETTINGS = {
    "people": 1, "follows": 2, "tweets": 3, "edges": None, "texts": "t.gz", "rounds": 1,
    "seconds": 1.0,
}  # fmt: skip


@pytest.mark.parametrize(
    ("value", "better", "target", "reached"),
    [
        (2.0, Better.HIGHER, 1.0, True),
        (2.0, Better.HIGHER, 2.0, True),
        (2.0, Better.HIGHER, 3.0, False),
        (2.0, Better.LOWER, 3.0, True),
        (2.0, Better.LOWER, 1.0, False),
        (2.0, Better.LOWER, None, None),
    ],
)
def test_a_figure_reaches_its_target(
    value: float,
    better: Better,
    target: float | None,
    reached: bool | None,  # noqa: FBT001 - an expected value
) -> None:
    assert Figure("x", value, "", better, target).reached is reached


def test_a_run_too_small_for_a_target_gives_no_verdict() -> None:
    small = Figure("delay of a crowd", 1.0, "s", Better.LOWER, 5.0, at_size=False)
    assert small.reached is None
    run = document([Result("one", "The first", [small])], SETTINGS, machine(), idle={}, began=START)
    assert "too small a run to tell" in page(run)


def test_the_document_is_described() -> None:
    """Every field of the document stands in the benchmark's page."""
    page_ = (Path(bench.__file__).parent / "README.md").read_text()
    described = page_[page_.index("## results.json") :]
    run = document([], {}, machine(), idle={}, began=START)
    fields = {*run, *machine(), "reached"}
    for one in (Figure, Result, Row):
        fields |= {field.name for field in dataclasses.fields(one)}
    assert {name for name in fields if f"`{name}`" not in described} == set()
    assert f"version {run['version']}" in described


def test_the_page_shows_every_scenario_and_escapes_what_it_is_given() -> None:
    row = Row("<ours>", 10.0, {"a&b": 5.0}, 5.0, {"p50": 1.0}, [(0.0, 1.0), (0.99, 3.0)], 1.0)
    results = [
        Result("one", "The first", [Figure("speed", 1.5, "x", target=1.0)], [row]),
        Result("two", "The second", [], failure="it <broke>"),
        Result("three", "The third", [], series={"memory": [(0.0, 1.0), (5.0, 2.0)]}),
    ]
    run = json.loads(as_json(document(results, SETTINGS, machine(), idle={}, began=START)))
    assert run["began"] == "2026-01-02T00:00:00+00:00"
    assert run["scenarios"][0]["figures"][0]["reached"] is True
    shown = page(run)
    for text in (
        "The first",
        "The second",
        "The third",
        "it &lt;broke&gt;",
        "&lt;ours&gt;",
        "a&amp;b",
    ):
        assert text in shown
    assert "<ours>" not in shown
    # In the table of all targets too, or it would not be missed there.
    assert shown.count("it &lt;broke&gt;") == 2
    assert "<script" not in shown
    assert shown.count("<svg") == 3


def test_charts_of_nothing_are_empty_or_small() -> None:
    assert percentile_curves({}) == ""
    assert "<rect" not in bars({"idle": {}}, "us")


def test_costs_are_of_the_processes_below_by_name() -> None:
    burn = "import time\nend = time.process_time() + 0.3\nwhile time.process_time() < end: pass\n"
    outer = (
        f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {burn!r}])\n"
        "sys.stdin.read()"
    )
    before = cpu_seconds(os.getpid())
    process = subprocess.Popen([sys.executable, "-c", outer], stdin=subprocess.PIPE)
    try:
        name = None
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            took = spent(before, cpu_seconds(os.getpid()))
            # The grandchild has ended by then, and counts all the same.
            name = next((one for one, s in took.items() if "python" in one and s >= 0.3), None)
            if name is not None:
                break
            time.sleep(0.05)
        assert name is not None
        assert resident_bytes(os.getpid())[name] > 1_000_000
    finally:
        process.communicate()
