"""The supervisor with real Valkey and Envoy: what hangs is started again, and nothing else."""

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.edge.supervised_run import SupervisedRun, alive, descendants, ended, until
from tests.processes import free_port

PERIOD_S = 0.3
LATE_S = 0.15
FAST = f"""
from services.local import child, liveness, signs
liveness.PERIOD_S, liveness.TIMEOUT_S, liveness.LATE_S = {PERIOD_S}, {PERIOD_S}, {LATE_S}
liveness.STARTING *= 10
signs.TIMEOUT_S = {PERIOD_S}
signs.BUSY_S = 0.05
child.HUNG_GRACE_S = 0.5
s.PERIOD_S = {PERIOD_S}
"""
"""Looks more often than the stand-ins' seconds, and as long at a start; what is decided is the
same."""
LOOKS = 12
"""Periods for which all stand still: four times what a process that hangs has."""


@contextmanager
def supervised(
    folder: Path, *, sidecars: bool = False, liveness: str = "on"
) -> Iterator[SupervisedRun]:
    run = SupervisedRun(
        folder, free_port(), sidecars=sidecars, before=FAST, AVIARY_LIVENESS=liveness
    )
    with ended(run) as running:
        until(lambda: running.said("Aviary is ready"))
        yield running


@pytest.fixture
def running(tmp_path: Path) -> Iterator[SupervisedRun]:
    with supervised(tmp_path) as running:
        yield running


@contextmanager
def stopped(*pids: int) -> Iterator[None]:
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    yield
    for pid in pids:
        os.kill(pid, signal.SIGCONT)


def pids_of(running: SupervisedRun, word: bytes) -> set[int]:
    """Process ids of those that live, with this in their commands."""
    lives = filter(alive, descendants(running.process.pid))
    return {pid for pid in lives if word in Path(f"/proc/{pid}/cmdline").read_bytes()}


def tweet_of(running: SupervisedRun) -> int:
    return int((running.data / "tweet.pid").read_text() or 0)


def test_a_service_that_hangs_is_started_again(running: SupervisedRun) -> None:
    first = tweet_of(running)
    os.kill(first, signal.SIGSTOP)
    until(lambda: running.said("tweet hangs:"))
    until(lambda: tweet_of(running) not in {0, first})
    until(lambda: running.health() == 200)
    assert running.output.read_text().count(" hangs: ") == 1


def test_an_edge_that_hangs_is_started_again(running: SupervisedRun) -> None:
    (first,) = pids_of(running, b"--admin-address-path")
    os.kill(first, signal.SIGSTOP)
    until(lambda: running.said("envoy hangs:"))
    until(lambda: running.health() == 200)
    until(lambda: len(pids_of(running, b"--admin-address-path") - {first}) == 1)


def test_a_sidecar_that_hangs_is_started_again(tmp_path: Path) -> None:
    with supervised(tmp_path, sidecars=True) as running:
        config = b"sidecars/tweet.json\0--admin-address-path"
        (first,) = pids_of(running, config)
        os.kill(first, signal.SIGSTOP)
        until(lambda: running.said("tweet-sidecar hangs:"))
        until(lambda: running.health() == 200)
        until(lambda: len(pids_of(running, config) - {first}) == 1)


def test_a_cache_that_hangs_is_started_again(running: SupervisedRun) -> None:
    (first,) = (pid for pid in descendants(running.process.pid) if _folder(pid) == "cache")
    os.kill(first, signal.SIGSTOP)
    until(lambda: running.said("cache hangs:"))
    until(lambda: running.said("cache ended with code -9; again in"))


@pytest.mark.parametrize("first", ["supervisor", "children"])
def test_after_the_machine_was_suspended_nothing_is_killed(
    running: SupervisedRun, first: str
) -> None:
    supervisor, children = [running.process.pid], descendants(running.process.pid)
    last = children if first == "supervisor" else supervisor
    resumed_s = time.monotonic() + LOOKS * PERIOD_S
    # Stopped last, gone on first.
    with stopped(*last), stopped(*({*supervisor, *children} - {*last})):
        until(lambda: time.monotonic() > resumed_s)
    # It looks on: who hangs then is found, and nobody else.
    os.kill(tweet_of(running), signal.SIGSTOP)
    until(lambda: running.said("tweet ended with code"))
    assert running.output.read_text().count(" hangs: ") == 1
    until(lambda: running.health() == 200)


def test_switched_off_it_leaves_what_hangs(tmp_path: Path) -> None:
    with supervised(tmp_path, liveness="off") as running:
        tweet = tweet_of(running)
        resumed_s = time.monotonic() + LOOKS * PERIOD_S
        with stopped(tweet):
            until(lambda: time.monotonic() > resumed_s)
        until(lambda: running.health() == 200)
        assert tweet_of(running) == tweet
        assert not running.said(" hangs: ")


def _folder(pid: int) -> str:
    return (Path(f"/proc/{pid}") / "cwd").resolve().name
