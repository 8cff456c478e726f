"""Timelines of nobody, on real rows and a real Valkey."""

from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest

from services.platform.errors import NotFoundError, UnavailableError
from services.platform.rows.port import Scan
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.lines import ValkeyNode
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.owners import KnownOwners
from services.timeline.relations_cache import RelationsCache
from services.timeline.spec import TABLES
from tests.contract.timeline_reads_world import ADA, LIMIT, NEWEST, VIEWER, World
from tests.contract.valkey_servers import valkey_node

COLLECTS_MS = 10_000


@pytest.fixture(scope="module")
def valkey_port(tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    with valkey_node(tmp_path_factory.mktemp("valkey")) as port:
        yield port


@pytest.fixture
async def valkey(valkey_port: int) -> AsyncIterator[ValkeyNode]:
    async with ValkeyNode(port=valkey_port) as client:
        await client.flushall()
        yield client


@pytest.fixture
async def world(tmp_path: Path, valkey: ValkeyNode) -> AsyncIterator[World]:
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, SystemClock())
    await rows.open()
    made = World(rows, valkey)
    made.tweets = {ADA: [NEWEST - n for n in range(80)], VIEWER: []}
    yield made
    await rows.close()


async def test_only_a_cold_read_of_a_home_asks_who_exists(world: World) -> None:
    await world.service.home(VIEWER, None, LIMIT)
    assert world.owners.asked == [VIEWER]
    for before in (None, NEWEST - 60):
        await world.service.home(VIEWER, before, LIMIT)
    assert world.owners.asked == [VIEWER]


async def test_a_home_of_nobody_is_not_found_and_leaves_nothing_behind(
    world: World, valkey: ValkeyNode
) -> None:
    world.owners.gone.add(VIEWER)
    for read in (world.service.home, partial(world.service.user, reader=ADA)):
        with pytest.raises(NotFoundError):
            await read(VIEWER, before=None, limit=LIMIT)
    with pytest.raises(NotFoundError):
        await world.service.rebuild_home(VIEWER)
    for table in TABLES:
        assert await world.rows.scan_many([Scan(table.name, b"", b"\xff", 10)]) == [[]]
    assert not await valkey.exists(author_list_key(VIEWER))
    # The look began to collect pushes, which ends by itself.
    assert 0 < await valkey.pttl(home_list_key(VIEWER)) <= COLLECTS_MS


async def test_a_warm_home_is_nobodys_once_its_relations_are_forgotten(
    world: World, valkey: ValkeyNode
) -> None:
    """As the graph does when a user is deleted."""
    await world.service.home(VIEWER, None, LIMIT)
    world.owners.gone.add(VIEWER)
    await RelationsCache(valkey).invalidate([VIEWER])
    with pytest.raises(NotFoundError):
        await world.service.home(VIEWER, None, LIMIT)


async def test_a_page_ends_at_the_id_that_the_reader_has(world: World) -> None:
    tweets = world.tweets[ADA]
    of_user = partial(world.service.user, reader=VIEWER)
    for read, owner in ((world.service.home, VIEWER), (of_user, ADA)):
        for limit in (1, 7, LIMIT):
            for have in (0, 1, 6, 7, 8, 60, 79, 80):
                since = tweets[have] if have < len(tweets) else tweets[-1] - 1
                found, before = list[int](), None
                while True:
                    page = await read(owner, before=before, limit=limit, since=since)
                    found += [tweet.tweet_id for tweet in page.tweets]
                    before = page.next_before
                    if before is None:
                        break
                    assert len(page.tweets) == limit
                assert found == tweets[:have]


class Users:
    def __init__(self) -> None:
        self.missed: list[int] | None = []

    async def missing(self, _ids: object) -> list[int]:
        if self.missed is None:
            raise UnavailableError("the user service is gone")
        return self.missed


async def test_who_exists_is_left_open_while_nobody_can_say() -> None:
    users = Users()
    owners = KnownOwners(users)
    await owners.check(7)
    users.missed = None
    await owners.check(7)
    users.missed = [7]
    with pytest.raises(NotFoundError) as caught:
        await owners.check(7)
    assert dict(caught.value.metadata) == {"field": "user_id", "user_id": "7"}
