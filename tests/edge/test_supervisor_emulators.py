"""The supervisor with Google's emulators: they end with it, and what they lack ends the start."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.edge.supervised_run import (
    DEADLINE_S,
    SupervisedRun,
    alive,
    descendants,
    ended,
    running_among,
    until,
)
from tests.emulators import require_emulators
from tests.processes import free_port


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def emulated(tmp_path: Path, port: int) -> Iterator[SupervisedRun]:
    require_emulators()
    with ended(SupervisedRun(tmp_path, port, emulators=True)) as running:
        yield running


def test_emulators_end_with_a_killed_parent(emulated: SupervisedRun) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    assert emulated.said("in memory")
    pids = descendants(emulated.process.pid)
    # Java ignores nothing, but only gets what its own process is sent.
    for word in (b"cbtemulator", b"cloud-pubsub-emulator"):
        assert alive(running_among(pids, word))
    emulated.process.kill()
    emulated.process.wait(10)
    until(lambda: not any(map(alive, pids)))


def test_emulators_end_with_the_rest(emulated: SupervisedRun) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    pids = descendants(emulated.process.pid)
    emulated.process.terminate()
    assert emulated.process.wait(DEADLINE_S) == 0
    assert not any(map(alive, pids))


def test_a_lost_emulator_ends_everything(emulated: SupervisedRun) -> None:
    until(lambda: emulated.said("Aviary is ready"))
    pids = descendants(emulated.process.pid)
    os.kill(running_among(pids, b"cbtemulator"), signal.SIGKILL)
    assert emulated.process.wait(DEADLINE_S) == 1
    assert "Aviary cannot go on: bigtable ended with code -9" in emulated.output.read_text()
    assert not any(map(alive, pids))


def test_missing_emulators_end_the_start(tmp_path: Path, port: int) -> None:
    running = SupervisedRun(tmp_path, port, emulators=True, AVIARY_CLOUD_SDK_ROOT=str(tmp_path))
    assert running.process.wait(DEADLINE_S) == 1
    assert "gcloud components install bigtable" in running.output.read_text()


def test_a_missing_sdk_ends_the_start(tmp_path: Path, port: int) -> None:
    running = SupervisedRun(
        tmp_path, port, emulators=True, AVIARY_CLOUD_SDK_ROOT="", PATH=str(tmp_path)
    )
    assert running.process.wait(DEADLINE_S) == 1
    assert "set AVIARY_CLOUD_SDK_ROOT" in running.output.read_text()


def test_missing_clients_end_the_start(tmp_path: Path, port: int) -> None:
    # What an interpreter without the extra says of the package.
    without = "sys.modules['google.pubsub_v1'] = None"
    running = SupervisedRun(tmp_path, port, emulators=True, before=without)
    assert running.process.wait(DEADLINE_S) == 1
    assert "pip install 'aviary[gcp]'" in running.output.read_text()
