"""Who is watched, what is announced of them, and how many streams a user has."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Sequence

import pytest
from redis.asyncio import Redis
from redis.asyncio.cluster import RedisCluster
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.live.store import MOST_STREAMS, ValkeySeats
from services.platform.runtime.clock import SystemClock
from services.platform.valkey import watched_ids
from services.platform.valkey.announcements import ListListener
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.watched_ids import WatchedIds
from services.timeline.spec import PUSHED, UNPUSHED, WATCHED
from services.timeline.watched_homes import WatchedHomes
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

WITHIN_S = 10
MANY = 1_500


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.01)


class Heard:
    def __init__(self) -> None:
        self.is_open = False
        self.ids: list[int] = []

    def open(self) -> None:
        self.is_open = True

    def close(self) -> None:
        self.is_open = False

    def heard(self, ids: Sequence[int]) -> None:
        self.ids += ids


async def heard(client: ValkeyClient, channel: bytes) -> AsyncIterator[Heard]:
    if isinstance(client, RedisCluster):
        port = client.get_random_node().port
    else:
        port = client.connection_pool.connection_kwargs["port"]
    found = Heard()
    listener = ListListener(lambda: Redis(port=port, retry=Retry(NoBackoff(), 0)), channel, found)
    await listener.start()
    await until(lambda: found.is_open)
    yield found
    await listener.stop()


@pytest.fixture
async def pushes(client: ValkeyClient) -> AsyncIterator[Heard]:
    async for found in heard(client, PUSHED):
        yield found


@pytest.fixture
async def posts(client: ValkeyClient) -> AsyncIterator[Heard]:
    async for found in heard(client, UNPUSHED):
        yield found


async def test_what_is_watched_is_known_and_forgotten(
    client: ValkeyClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched = WatchedIds(client, b"test")
    assert await watched.among([1, 2]) == set()
    await watched.watch(range(1, MANY))
    await watched.watch([])
    assert await watched.among([]) == set()
    assert await watched.among(range(2 * MANY)) == set(range(1, MANY))
    monkeypatch.setattr(watched_ids, "WATCHED_FOR_S", 0.001)
    await watched.watch([MANY])
    await asyncio.sleep(0.01)
    assert await watched.among([MANY, 1]) == {1}


async def test_only_pushes_to_who_is_watched_are_announced(
    client: ValkeyClient, pushes: Heard
) -> None:
    await WatchedIds(client, WATCHED).watch([7, 8])
    await WatchedHomes(client).pushed({6: [1], 7: [2, 3], 9: [4]})
    await WatchedHomes(client).pushed({8: list(range(10, 10 + MANY))})
    await until(lambda: len(pushes.ids) == 2 * (2 + MANY))
    assert pushes.ids[:4] == [7, 2, 7, 3]
    assert pushes.ids[4::2] == [8] * MANY
    assert pushes.ids[5::2] == list(range(10, 10 + MANY))


async def test_what_is_left_to_readers_is_announced_with_its_author(
    client: ValkeyClient, posts: Heard
) -> None:
    await WatchedHomes(client).unpushed({100: 5, 101: 6})
    await until(lambda: posts.ids == [5, 100, 6, 101])


async def test_a_user_has_so_many_streams_and_one_that_is_left_makes_room(
    client: ValkeyClient,
) -> None:
    seats = ValkeySeats(client, SystemClock())
    streams = [b"%d" % number for number in range(MOST_STREAMS)]
    for stream in streams:
        assert await seats.take(7, stream)
    assert not await seats.take(7, b"more")
    assert await seats.take(7, streams[0]), "it has one already"
    assert await seats.take(8, b"another's")
    await seats.leave(7, streams[3])
    assert await seats.take(7, b"more")
    # What is open stays, also where the seats were lost.
    await seats.keep({b"over": 7})
    assert not await seats.take(7, b"and more")


class Later:
    def __init__(self) -> None:
        self.ahead_ms = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms


async def test_streams_of_a_process_that_died_take_no_room_for_long(client: ValkeyClient) -> None:
    clock = Later()
    seats = ValkeySeats(client, clock)
    for number in range(MOST_STREAMS):
        assert await seats.take(7, b"%d" % number)
    clock.ahead_ms = 40_000
    await seats.keep({b"0": 7})
    clock.ahead_ms = 50_000
    for number in range(MOST_STREAMS - 1):
        assert await seats.take(7, b"new %d" % number)
    assert not await seats.take(7, b"more")
