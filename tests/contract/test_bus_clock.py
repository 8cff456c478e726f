"""The Valkey bus when the clock of its server goes back."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from services.platform.bus.port import Message, Received
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import UnavailableError
from tests.contract.bus_engines import TOPOLOGY, ValkeyServer
from tests.contract.bus_waits import DEADLINE_S, take
from tests.moved_clock import MovedClock

HOUR_S = 3_600
VISIBILITY_S = 1.0


@pytest.fixture
def clock(tmp_path: Path) -> MovedClock:
    return MovedClock(tmp_path)


@pytest.fixture
def server(tmp_path: Path, clock: MovedClock) -> Iterator[ValkeyServer]:
    clock.set(HOUR_S)
    running = ValkeyServer(tmp_path, clock.environment)
    try:
        running.start()
        yield running
    finally:
        running.kill()


@pytest.fixture
async def driver(server: ValkeyServer) -> AsyncIterator[ValkeyStreamsDriver]:
    opened = ValkeyStreamsDriver(server.url, TOPOLOGY, visibility_s=VISIBILITY_S)
    await opened.declare(TOPOLOGY)
    await opened.publish("second", [Message(b"first"), Message(b"last")])
    yield opened
    await opened.close()


async def retaken(driver: ValkeyStreamsDriver) -> list[Received]:
    """Receive both messages; a receive that began before the clock moved may fail."""
    taken: list[Received] = []
    async with asyncio.timeout(DEADLINE_S):
        while len(taken) < 2:
            with suppress(UnavailableError):
                taken += await driver.receive("second.one", max_messages=2, wait_s=1.0)
    return sorted(taken, key=lambda each: each.message.data)


async def test_delayed_messages_come_though_they_are_due_in_an_hour(
    driver: ValkeyStreamsDriver, clock: MovedClock
) -> None:
    for received in await take(driver, "second.one", 2):
        await driver.delay("second.one", received, 0.1)
    clock.set(0)
    again = await retaken(driver)
    assert [each.message.data for each in again] == [b"first", b"last"]
    assert [each.attempt for each in again] == [2, 2]


async def test_a_delay_that_was_asked_for_is_kept(driver: ValkeyStreamsDriver) -> None:
    for received in await retaken(driver):
        await driver.delay("second.one", received, 60)
    assert await driver.receive("second.one", max_messages=2, wait_s=2 * VISIBILITY_S) == []


async def test_messages_that_a_dead_consumer_had_in_hand_come_again(
    driver: ValkeyStreamsDriver, clock: MovedClock
) -> None:
    await take(driver, "second.one", 2)
    clock.set(0)
    again = await retaken(driver)
    assert [each.message.data for each in again] == [b"first", b"last"]
    assert [each.attempt for each in again] == [2, 2]
