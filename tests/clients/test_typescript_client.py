"""The TypeScript client at all of Aviary, and at the edge as a browser's page is let through."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from gateway.envoy.config import own_contracts
from tests.e2e.conftest import Mesh, start, stop
from tests.e2e.test_identity import command, sign_up
from tools.node import NODE
from tools.typescript import CLIENT, GENERATED

TEST_TIMEOUT_S = 400  # of a test and of Aviary, which the first of them starts
ORIGIN: Final = "https://app.example"
pytestmark = [pytest.mark.clients, pytest.mark.timeout(TEST_TIMEOUT_S)]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mesh") / "data", AVIARY_CORS_ORIGINS=ORIGIN)
    try:
        yield running
    finally:
        assert stop(running) == 0


@pytest.fixture(scope="module")
def built() -> Path:
    """The compiled tests, and what they import."""
    subprocess.run([sys.executable, "-m", "tools.typescript", "build"], check=True)
    return CLIENT / "dist" / "test"


def test_both_ways_work_at_all_of_aviary(mesh: Mesh, built: Path) -> None:
    tokens = [command(mesh, "token", "--user", sign_up(mesh)[0]).strip() for _ in range(2)]
    ran = subprocess.run(
        [NODE, "--test", "--test-reporter=tap", built / "edge.test.js"],
        env={
            **os.environ,
            "AVIARY_EDGE": str(mesh.rest.base_url),
            "AVIARY_TOKENS": " ".join(tokens),
        },
        capture_output=True,
        text=True,
        check=False,
        timeout=TEST_TIMEOUT_S / 2,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    (passed,) = re.findall(r"^# pass (\d+)$", ran.stdout, re.MULTILINE)
    assert int(passed) > 10, ran.stdout


def test_browsers_may_send_what_the_client_sends(mesh: Mesh) -> None:
    asked = {
        "origin": ORIGIN,
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization,content-type,grpc-timeout,x-grpc-web",
    }
    path = "/aviary.timeline.v1.TimelineService/GetHomeTimeline"
    answer = mesh.rest.options(path, headers=asked)
    assert answer.headers["access-control-allow-origin"] == ORIGIN
    allowed = answer.headers["access-control-allow-headers"].split(", ")
    assert set(asked["access-control-request-headers"].split(",")) <= set(allowed)
    stranger = mesh.rest.options(path, headers={**asked, "origin": "https://evil.example"})
    assert "access-control-allow-origin" not in stranger.headers


def test_it_has_every_public_rpc_and_no_other() -> None:
    texts = [path.read_text() for path in GENERATED.rglob("*_service_pb.ts")]
    generated = {name for text in texts for name in re.findall(r"@generated from rpc (\S+)", text)}
    public = own_contracts().public
    assert {f"{rpc.service}.{rpc.method}" for rpc in public} <= generated
    assert generated <= {
        f"{rpc.service}.{method}" for rpc in public for method in (rpc.method, rpc.json_method)
    }
