"""What the graph changed is forgotten in a real cache: at once, or as soon as it answers again."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Collection
from dataclasses import dataclass
from pathlib import Path

import pytest
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import deadline_in
from services.platform.valkey.breaker import CALL_TIMEOUT_S, GuardedValkey
from services.platform.valkey.connection import ValkeyClient
from services.timeline.hot_lists import HotLists
from services.timeline.model import ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.stale_relations import StaleRelations
from tests.contract.timeline_readers import Reader
from tests.contract.valkey_clients import client, server
from tests.contract.valkey_servers import valkey_node

__all__ = ["client", "server"]

ADA, BOB = 1, 2
BEFORE = ViewerRelations(frozenset({ADA, BOB}))
AFTER = ViewerRelations(frozenset(), frozenset({ADA, BOB}))
WITHIN_S = 30.0


@dataclass
class Graph:
    relations: ViewerRelations = BEFORE

    async def fetch(self, _viewer: int) -> ViewerRelations:
        return self.relations


def reader(valkey: ValkeyClient, graph: Graph) -> Reader:
    """One process that reads timelines."""
    return Reader(HotLists(valkey), RelationsCache(valkey), graph)


async def seen(readers: list[Reader]) -> set[ViewerRelations]:
    return {(await one.home(viewer, None, 1)).relations for one in readers for viewer in (ADA, BOB)}


async def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while not holds():
        assert time.monotonic() < deadline, "not in time"
        await asyncio.sleep(0.01)


async def test_every_process_sees_a_change_at_its_next_read(client: ValkeyClient) -> None:
    graph = Graph()
    readers = [reader(client, graph) for _ in range(2)]
    assert await seen(readers) == {BEFORE}
    graph.relations = AFTER
    await StaleRelations(RelationsCache(client)).forget({ADA, BOB})
    assert await seen(readers) == {AFTER}


@pytest.fixture
async def cache(tmp_path: Path) -> AsyncIterator[tuple[int, int]]:
    """Port and process id of a node that may hang."""
    with valkey_node(tmp_path) as port:
        async with guarded(port) as valkey:
            pid = (await valkey.info("server"))["process_id"]
        yield port, pid
        os.kill(pid, signal.SIGCONT)


def guarded(port: int) -> GuardedValkey:
    return GuardedValkey.from_url(
        f"redis://127.0.0.1:{port}/0", socket_timeout=CALL_TIMEOUT_S, retry=Retry(NoBackoff(), 0)
    )


@pytest.mark.parametrize("known_to_hang", [False, True])
async def test_a_cache_that_hangs_has_forgotten_soon_after_it_is_back(
    cache: tuple[int, int], *, known_to_hang: bool
) -> None:
    """A change is not held up for long; who reads meanwhile asks the graph."""
    port, pid = cache
    graph = Graph()
    async with guarded(port) as writing, guarded(port) as reading:
        stale, readers = StaleRelations(RelationsCache(writing)), [reader(reading, graph)]
        await stale.start()
        assert await seen(readers) == {BEFORE}
        os.kill(pid, signal.SIGSTOP)
        graph.relations = AFTER
        if known_to_hang:
            with pytest.raises(UnavailableError):
                await RelationsCache(writing).invalidate([3])
        # What is left of the request's time is not used up.
        with deadline_in(WITHIN_S):
            await asyncio.wait_for(stale.forget({ADA, BOB}), WITHIN_S)
        assert set(stale.left) == {ADA, BOB}
        with pytest.raises(UnavailableError):
            await seen(readers)
        os.kill(pid, signal.SIGCONT)
        await until(lambda: not stale.left)
        await until(lambda: not reading.breaker.is_open)
        assert await seen(readers) == {AFTER}
        await stale.stop()


class FlappingCache(RelationsCache):
    """Does not answer the first call and the third, and the second only when it may."""

    def __init__(self, valkey: ValkeyClient) -> None:
        super().__init__(valkey)
        self._calls = 0
        self.has_forgotten = asyncio.Event()
        self.may_answer = asyncio.Event()

    async def invalidate(self, viewer_ids: Collection[int]) -> None:
        self._calls += 1
        if self._calls in {1, 3}:
            raise UnavailableError("away")
        await super().invalidate(viewer_ids)
        self.has_forgotten.set()
        await self.may_answer.wait()


async def test_what_changes_while_it_is_being_forgotten_is_forgotten_again(
    client: ValkeyClient,
) -> None:
    graph, cache = Graph(), FlappingCache(client)
    stale, readers = StaleRelations(cache), [reader(client, graph)]
    await stale.start()
    await stale.forget({ADA, BOB})
    await cache.has_forgotten.wait()
    assert await seen(readers) == {BEFORE}
    graph.relations = AFTER
    await stale.forget({ADA, BOB})
    cache.may_answer.set()
    await until(lambda: not stale.left)
    assert await seen(readers) == {AFTER}
    await stale.stop()


async def test_what_is_left_over_is_bounded(cache: tuple[int, int], monkeypatch) -> None:
    monkeypatch.setattr("services.timeline.stale_relations.MAX_LEFT", 3)
    port, pid = cache
    async with guarded(port) as writing:
        stale = StaleRelations(RelationsCache(writing))
        os.kill(pid, signal.SIGSTOP)
        await stale.forget(range(1, 10))
        assert set(stale.left) == {1, 2, 3}
