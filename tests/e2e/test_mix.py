"""The command `mix` against a running system."""

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from services.cli.load.operations import Operation
from tests.e2e.acting import eventually
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.test_load import load, url_of_nobody

WITHIN_S = 180  # only a failing test, or a machine that is busy with others, waits so long
SECONDS = 4


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mix") / "data")
    yield running
    assert stop(running) == 0


@pytest.fixture(scope="module")
def manifest(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("loaded") / "loaded.json"
    made_up = ("--users", 40, "--follows-per-user", 5, "--limit", 100)
    code, printed = load(mesh, *made_up, "--manifest", path)
    assert code == 0, printed
    return path


def begin(edge: Mesh | str, *options: object) -> subprocess.Popen[str]:
    where = ["--url", edge]
    if isinstance(edge, Mesh):
        where = ["--url", str(edge.rest.base_url), "--data-dir", str(edge.data_dir)]
    command = [sys.executable, "-m", "services", "mix", *where, *map(str, options)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def mix(edge: Mesh | str, *options: object) -> tuple[int, str, str]:
    process = begin(edge, *options)
    out, err = process.communicate(timeout=WITHIN_S)
    return process.returncode, out, err


def counts(mesh: Mesh, manifest: Path) -> dict[str, int]:
    """Likes and retweets of all tweets of the load."""
    ids = [tweet for tweet, _ in json.loads(manifest.read_text())["tweets"]]
    answer = mesh.rest.get("/v1/tweets", params={"ids": ",".join(ids)})
    assert answer.status_code == 200, answer.text
    names = ("like_count", "retweet_count")
    return {name: sum(one.get(name, 0) for one in answer.json()["tweets"]) for name in names}


def test_each_operation_is_played_in_its_share_and_measured(mesh: Mesh, manifest: Path) -> None:
    code, out, err = mix(mesh, "--manifest", manifest, "--seconds", SECONDS, "--json")
    assert code == 0, out + err
    said: dict[str, Any] = json.loads(out)
    assert said["seconds"] == pytest.approx(SECONDS, rel=0.2)
    assert set(said["operations"]) == set(Operation), "a second of a mix has all of them"
    whole = said["all"]
    assert whole["requests"] == sum(one["requests"] for one in said["operations"].values())
    assert whole["errors"] == {}
    for operation in (Operation.HOME, Operation.USER):
        share = said["operations"][operation]["requests"] / whole["requests"]
        assert share == pytest.approx(said["settings"]["shares"][operation] / 100, rel=0.3)
    for one in (whole, *said["operations"].values()):
        latency = [one["latency_ms"][name] for name in ("p50", "p95", "p99", "p99.9", "max")]
        assert latency == sorted(latency)
        assert 0 < latency[0] < SECONDS * 1000


def test_what_is_played_really_happens(mesh: Mesh, manifest: Path) -> None:
    before = counts(mesh, manifest)
    options = ("--manifest", manifest, "--seconds", 2, "--warm-up", 0)
    code, out, err = mix(mesh, *options, "--shares", "like=1,retweet=1", "--seed", 7)
    assert code == 0, out + err
    after = dict.fromkeys(before, True)
    eventually(
        lambda: {name: count > before[name] for name, count in counts(mesh, manifest).items()},
        after,
    )


def test_a_rate_is_kept_to(mesh: Mesh, manifest: Path) -> None:
    options = ("--manifest", manifest, "--seconds", SECONDS, "--warm-up", 1, "--rate", 25)
    code, out, err = mix(mesh, *options)
    assert code == 0, out + err
    (whole,) = [line.split() for line in out.splitlines() if line.startswith("all ")]
    assert int(whole[1]) == SECONDS * 25
    assert "sent late by" in out


def test_without_a_manifest_it_makes_what_it_plays_with(mesh: Mesh) -> None:
    code, out, err = mix(mesh, "--seconds", 1, "--warm-up", 0, "--shares", "home=1", "--progress")
    assert code == 0, out + err
    assert [line.split()[0] for line in out.splitlines()] == ["operation", "home", "all"]
    assert all(f"{phase}: 100%" in err for phase in ("users", "follows", "tweets"))


def test_failures_are_counted_by_status_and_told(
    mesh: Mesh, manifest: Path, tmp_path: Path
) -> None:
    loaded = json.loads(manifest.read_text())
    author = loaded["tweets"][0][1]
    gone = {**loaded, "tweets": [["1", author]]}
    path = tmp_path / "gone.json"
    path.write_text(json.dumps(gone))
    options = ("--manifest", path, "--seconds", 1, "--warm-up", 0, "--shares", "like=1,home=1")
    code, out, err = mix(mesh, *options)
    assert code == 1, err
    assert "failed: like with 404" in out
    assert "failed: home" not in out


def test_ctrl_c_shows_what_was_measured(mesh: Mesh, manifest: Path) -> None:
    process = begin(
        mesh, "--manifest", manifest, "--seconds", 600, "--warm-up", 0, "--progress",
        "--shares", "home=1",
    )  # fmt: skip
    assert process.stderr is not None
    shown = ""
    while re.search(r" [1-9]\d*/600 s", shown) is None:  # a busy machine may jump over one
        read = process.stderr.read(1)
        assert read, shown
        shown += read
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WITHIN_S)
    assert process.returncode == 130, err
    assert "Traceback" not in err
    assert any(line.startswith("all ") for line in out.splitlines())


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--shares", "home=1,sleep=2"), "'sleep=2' is no share"),
        (("--shares", "home=0"), "all shares are 0"),
        (("--shares", "home=1,home=1"), "at most once"),
        ((), "is `make run` running?"),
    ],
)
def test_what_cannot_be_played_is_said(options: tuple[str, ...], said: str) -> None:
    code, _, err = mix(url_of_nobody(), *options)
    assert code == 1
    assert said in err
    assert "Traceback" not in err


def test_a_manifest_of_another_kind_is_refused(mesh: Mesh, tmp_path: Path) -> None:
    path = tmp_path / "other.json"
    path.write_text('{"users": []}')
    code, _, err = mix(mesh, "--manifest", path)
    assert (code, "is no manifest of `aviary load`" in err) == (1, True)
