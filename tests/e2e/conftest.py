"""The whole system, started as `make run` starts it."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
from redis import Redis

from services.local.operator_file import OperatorError, fetch_token, read_operator
from services.local.supervisor import END_WITHIN_S
from services.platform.files import local_addresses
from services.platform.rpc.operator import operator_channel, operator_files, operator_sync_channel
from services.platform.security.identities import OPERATOR
from services.platform.valkey.connection import open_blocking
from tests.e2e.signed_calls import signer_of, signing
from tests.emulators import require_emulators
from tests.processes import free_port

READY_TIMEOUT_S = 150  # longer than the supervisor's own, whose message says more
TEST_TIMEOUT_S = 400  # of a test and what it starts: two systems, and waits for queues to drain
SIDECARS = os.environ.get("AVIARY_TEST_SIDECARS") == "1"
ENVIRONMENT = {
    "AVIARY_CELEBRITY_THRESHOLD": "2",
    # The least there is: tests that kill a consumer wait this long for what it had in hand.
    "AVIARY_BUS_VISIBILITY_S": "10",
    # A test comes from one address, faster than any client may; test_limits.py turns them on.
    "AVIARY_EDGE_LIMITS": "off",
}
VALKEY_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = END_WITHIN_S  # by then the kernel has ended the supervisor


@dataclass(frozen=True, slots=True)
class Engine:
    """What keeps rows and messages."""

    name: str
    emulators: bool
    within_s: float
    """Time in which a queue drains, on a machine that is busy with other tests."""


SQLITE_VALKEY = Engine("sqlite+valkey", emulators=False, within_s=15)
# A row read takes milliseconds where SQLite's takes microseconds, a publish fourteen.
BIGTABLE_PUBSUB = Engine("bigtable+pubsub", emulators=True, within_s=30)


@dataclass(slots=True)
class Mesh:
    """A running system and a REST client of its edge."""

    process: subprocess.Popen[bytes]
    rest: httpx.Client
    data_dir: Path
    engine: Engine

    def children(self) -> dict[str, int]:
        """Process ids by service name."""
        found = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and _parent(entry) == self.process.pid:
                words = _words(entry)
                if b"services" in words:
                    found[words[words.index(b"services") + 1].decode()] = int(entry.name)
        return found

    def valkey_url(self, name: str) -> str:
        """URL of the `bus`, the `cache` or the `nonce` server, as services have it."""
        return self.environment("gateway")[f"AVIARY_{name.upper()}_VALKEY_URL"]

    def valkey(self, name: str) -> Redis:
        """A client of that server, with its password."""
        return open_blocking(self.valkey_url(name), timeout_s=VALKEY_TIMEOUT_S)

    def channel(self, service: str) -> grpc.aio.Channel:
        """Opens a channel to a service as the operator."""
        files, signer = operator_files(self.data_dir), signer_of(self.data_dir)
        return operator_channel(files, service, self.address(service), signer=signer)

    def address(self, service: str) -> str:
        """Where others than itself reach a service."""
        addresses = local_addresses.found(self.data_dir)
        assert addresses is not None
        return addresses[service]

    def sync_channel(
        self, service: str, *, peer: str = OPERATOR, address: str | None = None
    ) -> grpc.Channel:
        """The same, for tests without an event loop, and by default as the operator."""
        files, at = operator_files(self.data_dir), address or self.address(service)
        return signing(operator_sync_channel(files, service, at, identity=peer), self.data_dir)

    def environment(self, service: str) -> dict[str, str]:
        """The environment that a service was started with."""
        raw = Path(f"/proc/{self.children()[service]}/environ").read_bytes()
        return dict(line.split("=", 1) for line in raw.decode().split("\0") if line)


def _words(entry: Path) -> list[bytes]:
    # It may have ended since it was listed.
    with contextlib.suppress(OSError):
        return (entry / "cmdline").read_bytes().split(b"\0")
    return []


def _parent(entry: Path) -> int:
    try:
        return int((entry / "stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


class OperatorAuth(httpx.Auth):
    """Shows a token that acts for anybody, and gets another when it is refused."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._shown: list[str] = []

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        # A test that shows a token of its own means it.
        if request.headers.get("authorization") not in {None, *self._shown}:
            yield request
            return
        if self._shown:
            request.headers["authorization"] = self._shown[-1]
        answer = yield request
        if answer.status_code == httpx.codes.UNAUTHORIZED:
            try:
                request.headers["authorization"] = self.renewed()
            except OperatorError as error:
                # As the issuer may be the one that a test has stopped.
                raise httpx.ConnectError(str(error)) from error
            yield request

    def renewed(self) -> str:
        """Get a token; gives the header's value."""
        self._shown.append(f"Bearer {fetch_token(read_operator(self._data_dir))}")
        return self._shown[-1]


WITH_PYTHON = """
import pathlib, sys
from services.local import supervisor

data_dir, edge_port, python, *options = sys.argv[1:]
switches = {option.removeprefix("--"): True for option in options}
sys.exit(supervisor.run(pathlib.Path(data_dir), int(edge_port), python, **switches))
"""


def start(
    data_dir: Path,
    *,
    engine: Engine = SQLITE_VALKEY,
    python: Path | None = None,
    checkout: Path | None = None,
    sidecars: bool = SIDECARS,
    **environment: str,
) -> Mesh:
    """Start everything; `python` is the interpreter of the services, where it is another.

    `checkout` has the code to run, where it is not this one.
    """
    log = data_dir.parent / "up.log"
    port = free_port()
    command = ["-m", "services", "up", "--data-dir", str(data_dir), "--edge-port", str(port)]
    if python is not None:
        command = ["-c", WITH_PYTHON, str(data_dir), str(port), str(python)]
    if sidecars:
        command.append("--sidecars")
    if engine.emulators:
        command.append("--emulators")
    with log.open("ab") as output:
        process = subprocess.Popen(
            [sys.executable, *command],
            stdout=output,
            stderr=output,
            env={**os.environ, **ENVIRONMENT, **environment, **python_path(checkout)},
            cwd=checkout,
        )
    auth = OperatorAuth(data_dir)
    rest = httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=10, auth=auth)
    mesh = Mesh(process, rest, data_dir, engine)
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.HTTPError):
            if rest.get("/healthz").status_code == httpx.codes.OK:
                # For tests that call by other means than this client.
                rest.headers["authorization"] = auth.renewed()
                return mesh
        assert process.poll() is None, log.read_text()
        time.sleep(0.1)
    stop(mesh)
    raise AssertionError(log.read_text())


def python_path(checkout: Path | None) -> dict[str, str]:
    """The variable by which Python takes Aviary's code from another checkout than this."""
    return {} if checkout is None else {"PYTHONPATH": f"{checkout}:{checkout / 'gen'}"}


def stop(mesh: Mesh) -> int:
    mesh.rest.close()
    mesh.process.send_signal(signal.SIGINT)
    return mesh.process.wait(timeout=STOP_TIMEOUT_S)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = Path(__file__).parent
    for item in items:
        if item.path.is_relative_to(here) and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(TEST_TIMEOUT_S))


@pytest.fixture(scope="module", params=[SQLITE_VALKEY, BIGTABLE_PUBSUB], ids=lambda e: e.name)
def mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Mesh]:
    """Each engine in turn."""
    if request.param.emulators:
        require_emulators()
    running = start(tmp_path_factory.mktemp("mesh") / "data", engine=request.param)
    yield running
    assert stop(running) == 0
