"""The mark of what a viewer did: seen by each read of the home, gone with each change."""

import pytest_asyncio

from services.platform.valkey.connection import ValkeyClient
from services.timeline.hot_lists import HotLists
from services.timeline.keys import home_list_key, viewer_mark_key
from services.timeline.relations_cache import RelationsCache
from services.timeline.stale_relations import StaleRelations
from services.timeline.viewer_marks import ViewerMarks
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]

ADA, BOB = 7, 8


class Reader:
    """Reads homes; each read offers a nonce of its own."""

    def __init__(self, client: ValkeyClient) -> None:
        self._lists, self._relations = HotLists(client), RelationsCache(client)
        self._reads = 0

    async def mark(self, viewer: int) -> bytes:
        self._reads += 1
        entry = self._relations.entry(viewer, b"", b"%08d" % self._reads)
        *_, mark = await self._lists.read_beside(entry, home_list_key(viewer), None, 9)
        return mark


@pytest_asyncio.fixture
async def reader(client: ValkeyClient) -> Reader:
    return Reader(client)


async def test_it_stays_until_the_viewer_does_something(
    reader: Reader, client: ValkeyClient
) -> None:
    ada, bob = await reader.mark(ADA), await reader.mark(BOB)
    assert ada != bob
    assert (await reader.mark(ADA), await reader.mark(BOB)) == (ada, bob)
    await StaleRelations(ViewerMarks(client), name="viewer marks").forget([ADA])
    again = await reader.mark(ADA)
    assert again not in {ada, bob}
    assert (await reader.mark(ADA), await reader.mark(BOB)) == (again, bob)


async def test_it_ends_by_itself(reader: Reader, client: ValkeyClient) -> None:
    await reader.mark(ADA)
    assert 0 < await client.pttl(viewer_mark_key(ADA)) <= 3_600_000


async def test_what_is_no_mark_is_one_after_the_next_read(
    reader: Reader, client: ValkeyClient
) -> None:
    await client.rpush(viewer_mark_key(ADA), b"x")  # type: ignore[misc]
    mark = await reader.mark(ADA)
    assert mark == await reader.mark(ADA) == await client.get(viewer_mark_key(ADA))
