"""A tiny run of the whole benchmark, as its command makes one."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

USERS, TWEETS = 14, 60
TIMEOUT_S = 400


@pytest.mark.timeout(TIMEOUT_S)
def test_a_run_gives_a_document_and_a_page(tmp_path: Path) -> None:
    sizes = [
        "--users",
        str(USERS),
        "--tweet-count",
        str(TWEETS),
        "--rounds",
        "1",
        "--seconds",
        "0.3",
    ]
    chosen = ["--scenario", "home-read", "--scenario", "post"]
    run = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--out", tmp_path, *sizes, *chosen],
        check=False,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stderr
    document = json.loads((tmp_path / "results.json").read_text())
    assert document["version"] == 2
    assert document["settings"]["people"] == USERS
    assert document["settings"]["tweets"] == TWEETS
    assert document["machine"]["cores"] >= 1
    post, read = document["scenarios"]
    # In the order of the list, whatever that of the options.
    assert (post["name"], read["name"]) == ("post", "home-read")
    assert post["failure"] == read["failure"] == ""
    assert set(document["idle_cpu"]) >= {"envoy", "timeline"}
    for scenario in (read, post):
        assert not scenario["failure"]
        assert all(figure["value"] > 0 for figure in scenario["figures"])
        assert {figure["reached"] for figure in scenario["figures"]} <= {True, False, None}
        for row in scenario["rows"]:
            assert row["rate"] > 0
            assert row["total_cpu_us"] > 0
            assert list(row["latency_ms"]) == ["p50", "p95", "p99", "p99.9"]
            assert list(row["latency_ms"].values()) == sorted(row["latency_ms"].values())
    ours, limit = read["rows"]
    assert {"envoy", "timeline"} <= set(ours["cpu_us"])
    assert set(limit["cpu_us"]) == {"envoy", "noop"}
    assert {"envoy", "tweet"} <= set(post["rows"][0]["cpu_us"])
    page = (tmp_path / "report.html").read_text()
    assert read["title"] in page
    assert page.count("<svg") == 4  # costs and latencies of both
    assert "http://" not in page.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.timeout(TIMEOUT_S)
@pytest.mark.parametrize("signals", [[signal.SIGTERM], [signal.SIGINT, signal.SIGINT]])
def test_signals_to_end_leave_nothing_behind(signals: list[signal.Signals], tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "bench", "--quick", "--out", tmp_path / "report"],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        text=True,
    ) as run:
        assert run.stdout is not None
        assert "Aviary is ready" in run.stdout.readline()
        (folder,) = tmp_path.glob("aviary-bench-*")
        for one in signals:
            run.send_signal(one)
        run.communicate()
    assert run.returncode == 128 + signals[0]
    assert not folder.exists()
    assert not [pid for pid in Path("/proc").iterdir() if str(folder) in _command(pid)]


def _command(process: Path) -> str:
    try:
        return (process / "cmdline").read_text(errors="replace")
    except OSError:
        return ""
