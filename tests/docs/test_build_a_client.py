"""The tutorial that builds a client, taken step by step against a running Aviary."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.tutorial import steps
from tests.e2e.conftest import TEST_TIMEOUT_S, start, stop

PAGE = Path(__file__).resolve().parents[2] / "docs" / "tutorial" / "build-a-client.md"


@pytest.mark.timeout(TEST_TIMEOUT_S)
def test_both_clients_run(tmp_path: Path) -> None:
    # Beside the environment and the data, as in a checkout.
    (tmp_path / ".venv").symlink_to(sys.prefix)
    mesh = start(tmp_path / ".data")
    try:
        at = f"127.0.0.1:{mesh.rest.base_url.port}"
        kinds: dict[str, list[str]] = {}
        for step in steps(PAGE):
            if not step.edit(tmp_path):
                kinds.setdefault(step.kind, []).append(step.block)
        assert kinds[""] == ["make run\n"], "what the test starts in the reader's place"
        for name in ("rest_client.py", "grpc_client.py"):
            client = tmp_path / name
            client.write_text(client.read_text().replace("localhost:8080", at))
        # In one shell, as the reader exports variables in an early step and uses them in a later.
        ran = subprocess.run(
            ["bash", "-e", "-c", "\n".join(kinds["sh"]).replace("localhost:8080", at)],  # noqa: S607
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, f"{ran.stdout}\n{ran.stderr}"
    finally:
        assert stop(mesh) == 0
    # The answers of curl have no end of line.
    lines = ran.stdout[ran.stdout.index("posted ") :].splitlines()
    first, again, shown, refused, second, both, last = lines
    assert first == again
    assert first.startswith("posted ")
    assert shown.endswith("Hello from REST")
    assert refused.startswith("400 text")
    assert second.startswith("posted ")
    assert both == "['Hello from gRPC', 'Hello from REST']"
    assert last == "NOT_FOUND type.googleapis.com/google.rpc.ErrorInfo"
