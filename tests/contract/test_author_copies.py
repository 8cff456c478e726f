"""Copies of authors' lists in a process: as right as the lists, on one node and on a cluster."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Any

import pytest
from redis.asyncio import Redis

from services.platform.errors import UnavailableError
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.lines import ValkeyCluster
from services.timeline.author_copies import COPY_IDS, COPY_S, AuthorCopies
from services.timeline.hot_lists import HotLists
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.model import IdRun
from tests.contract.valkey_clients import client, connected, server

__all__ = ["client", "server"]

AUTHORS = list(range(1, 31))
COUNT = 20
CHANGES = 400


class Watch:
    def __init__(self) -> None:
        self.ahead_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.ahead_s


class CountedLists(HotLists):
    """Counts what is read of Valkey, and does what a test wants done just after that."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.read: list[bytes] = []
        self.heard = 0
        self.after: Any = None

    async def read_many(
        self, keys: Sequence[bytes], before: int | None, count: int
    ) -> list[IdRun | None]:
        self.read += keys
        return await super().read_many(keys, before, count)

    async def read_watched(self, keys: Sequence[bytes], *what: Any) -> list[Any]:
        self.read += keys
        found = await super().read_watched(keys, *what)
        if self.after is not None:
            await self.after()
        return found

    async def hear(self, keys: Sequence[bytes]) -> None:
        self.heard += 1
        await super().hear(keys)


@pytest.fixture
def lists(client: ValkeyClient) -> CountedLists:
    return CountedLists(client, capacity=200)


@pytest.fixture
async def other(server: tuple[str, int]) -> AsyncIterator[HotLists]:
    """Another process."""
    async with connected(server) as made:
        yield HotLists(made, capacity=200)


async def warm(lists: HotLists, author: int, ids: Sequence[int], *, complete: bool = True) -> None:
    key = author_list_key(author)
    await lists.begin_warm(key, b"t")
    await lists.finish_warm(key, b"t", ids, complete=complete)


async def read(
    copies: AuthorCopies, authors: Sequence[int], before: int | None = None, count: int = COUNT
) -> list[IdRun | None]:
    return await copies.read(authors, before, count, time.monotonic())


async def all_nodes(server: tuple[str, int], client: ValkeyClient, *command: str) -> None:
    ports = [server[1]]
    if isinstance(client, ValkeyCluster):
        ports = [int(node.port) for node in client.get_primaries()]
    for port in ports:
        async with Redis(port=port) as admin:
            await admin.execute_command(*command)


def cut(run: IdRun | None, count: int) -> tuple[tuple[int, ...], bool] | None:
    if run is None:
        return None
    return tuple(run.ids[:count]), run.ended and len(run.ids) <= count


async def test_a_list_that_nobody_changes_is_read_once(lists: CountedLists) -> None:
    copies = AuthorCopies(lists)
    for author in AUTHORS:
        await warm(lists, author, range(author, 3000 + author, 100))
    first = await read(copies, AUTHORS)
    assert sorted(lists.read) == sorted(map(author_list_key, AUTHORS))
    for _ in range(3):
        assert await read(copies, AUTHORS) == first
    assert len(lists.read) == len(AUTHORS)


async def test_a_read_that_has_asked_the_node_meanwhile_asks_nothing(lists: CountedLists) -> None:
    copies = AuthorCopies(lists)
    await warm(lists, 7, [3, 2, 1])
    await read(copies, [7])
    since_s = time.monotonic()
    await lists.read_many([home_list_key(7)], None, 1)  # the same slot, so the same node
    heard, lists.read = lists.heard, []
    assert await copies.read([7], None, COUNT, since_s) == [IdRun((3, 2, 1), ended=True)]
    assert (lists.heard, lists.read) == (heard, [])


