"""The whole system, started as `make run` starts it."""

import contextlib
import http.client
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import grpc
import grpc.aio
import httpx
import pytest
from redis import Redis

from services.local.operator_file import read_operator
from services.local.operator_stores import stores_of
from services.local.supervisor import END_WITHIN_S
from services.local.valkeys import url
from services.platform.config.values import each_address
from services.platform.files import local_addresses
from services.platform.rpc.operator import operator_channel, operator_files, operator_sync_channel
from services.platform.security.identities import OPERATOR
from services.platform.valkey.connection import open_blocking
from tests.e2e.edge_admin import reaches_all
from tests.e2e.operator_auth import OperatorAuth
from tests.e2e.service_processes import services_of, words_of
from tests.e2e.signed_calls import signer_of, signing
from tests.emulators import require_emulators
from tests.processes import free_port

READY = b"Aviary is ready"
READY_TIMEOUT_S = 150  # longer than the supervisor's own, whose message says more
TEST_TIMEOUT_S = 400  # of a test and what it starts: two systems, and waits for queues to drain
SIDECARS = os.environ.get("AVIARY_TEST_SIDECARS") == "1"
SCALE = os.environ.get("AVIARY_TEST_SCALE", "")
ENVIRONMENT = {
    "AVIARY_CELEBRITY_THRESHOLD": "2",
    # So that both ways are taken: who hides more, in any way, is asked about by name.
    "AVIARY_MAX_HIDDEN_LISTED": "1",
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
BIGTABLE_PUBSUB = Engine("bigtable+pubsub", emulators=True, within_s=45)


@dataclass(slots=True)
class Mesh:
    """A running system and a REST client of its edge."""

    process: subprocess.Popen[bytes]
    rest: httpx.Client
    data_dir: Path
    engine: Engine

    def children(self) -> dict[str, int]:
        """Process ids by service name; of several, that of the process that began first."""
        return {service: processes[0] for service, processes in self.replicas().items()}

    def replicas(self) -> dict[str, list[int]]:
        """The ids of all processes by service name, in the order of their beginnings."""
        return services_of(self.process.pid)

    def valkey_url(self, name: str) -> str:
        """URL of the `bus`, the `cache` or the `nonce` server, as services have it."""
        if name == "nonce":
            return self._nonce_url()
        return self.stores()[f"AVIARY_{name.upper()}_VALKEY_URL"]

    def _nonce_url(self) -> str:
        folder = self.data_dir / "nonces"
        for entry in Path("/proc").iterdir():
            with contextlib.suppress(OSError):
                if entry.name.isdigit() and (entry / "cwd").samefile(folder):
                    # It calls itself by its address.
                    port = int(words_of(entry)[1].rpartition(b":")[2])
                    return url("nonces", port, self.data_dir)
        raise AssertionError("no server of nonces runs")

    def valkey(self, name: str) -> Redis:
        """A client of that server, with its password."""
        return open_blocking(self.valkey_url(name), timeout_s=VALKEY_TIMEOUT_S)

    def channel(self, service: str) -> grpc.aio.Channel:
        """Opens a channel to a service as the operator."""
        files, signer = operator_files(self.data_dir), signer_of(self.data_dir)
        return operator_channel(files, service, ",".join(self.addresses(service)), signer=signer)

    def address(self, service: str) -> str:
        """Where others than itself reach a service, or its first process."""
        return self.addresses(service)[0]

    def addresses(self, service: str) -> Sequence[str]:
        """The same of each of its processes."""
        addresses = local_addresses.found(self.data_dir)
        assert addresses is not None
        return each_address(addresses[service])

    def sync_channel(
        self, service: str, *, peer: str = OPERATOR, address: str | None = None
    ) -> grpc.Channel:
        """The same, for tests without an event loop, and by default as the operator."""
        files, at = operator_files(self.data_dir), address or ",".join(self.addresses(service))
        return signing(operator_sync_channel(files, service, at, identity=peer), self.data_dir)

    def stores(self) -> Mapping[str, str]:
        """The settings that lead to its stores."""
        stores = stores_of(self.data_dir, read_operator(self.data_dir))
        return {**stores, "AVIARY_DATA_DIR": str(self.data_dir)}


WITH_PYTHON = """
import pathlib, sys
from services.local import supervisor

data_dir, edge_port, python, *options = sys.argv[1:]
switches = {option.removeprefix("--"): True for option in options}
sys.exit(supervisor.run(pathlib.Path(data_dir), int(edge_port), python, **switches))
"""


def start(  # noqa: PLR0913 - one value each, and all but one have defaults
    data_dir: Path,
    *,
    engine: Engine = SQLITE_VALKEY,
    python: Path | None = None,
    checkout: Path | None = None,
    sidecars: bool = SIDECARS,
    scale: str = SCALE,
    **environment: str,
) -> Mesh:
    """Start everything; `python` is the interpreter of the services, where it is another.

    `checkout` has the code to run, where it is not this one, and which may know of no `scale`.
    """
    log = data_dir.parent / "up.log"
    port = free_port()
    command = ["-m", "services", "up", "--data-dir", str(data_dir), "--edge-port", str(port)]
    if python is not None:
        command = ["-c", WITH_PYTHON, str(data_dir), str(port), str(python)]
    elif scale and checkout is None:
        command += ["--scale", scale]
    if sidecars:
        command.append("--sidecars")
    if engine.emulators:
        command.append("--emulators")
    before = log.stat().st_size if log.exists() else 0
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
    said = _comes_true(mesh, lambda: READY in log.read_bytes()[before:])
    # By this client, so that what it asks next finds the edge's connections open.
    if not (said and _becomes_ready(mesh)):
        if process.poll() is None:
            stop(mesh)
        raise AssertionError(log.read_text())
    # For tests that call by other means than this client.
    rest.headers["authorization"] = auth.renewed()
    return mesh


def becomes_whole(mesh: Mesh) -> bool:
    """Wait until every service is ready, and the edge knows it; False if that does not come."""
    # In this order: what the edge knows may be from before.
    return _becomes_ready(mesh) and _comes_true(mesh, lambda: reaches_all(mesh.data_dir))


def _becomes_ready(mesh: Mesh) -> bool:
    return _comes_true(mesh, lambda: mesh.rest.get("/healthz").status_code == httpx.codes.OK)


def _comes_true(mesh: Mesh, look: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + READY_TIMEOUT_S
    while time.monotonic() < deadline and mesh.process.poll() is None:
        with contextlib.suppress(httpx.HTTPError, http.client.HTTPException, OSError):
            if look():
                return True
        time.sleep(0.1)
    return False


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


class SharedMesh:
    """The system that test files use one after the other, of one engine at a time.

    To start one takes as long as most files take.
    """

    def __init__(self, folders: pytest.TempPathFactory) -> None:
        self._folders = folders
        self._running: Mesh | None = None

    def of(self, engine: Engine) -> Mesh:
        """The one that runs, where it is of that engine and well, else a new one."""
        running = self._running
        if running is not None and (running.engine != engine or not becomes_whole(running)):
            self.stop()
        if self._running is None:
            self._running = start(self._folders.mktemp("mesh") / "data", engine=engine)
        return self._running

    def anew(self, engine: Engine) -> Mesh:
        """One that nobody has used, for tests of what a whole system holds."""
        self.stop()
        return self.of(engine)

    def stop(self) -> None:
        """End the one that runs; raises where it does not end well, or has ended already."""
        running, self._running = self._running, None
        assert running is None or stop(running) == 0


SHARED = pytest.StashKey[SharedMesh]()


@pytest.fixture(scope="session")
def shared_mesh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> SharedMesh:
    """Ended after the last test in a row that uses it."""
    return request.config.stash.setdefault(SHARED, SharedMesh(tmp_path_factory))


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    shared = item.config.stash.get(SHARED, None)
    if shared is not None and "shared_mesh" not in getattr(nextitem, "fixturenames", ()):
        shared.stop()


@pytest.fixture(scope="module", params=[BIGTABLE_PUBSUB, SQLITE_VALKEY], ids=lambda e: e.name)
def engine(request: pytest.FixtureRequest) -> Engine:
    """Each in turn."""
    if request.param.emulators:
        require_emulators()
    return request.param


@pytest.fixture(scope="module")
def mesh(engine: Engine, shared_mesh: SharedMesh) -> Mesh:
    return shared_mesh.of(engine)
