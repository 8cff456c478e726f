"""Users who hide very many, on every row engine: others than they follow are told by name alone."""

import pytest
import pytest_asyncio

from services.graph import relation_reads
from services.graph.model import Relations
from services.graph.sights import Sights
from services.graph.spec import OUTBOX, TABLES
from services.platform.rows.port import RowStore
from services.platform.visibility.rule import Sight
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store
from tests.unit.graph.world import MovableClock, World

__all__ = ["bigtable_emulator", "store"]

ADA, MUTED, NAMED, OTHER = 1, 2, 3, 4
FOLLOWED = (MUTED, NAMED, OTHER)
MOST = 3
STRANGERS = range(20, 20 + MOST + 1)
"""One more than are listed."""


@pytest.fixture(autouse=True)
def _graph_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", (*TABLES, OUTBOX))


@pytest_asyncio.fixture
async def world(store: RowStore) -> World:
    """Ada follows three, one of whom she mutes, and has muted a word."""
    world = World(store, MovableClock(), max_hidden=MOST)
    await world.follows.follow_many(ADA, FOLLOWED)
    await world.blocks.mute(ADA, MUTED)
    await world.muted_words.add(ADA, "fox")
    return world


async def looked_up(world: World, *, bounded: bool = True) -> Relations | None:
    (found,) = await world.relations.lookup([ADA], bounded=bounded)
    return found.relations


async def streamed(world: World, *, hidden_only: bool = False) -> list[Relations]:
    pages = world.relations.stream(ADA, hidden_only=hidden_only, bounded=True)
    return [page async for page in pages]


async def hide(world: World, how: str) -> None:
    """Have Ada hide all strangers."""
    for one in STRANGERS:
        match how:
            case "muting":
                await world.blocks.mute(ADA, one)
            case "blocking":
                await world.blocks.block(ADA, one)
            case _:
                await world.blocks.block(one, ADA)


async def test_few_are_listed(world: World) -> None:
    await world.blocks.block(ADA, 20)
    await world.blocks.block(21, ADA)
    expected = Relations(FOLLOWED, (MUTED, 20, 21), ("fox",))
    assert await looked_up(world) == expected == await looked_up(world, bounded=False)
    assert await streamed(world) == [
        Relations(FOLLOWED, ()),
        Relations((), (MUTED,)),
        Relations((), (20,)),
        Relations((), (21,)),
        Relations((), (), ("fox",)),
    ]


@pytest.mark.parametrize("how", ["muting", "blocking", "blocked_by"])
async def test_of_many_those_alone_who_are_followed(world: World, how: str) -> None:
    await hide(world, how)
    assert await looked_up(world) == Relations(FOLLOWED, (MUTED,), ("fox",), hides_others=True)
    assert await looked_up(world, bounded=False) == Relations(
        FOLLOWED, (MUTED, *STRANGERS), ("fox",)
    )
    assert await streamed(world) == [
        Relations(FOLLOWED, (MUTED,)),
        Relations((), (), ("fox",), hides_others=True),
    ]
    assert await streamed(world, hidden_only=True) == [Relations((), (), hides_others=True)]
    # Of anybody it can be asked, in one read.
    asked = [*STRANGERS, 40]
    hiding = {
        "muting": Sight(muting=True),
        "blocking": Sight(blocking=True),
        "blocked_by": Sight(blocked_by=True),
    }
    sights = await Sights(world.store).of([(ADA, one) for one in asked])
    assert sights == [*[hiding[how]] * len(STRANGERS), Sight()]


async def test_a_change_shows_at_the_next_read(world: World) -> None:
    await hide(world, "muting")
    await world.blocks.mute(ADA, NAMED)
    await world.blocks.unmute(ADA, MUTED)
    await world.follows.follow(ADA, STRANGERS[0])
    expected = ((*FOLLOWED, STRANGERS[0]), (NAMED, STRANGERS[0]))
    found = await looked_up(world)
    assert found is not None
    assert (found.following_ids, found.hidden_ids, found.hides_others) == (*expected, True)
    await world.blocks.block(OTHER, ADA)
    found = await looked_up(world)
    assert found is not None
    assert OTHER not in found.following_ids, "whoever blocks is followed no more"


async def test_of_who_follows_too_many_it_is_streamed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    await hide(world, "blocked_by")
    monkeypatch.setattr(relation_reads, "MAX_EDGES", len(FOLLOWED))
    assert await looked_up(world) is None
    monkeypatch.setattr(relation_reads, "MAX_EDGES", len(FOLLOWED) + 1)
    assert await looked_up(world) is not None


async def test_who_follows_nobody_and_hides_many(world: World) -> None:
    for one in STRANGERS:
        await world.blocks.block(one, 50)
    (found,) = await world.relations.lookup([50], bounded=True)
    assert found.relations == Relations((), (), hides_others=True)
    pages = [page async for page in world.relations.stream(50, bounded=True)]
    assert pages == [Relations((), (), hides_others=True)]
