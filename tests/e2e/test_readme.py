"""The session that the README opens with, as a reader pastes it."""

import json
import re
import subprocess
import sys
from pathlib import Path

from tests.e2e.acting import eventually
from tests.e2e.conftest import start, stop

README = Path(__file__).resolve().parents[2] / "README.md"


def session(port: int) -> str:
    text = README.read_text().split("in another shell:", 1)[1]
    block = re.match(r"\n\n((?:    .*\n|\n)+)", text)
    assert block is not None
    return block[1].replace("localhost:8080", f"127.0.0.1:{port}")


def test_session_can_be_pasted(tmp_path: Path) -> None:
    # Beside the environment and the data, as in a checkout.
    (tmp_path / ".venv").symlink_to(sys.prefix)
    mesh = start(tmp_path / ".data")
    try:
        pasted = session(mesh.rest.base_url.port or 80)

        def shell(script: str) -> str:
            ran = subprocess.run(
                ["bash", "-e", "-c", script],  # noqa: S607 - the reader's own
                cwd=tmp_path,
                capture_output=True,
                text=True,
                check=False,
            )
            assert ran.returncode == 0, ran.stderr
            return ran.stdout.splitlines()[-1]

        *_, last = pasted.strip().splitlines()
        assert "timeline/home" in last
        shell(pasted)
        functions = pasted.split("ADA=", 1)[0]

        def texts() -> list[str]:
            page = json.loads(shell(f"{functions}\nas bob\n{last}"))
            return [tweet["text"] for tweet in page["tweets"]]

        eventually(texts, ["hello, timeline"])
    finally:
        assert stop(mesh) == 0
