from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.timeline.backfill import PER_AUTHOR, Backfill
from services.timeline.model import WINDOW_IDS, ViewerRelations
from services.timeline.spec import TABLES
from services.timeline.store import RowHomeTimelines

NOW_MS = 1_800_000_000_000
VIEWER = 1
OLDEST = first_id_at(NOW_MS - 3_600_000)


class StoppedClock:
    def now_ms(self) -> int:
        return NOW_MS


@dataclass
class Authors:
    """Each author's tweets, newest first; and a graph that has the viewer follow them."""

    tweets: dict[int, list[int]] = field(default_factory=dict)
    hidden: frozenset[int] = frozenset()
    asked: list[tuple[set[int], int]] = field(default_factory=list)

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        self.asked.append((set(authors), limit))
        return {
            author: [one for one in self.tweets.get(author, []) if before is None or one < before][
                :limit
            ]
            for author in authors
        }

    async def of(self, viewer: int) -> ViewerRelations:
        return await self.fetch(viewer)

    async def fetch(self, viewer: int) -> ViewerRelations:
        return ViewerRelations(frozenset(self.tweets) - {viewer}, self.hidden)

    async def invalidate(self, viewer: int) -> None:
        raise NotImplementedError(viewer)


@dataclass
class World:
    homes: RowHomeTimelines
    authors: Authors
    backfill: Backfill

    async def ids(self) -> list[int]:
        return await self.homes.read(VIEWER, None, 0, 10_000)

    async def floor(self) -> int:
        state = await self.homes.state(VIEWER)
        assert state is not None
        return state.floor


@pytest_asyncio.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = StoppedClock()
    rows = SqliteRowStore(tmp_path / "rows.db", TABLES, clock)
    await rows.open()
    homes, authors = RowHomeTimelines(rows, clock), Authors()
    yield World(homes, authors, Backfill(homes, authors, authors, clock))
    await rows.close()


def interleaved(authors: Sequence[int], each: int) -> dict[int, list[int]]:
    """Authors who tweet in turn."""
    everything = [OLDEST + number for number in range(each * len(authors))]
    return {author: everything[place :: len(authors)][::-1] for place, author in enumerate(authors)}


async def test_one_author_is_stored_deeply(world: World) -> None:
    await world.backfill.build(VIEWER)
    world.authors.tweets = interleaved([2], WINDOW_IDS + 1)
    assert await world.backfill.follow({VIEWER: [2]})
    expected = world.authors.tweets[2][:WINDOW_IDS]
    assert await world.ids() == expected
    assert await world.floor() == expected[-1]


async def test_a_short_author_raises_no_floor(world: World) -> None:
    await world.backfill.build(VIEWER)
    world.authors.tweets = interleaved([2], WINDOW_IDS - 1)
    assert await world.backfill.follow({VIEWER: [2]})
    assert await world.ids() == world.authors.tweets[2]
    assert await world.floor() == 0


@pytest.mark.parametrize("count", [2, 30])
@pytest.mark.parametrize("each", [PER_AUTHOR - 1, PER_AUTHOR, PER_AUTHOR + 1])
async def test_many_authors_are_complete_from_the_floor(
    world: World, count: int, each: int
) -> None:
    await world.backfill.build(VIEWER)
    authors = list(range(2, count + 2))
    world.authors.tweets = interleaved(authors, each)
    assert await world.backfill.follow({VIEWER: authors})
    everything = sorted((one for ids in world.authors.tweets.values() for one in ids), reverse=True)
    stored, floor = await world.ids(), await world.floor()
    assert len(stored) == min(count * min(each, PER_AUTHOR), WINDOW_IDS)
    assert [one for one in everything if one >= floor] == [one for one in stored if one >= floor]
    if len(stored) == len(everything) and each < PER_AUTHOR:
        assert floor == 0


async def test_a_prolific_author_cuts_the_others_at_the_floor(world: World) -> None:
    await world.backfill.build(VIEWER)
    prolific = [OLDEST + 10_000 + number for number in range(500)][::-1]
    world.authors.tweets = {2: prolific, 3: [OLDEST + 1]}
    assert await world.backfill.follow({VIEWER: [2, 3]})
    assert await world.ids() == [*prolific[:PER_AUTHOR], OLDEST + 1]
    assert await world.floor() == prolific[PER_AUTHOR - 1]


async def test_who_never_read_has_nothing_to_fill(world: World) -> None:
    world.authors.tweets = interleaved([2, 3], 5)
    assert not await world.backfill.follow({VIEWER: [2, 3]})
    assert await world.ids() == []


async def test_a_build_stores_the_muted_too(world: World) -> None:
    world.authors.tweets = interleaved([2, 3], 5)
    world.authors.hidden = frozenset({3})
    await world.backfill.build(VIEWER)
    assert len(await world.ids()) == 10


async def test_many_viewers_are_filled_by_one_look_at_the_authors(world: World) -> None:
    viewers = range(1_000, 1_050)
    for viewer in viewers[:-1]:
        await world.homes.begin_build(viewer, NOW_MS)
        await world.homes.finish_build(viewer, 0)
    world.authors.tweets = interleaved([2, 3, 4], PER_AUTHOR + 5)
    follows = {viewer: [2] for viewer in viewers} | {1_000: [3, 4], 1_001: [4]}
    assert set(await world.backfill.follow(follows)) == set(viewers[:-1])
    assert world.authors.asked == [({2, 4}, WINDOW_IDS), ({3, 4}, PER_AUTHOR)]

    async def stored(viewer: int) -> list[int]:
        return await world.homes.read(viewer, None, 0, 10_000)

    tweets = world.authors.tweets
    wide = sorted([*tweets[3][:PER_AUTHOR], *tweets[4][:PER_AUTHOR]], reverse=True)
    assert await stored(1_000) == wide
    assert await stored(1_001) == tweets[4]
    assert [await stored(viewer) for viewer in viewers[2:-1]] == [tweets[2]] * 47
    assert await stored(1_049) == []
    states = await world.homes.states(list(viewers))
    floors = {viewer: state.floor for viewer, state in states.items()}
    highest = max(tweets[3][PER_AUTHOR - 1], tweets[4][PER_AUTHOR - 1])
    assert floors == dict.fromkeys(viewers[:-1], 0) | {1_000: highest}