async def test_whoever_changes_a_list_is_seen_by_who_asks_afterwards(
    lists: CountedLists, other: HotLists, client: ValkeyClient
) -> None:
    copies, chance = AuthorCopies(lists), random.Random(7)  # noqa: S311 - no secret

    async def change(author: int) -> None:
        key, writer = author_list_key(author), chance.choice([lists, other])
        match chance.randrange(8):
            case 0 | 1 | 2:
                await writer.push([key], chance.randrange(1, 10_000))
            case 3:
                found = (await other.read_many([key], None, 50))[0]
                if found is not None and found.ids:
                    await writer.remove(key, chance.choice(found.ids))
            case 4:
                await writer.drop(key)
            case 5 | 6:
                ids = chance.sample(range(1, 10_000), chance.randrange(0, 100))
                await warm(writer, author, ids, complete=chance.random() < 0.5)
            case 7:
                await client.pexpire(key, 1)
                async with asyncio.timeout(30):
                    while await client.exists(key):  # noqa: ASYNC110 - keys notify nobody
                        await asyncio.sleep(0.001)

    for _ in range(CHANGES):
        await change(chance.choice(AUTHORS))
        authors = chance.sample(AUTHORS, 10)
        before = chance.choice([None, None, chance.randrange(1, 10_000)])
        count = chance.choice([1, COUNT, COPY_IDS + 10])
        got = await read(copies, authors, before, count)
        want = await other.read_many([author_list_key(one) for one in authors], before, count)
        assert [cut(one, count) for one in got] == [cut(one, count) for one in want]
    await client.flushall()
    assert await read(copies, AUTHORS) == [None] * len(AUTHORS)
    assert len(lists.read) < CHANGES * 8, "most were copies"


async def test_a_list_that_is_changed_while_it_is_read_is_not_kept(
    lists: CountedLists, other: HotLists
) -> None:
    copies = AuthorCopies(lists)
    await warm(lists, 7, [3, 2, 1])

    async def push() -> None:
        await other.push([author_list_key(7)], 9)
        # Its report is here before this answer.
        await lists.hear([author_list_key(7)])

    lists.after = push
    await read(copies, [7])
    lists.after = None
    assert await read(copies, [7]) == [IdRun((9, 3, 2, 1), ended=True)]


async def test_a_lost_connection_takes_its_copies_along(
    server: tuple[str, int], lists: CountedLists, other: HotLists, client: ValkeyClient
) -> None:
    copies = AuthorCopies(lists)
    await warm(lists, 7, [3, 2, 1])
    await read(copies, [7])
    await all_nodes(server, client, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    async with asyncio.timeout(30):
        while True:
            with suppress(UnavailableError):
                await other.push([author_list_key(7)], 9)
                assert await read(copies, [7]) == [IdRun((9, 3, 2, 1), ended=True)]
                return
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("command", ["client|tracking", "client|caching"])
async def test_a_node_that_reports_nothing_is_asked_each_time(
    server: tuple[str, int],
    lists: CountedLists,
    other: HotLists,
    client: ValkeyClient,
    command: str,
) -> None:
    copies = AuthorCopies(lists)
    await warm(lists, 7, [3, 2, 1])
    await all_nodes(server, client, "ACL", "SETUSER", "default", f"-{command}")
    try:
        lists.read.clear()
        for _ in range(2):
            assert await read(copies, [7]) == [IdRun((3, 2, 1), ended=True)]
        await other.push([author_list_key(7)], 9)
        assert await read(copies, [7]) == [IdRun((9, 3, 2, 1), ended=True)]
    finally:
        await all_nodes(server, client, "ACL", "SETUSER", "default", f"+{command}")
    assert len(lists.read) == 3


async def test_copies_live_for_a_moment_and_take_little_room(lists: CountedLists) -> None:
    watch = Watch()
    copies = AuthorCopies(lists, capacity=3 * (1 + 10), now=watch)
    for author in range(1, 5):
        await warm(lists, author, range(10))
    await read(copies, [1, 2, 3])
    lists.read.clear()
    await read(copies, [1, 2, 3])
    assert lists.read == []
    await read(copies, [4])
    await read(copies, [4, 3, 2])
    assert lists.read == [author_list_key(4)]
    await read(copies, [1])
    assert lists.read == [author_list_key(4), author_list_key(1)]
    lists.read.clear()
    watch.ahead_s = COPY_S
    await read(copies, [1])
    assert lists.read == [author_list_key(1)]
