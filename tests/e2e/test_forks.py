"""Services as forks of one process: as good as programs of their own, whatever is killed."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.platform.specs import all_specs
from tests.e2e.acting import eventually, home, post, user
from tests.e2e.conftest import SIDECARS, Mesh, becomes_whole, start, stop
from tests.edge.supervised_run import alive, descendants, until


@pytest.fixture
def mesh(tmp_path: Path) -> Iterator[Mesh]:
    running = start(tmp_path / "data")
    yield running
    if running.process.poll() is None:
        assert stop(running) == 0


def status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    (value,) = (line.split()[1] for line in lines if line.startswith(f"{field}:"))
    return int(value)


def forked(mesh: Mesh) -> int:
    """Process id of what all services are forks of."""
    (parent,) = {status(pid, "PPid") for pid in mesh.children().values()}
    return parent


def test_each_is_a_fork_with_a_title_a_group_and_a_log_of_its_own(mesh: Mesh) -> None:
    children = mesh.children()
    assert children.keys() == all_specs().keys()
    assert forked(mesh) != mesh.process.pid
    for name, pid in children.items():
        assert os.getpgid(pid) == pid
        title = Path(f"/proc/{pid}/cmdline").read_bytes().rstrip(b"\0").decode()
        assert title.endswith(f" -m services {name}")
        log = (mesh.data_dir / "logs" / f"{name}.log").read_text()
        assert "serving" in log
    # One thread, or what is forked may wait for a lock that nobody holds.
    assert status(forked(mesh), "Threads") == 1


def test_all_come_back_when_what_they_are_forks_of_is_killed(mesh: Mesh) -> None:
    before, parent = mesh.children(), forked(mesh)
    ada = user(mesh)
    first = post(mesh, ada, "before")
    os.kill(parent, signal.SIGKILL)
    until(lambda: not alive(parent))
    until(lambda: not any(alive(pid) for pid in before.values()))
    eventually(lambda: mesh.children().keys() == before.keys(), expected=True, within_s=60)
    assert forked(mesh) != parent
    assert becomes_whole(mesh)
    second = post(mesh, ada, "after")
    eventually(lambda: home(mesh, ada), expected=[second, first])


def test_all_end_with_a_supervisor_that_is_killed(mesh: Mesh) -> None:
    pids = descendants(mesh.process.pid)
    assert len(pids) > len(all_specs()) + (len(all_specs()) if SIDECARS else 0)
    mesh.rest.close()
    mesh.process.kill()
    mesh.process.wait(10)
    until(lambda: not any(map(alive, pids)))
