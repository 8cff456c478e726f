"""The tutorial that adds an RPC, taken step by step in a copy of the checkout."""

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from services.local.supervisor import END_WITHIN_S
from tests.docs.tutorial import steps
from tests.e2e.acting import eventually
from tests.processes import free_port, kill_group

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "tutorial" / "add-an-rpc.md"
# The environment, history, data and caches: all that a checkout has by a name with a dot.
IGNORED = shutil.ignore_patterns(".*", "__pycache__")
START_S = 90.0


def copy(folder: Path) -> dict[str, str]:
    """Copy the checkout; gives the environment in which the copy's own code is what runs."""
    shutil.copytree(ROOT, folder, ignore=IGNORED, dirs_exist_ok=True)
    # The checkout's environment, with stamps of its own: make must find it current, and install
    # nothing from the copy into what the checkout uses.
    environment = folder / ".venv"
    environment.mkdir()
    for part in Path(sys.prefix).iterdir():
        if part.suffix != ".stamp":
            (environment / part.name).symlink_to(part)
    now_s = time.time()
    for stamp in ("run.stamp", "dev.stamp"):
        (environment / stamp).touch()
        # All at one time: make takes what is older than what it depends on for stale.
        os.utime(environment / stamp, (now_s, now_s))
    return {
        **os.environ,
        "PYTHONPATH": f"{folder}:{folder / 'gen'}",
        "MAKEFLAGS": "-s",
        "AVIARY_EDGE_LIMITS": "off",
    }


@pytest.mark.timeout(300)
def test_each_step_does_what_the_page_says(tmp_path: Path) -> None:
    environment = copy(tmp_path)

    def shell(script: str) -> str:
        ran = subprocess.run(
            ["bash", "-e", "-c", script],  # noqa: S607 - the reader's own
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{script}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout

    asked = ""
    for step in steps(PAGE):
        if step.edit(tmp_path):
            continue
        if step.kind == "sh":
            shell(step.block)
        else:
            asked = step.block
    assert asked.count("curl") == 2

    port = free_port()
    command = [sys.executable, "-m", "services", "up", "--edge-port", str(port)]
    with (tmp_path / "up.log").open("wb") as log:
        up = subprocess.Popen(
            command, cwd=tmp_path, env=environment, stdout=log, stderr=log, start_new_session=True
        )
    try:
        eventually(lambda: _healthy(port), expected=True, within_s=START_S)
        answers = shell(asked.replace("localhost:8080", f"127.0.0.1:{port}"))
        assert answers.startswith('{"available":true}'), answers
        assert "GetHandleAvailability" in httpx.get(f"http://127.0.0.1:{port}/docs").text
        up.send_signal(signal.SIGINT)
        assert up.wait(END_WITHIN_S) == 0
    finally:
        kill_group(up)


def _healthy(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz").status_code == httpx.codes.OK
    except httpx.TransportError:
        return False
