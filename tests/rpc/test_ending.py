"""Every service ends at a signal, in every state of its life."""

import asyncio
import os
import signal
import socket
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import ExitStack, asynccontextmanager, closing, contextmanager
from pathlib import Path

import grpc
import grpc.aio
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from services.platform.runtime.ending import END_WITHIN_S
from services.platform.specs import all_specs
from tests.contract.valkey_servers import valkey_node
from tests.processes import free_port

START_S = 120.0
"""Eight processes import at once."""
END_S = END_WITHIN_S - 2.0
"""Whoever ends later was ended by the kernel, with another code."""
NOWHERE = "127.0.0.1:1"
CATCHES_TERM = 1 << (signal.SIGTERM - 1)


class Started:
    """One service as a process."""

    def __init__(self, name: str, process: asyncio.subprocess.Process) -> None:
        self.name = name
        self.process = process
        self.said = b""

    async def caught(self) -> None:
        """Wait until it handles signals, which is before it waits for anything."""
        status = Path(f"/proc/{self.process.pid}/status")
        while True:
            lines = status.read_text().splitlines()  # noqa: ASYNC240 - of the kernel
            line = next(one for one in lines if "SigCgt" in one)
            if int(line.split()[1], 16) & CATCHES_TERM:
                return
            await asyncio.sleep(0.02)

    async def says(self, *words: bytes) -> None:
        """Wait for a line that has one of the words."""
        assert self.process.stderr is not None
        while line := await self.process.stderr.readline():
            self.said += line
            if any(word in line for word in words):
                return
        raise AssertionError(f"{self.name} ended: {self.said.decode()}")

    async def ended(self) -> None:
        assert self.process.stderr is not None
        async with asyncio.timeout(END_S):
            self.said += await self.process.stderr.read()
            code = await self.process.wait()
        assert (self.name, code) == (self.name, 0), self.said.decode()
        assert b"Traceback" not in self.said, self.said.decode()


@asynccontextmanager
async def started(name: str, environment: Mapping[str, str]) -> AsyncIterator[Started]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "services", name),
        env=os.environ | environment,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield Started(name, process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


def environment(folder: Path, *, siblings: str, valkey: str, name: str = "") -> dict[str, str]:
    """What leads a service to its siblings and its Valkeys; its own addresses are free."""
    found = {"AVIARY_DATA_DIR": str(folder), "AVIARY_LOG_LEVEL": "info"}
    found |= {f"AVIARY_{each}_VALKEY_URL": f"redis://{valkey}/0" for each in ("BUS", "CACHE")}
    for spec in all_specs().values():
        own = f"127.0.0.1:{free_port()}"
        found[spec.address_variable] = own if spec.name == name else siblings
        if spec.http_port is not None:
            found[spec.http_address_variable] = f"127.0.0.1:{free_port()}"
    return found


@contextmanager
def hanging() -> Iterator[str]:
    """Give an address that takes connections and answers nothing."""
    with socket.create_server(("127.0.0.1", 0), backlog=200) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


@contextmanager
def gone(_folder: Path) -> Iterator[tuple[str, str]]:
    yield NOWHERE, NOWHERE


@contextmanager
def hung(_folder: Path) -> Iterator[tuple[str, str]]:
    with hanging() as siblings, hanging() as valkey:
        yield siblings, valkey


@contextmanager
def without_siblings(folder: Path) -> Iterator[tuple[str, str]]:
    """The state in which a service waits for its lease, with a bus that answers."""
    (folder / "valkey").mkdir()
    with hanging() as siblings, valkey_node(folder / "valkey") as port:
        yield siblings, f"127.0.0.1:{port}"


@contextmanager
def locked(folder: Path) -> Iterator[tuple[str, str]]:
    """Somebody else has every store's lock."""
    with ExitStack() as stack:
        for name in all_specs():
            path = folder / f"{name}.db"
            other = stack.enter_context(closing(sqlite3.connect(path, isolation_level=None)))
            other.execute("CREATE TABLE anything (a)")
            other.execute("BEGIN EXCLUSIVE")
        yield NOWHERE, NOWHERE


WAITING = {"gone": gone, "hangs": hung, "lease": without_siblings, "store": locked}


@pytest.mark.timeout(2 * START_S + END_S)
@pytest.mark.parametrize("waiting_for", WAITING)
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_start_ends_at_the_signal(
    tmp_path: Path, waiting_for: str, number: signal.Signals
) -> None:
    async def ends(name: str, siblings: str, valkey: str) -> None:
        variables = environment(tmp_path, siblings=siblings, valkey=valkey, name=name)
        async with started(name, variables) as service:
            async with asyncio.timeout(START_S):
                await service.caught()
                if number is signal.SIGTERM and waiting_for != "store":
                    # Later, when it serves, or has told what it waits for. (For a store's lock it
                    # waits in silence, and then gives up by itself.)
                    await service.says(b'"event"')
            service.process.send_signal(number)
            await service.ended()

    with WAITING[waiting_for](tmp_path) as (siblings, valkey):
        await asyncio.gather(*(ends(name, siblings, valkey) for name in all_specs()))


@asynccontextmanager
async def draining(folder: Path) -> AsyncIterator[Started]:
    """The id service, asked to end while a call is under way that does not end by itself."""
    variables = environment(folder, siblings=NOWHERE, valkey=NOWHERE, name="id")
    async with started("id", variables) as service:
        async with asyncio.timeout(START_S):
            await service.says(b"service.serving", b"serving")
        address = variables[all_specs()["id"].address_variable]
        async with grpc.aio.insecure_channel(address) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.SERVING
            service.process.send_signal(signal.SIGTERM)
            assert (await watch.read()).status == health_pb2.HealthCheckResponse.NOT_SERVING
            yield service
            watch.cancel()


@pytest.mark.timeout(START_S + 2 * END_S)
@pytest.mark.parametrize("again", [None, signal.SIGTERM, signal.SIGINT])
async def test_a_drain_ends_by_itself_and_sooner_at_a_second_signal(
    tmp_path: Path, again: signal.Signals | None
) -> None:
    async with draining(tmp_path) as service:
        began = asyncio.get_running_loop().time()
        if again is not None:
            service.process.send_signal(again)
        await service.ended()
        took_s = asyncio.get_running_loop().time() - began
    # The whole drain is for calls that may still end.
    assert (took_s > DRAIN_S) == (again is None)


DRAIN_S = 9.0
