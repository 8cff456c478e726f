"""All of Aviary as `pip install` brings it, in a project with packages of the names of ours."""

import os
import shlex
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

import httpx
import pytest

from services.local.supervisor import END_WITHIN_S
from tests.e2e.acting import eventually
from tests.processes import free_port
from tests.wheels import ROOT, build_wheel, environment, run, write_own_packages

READY_S = 120
PASSWORD = "correct horse battery"  # noqa: S105 - of an account that lasts for a test


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    wheel = build_wheel(ROOT, tmp_path_factory.mktemp("wheel"))
    return environment(tmp_path_factory.mktemp("environment"), wheel)


@pytest.mark.parametrize("options", [[], ["--sidecars"]], ids=["plain", "sidecars"])
def test_everything_runs(installed: Path, tmp_path: Path, options: Sequence[str]) -> None:
    write_own_packages(tmp_path)
    port, log = free_port(), tmp_path / "up.log"
    # As somebody types it who is in a folder nearby.
    typed = os.path.relpath(installed / "aviary", tmp_path)
    with log.open("wb") as output:
        process = subprocess.Popen(
            [typed, "up", "--edge-port", str(port), *options],
            cwd=tmp_path,
            env={"PATH": "/usr/bin:/bin"},
            stdout=output,
            stderr=output,
        )
    try:
        eventually(lambda: _greeted(process, log), expected=True, within_s=READY_S)
        token = _command(log, "token")
        assert token[:2] == [str((installed / "aviary").resolve()), "token"]
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10) as rest:
            account = {"handle": "ada", "display_name": "Ada", "password": PASSWORD}
            assert rest.post("/oauth/sign-up", json=account).is_success
            words = ["ada" if word == "HANDLE" else word for word in token[1:]]
            printed = run(installed, tmp_path, "aviary", *words)
            assert printed.returncode == 0, printed.stderr
            rest.headers["authorization"] = f"Bearer {printed.stdout.strip()}"
            posted = rest.post("/v1/tweets", json={"text": "hello, timeline"})
            assert posted.status_code == httpx.codes.CREATED, posted.text
    finally:
        process.send_signal(signal.SIGINT)
        ended = process.wait(END_WITHIN_S)
    assert ended == 0, log.read_text()


def _greeted(process: subprocess.Popen[bytes], log: Path) -> bool:
    assert process.poll() is None, log.read_text()
    return bool(_command(log, "admin"))


def _command(log: Path, name: str) -> list[str]:
    """Give the words of a command in the greeting; none before it is printed."""
    lines = [line.split(maxsplit=1) for line in log.read_text().splitlines()]
    return next((shlex.split(line[1]) for line in lines if line[0:1] == [name]), [])
