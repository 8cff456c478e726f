"""What keeps the supervisor from starting: one sentence that names it, and no traceback."""

import socket
from pathlib import Path

import pytest

from tests.edge.supervised_run import DEADLINE_S, SupervisedRun
from tests.processes import free_port


@pytest.fixture
def port() -> int:
    return free_port()


def test_sidecars_need_certificates(tmp_path: Path, port: int) -> None:
    running = SupervisedRun(tmp_path, port, sidecars=True, AVIARY_TLS="off")
    assert running.process.wait(DEADLINE_S) == 1
    assert "Aviary cannot start: sidecars talk by certificates" in running.output.read_text()


def test_certificates_of_no_use_end_the_start(tmp_path: Path, port: int) -> None:
    (tmp_path / "data" / "certificates").mkdir(parents=True)
    (tmp_path / "data" / "certificates" / "ca.key").write_text("?")
    running = SupervisedRun(tmp_path, port)
    assert running.process.wait(DEADLINE_S) == 1
    assert "Aviary cannot start: no certificates" in running.output.read_text()


def test_a_taken_edge_port_ends_the_start(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        running = SupervisedRun(tmp_path, int(taken.getsockname()[1]))
        assert running.process.wait(DEADLINE_S) == 1
    assert f"edge port {running.port}" in running.output.read_text()


def test_bad_settings_of_the_edge_end_the_start(tmp_path: Path, port: int) -> None:
    for name, value in (("AVIARY_TRUSTED_ISSUERS", "/nowhere"), ("AVIARY_PUBLIC_READS", "maybe")):
        running = SupervisedRun(tmp_path, port, **{name: value})
        assert running.process.wait(DEADLINE_S) == 1
        said = running.output.read_text()
        assert "Aviary cannot start" in said
        assert value in said
        assert "Traceback" not in said
