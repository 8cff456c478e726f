"""The whole system, started as `make run` starts it."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

READY_TIMEOUT_S = 60


@dataclass(slots=True)
class Mesh:
    """A running system and a REST client of its edge."""

    process: subprocess.Popen[bytes]
    rest: httpx.Client
    data_dir: Path

    def children(self) -> dict[str, int]:
        """Process ids by service name."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(entry) == self.process.pid:
                words = (entry / "cmdline").read_bytes().split(b"\0")
                if b"services" in words:
                    found[words[words.index(b"services") + 1].decode()] = int(entry.name)
        return found

    def cache(self) -> int:
        """Port of the cache, as the timeline service was told."""
        (pid,) = (pid for name, pid in self.children().items() if name == "timeline")
        environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        (url,) = (v for v in environment if v.startswith(b"AVIARY_CACHE_VALKEY_URL="))
        return int(url.rsplit(b":", 1)[1].split(b"/")[0])


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def start(data_dir: Path, **environment: str) -> Mesh:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    log = (data_dir.parent / "up.log").open("ab")
    process = subprocess.Popen(
        [sys.executable, "-m", "services", "up", "--data-dir", data_dir, "--edge-port", str(port)],
        stdout=log,
        stderr=log,
        env={**os.environ, "AVIARY_CELEBRITY_THRESHOLD": "2", **environment},
    )
    log.close()
    rest = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        try:
            if rest.get("/healthz").status_code == httpx.codes.OK:
                return Mesh(process, rest, data_dir)
        except httpx.HTTPError:
            pass
        assert process.poll() is None, (data_dir.parent / "up.log").read_text()
        time.sleep(0.1)
    stop(Mesh(process, rest, data_dir))
    raise AssertionError((data_dir.parent / "up.log").read_text())


def stop(mesh: Mesh) -> int:
    mesh.rest.close()
    mesh.process.send_signal(signal.SIGINT)
    return mesh.process.wait(timeout=40)


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("mesh") / "data")
    yield running
    assert stop(running) == 0
