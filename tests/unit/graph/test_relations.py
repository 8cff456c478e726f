"""Relations are read in few rounds, and streamed: of no list more than a slice is held."""

import asyncio
from contextlib import aclosing
from typing import Any, TypeAlias

import pytest

from services.graph.counting import FollowingCounts
from services.graph.model import Relations
from services.graph.relation_reads import RelationReads
from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.ids.slices import IdSlice
from tests.unit.graph.world import World

WAIT_S = 10.0
LISTS = ("following", "muting", "blocking", "blocked_by")


class Rounds:
    """A store that answers once no other read of it has begun for a while, and counts such times.

    Reads that wait for each other are rounds; those that are under way together are one.
    """

    def __init__(self, inner: object) -> None:
        self._inner = inner
        self._begun = 0
        self.reads: list[tuple[str, int | None]] = []
        self.rounds = 0
        self._open: asyncio.Task[None] | None = None
        self.cancelled = 0

    def __getattr__(self, name: str) -> object:
        inner = getattr(self._inner, name)
        if name == "related":
            return self._related
        if name not in LISTS:
            return inner

        async def read(user_id: int, *, after: int | None, limit: int) -> IdSlice:
            self.reads.append((name, after))
            try:
                await self._round()
            except asyncio.CancelledError:
                self.cancelled += 1
                raise
            found: IdSlice = await inner(user_id, after=after, limit=limit)
            return found

        return read

    async def _related(self, *asked: Any) -> list[IdSlice]:
        self.reads += [(name, None) for name in LISTS]
        try:
            await self._round()
        except asyncio.CancelledError:
            self.cancelled += len(LISTS)
            raise
        found: list[IdSlice] = await self._inner.related(*asked)  # type: ignore[attr-defined]
        return found

    async def _round(self) -> None:
        if self._open is None or self._open.done():
            self.rounds += 1
            self._open = asyncio.create_task(asyncio.sleep(0.05))
        await asyncio.shield(self._open)


Related: TypeAlias = tuple[Rounds, RelationReads]


def reads_of(world: World, *, slice_ids: int) -> Related:
    rounds: Any = Rounds(world.store)
    return rounds, RelationReads(rounds, FollowingCounts(rounds), 5_000, slice_ids=slice_ids)


@pytest.fixture
async def related(world: World) -> Related:
    """User 1 with five of each relation, of which two come at once."""
    for other in range(2, 7):
        await world.follows.follow(1, other)
        await world.blocks.mute(1, other)
    for other in range(10, 15):
        await world.blocks.block(1, other)
        await world.blocks.block(other, 1)
    return reads_of(world, slice_ids=2)


@pytest.mark.usefixtures("related")
async def test_short_lists_are_read_in_one_round(world: World) -> None:
    rounds, reads = reads_of(world, slice_ids=1_000)
    relations = await reads.whole(1)
    assert relations == Relations(tuple(range(2, 7)), (*range(2, 7), *range(10, 15)))
    assert (rounds.rounds, sorted(rounds.reads)) == (1, [(name, None) for name in sorted(LISTS)])


async def test_long_lists_are_streamed(related: Related) -> None:
    rounds, reads = related
    async with asyncio.timeout(WAIT_S):
        async with aclosing(reads.stream(1)) as pages:
            first = await anext(pages)
            assert first == Relations((2, 3), ())
            # Of each list one slice, and no more until somebody has taken this one.
            assert len(rounds.reads) == len(LISTS)
            rest = [page async for page in pages]
    assert all(len(page.following_ids) + len(page.hidden_ids) <= 2 for page in rest)
    followed = [one for page in (first, *rest) for one in page.following_ids]
    hidden = [one for page in rest for one in page.hidden_ids]
    assert followed == list(range(2, 7))
    assert sorted(hidden) == [*range(2, 7), *sorted([*range(10, 15), *range(10, 15)])]
    # One for the first slices, and one for each slice behind them.
    assert rounds.rounds == 1 + len(rounds.reads) - len(LISTS)


async def test_a_caller_who_goes_ends_the_reads(related: Related) -> None:
    rounds, reads = related
    asking = asyncio.create_task(reads.whole(1))
    while len(rounds.reads) < len(LISTS):  # noqa: ASYNC110 - a list, not an event
        await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert rounds.cancelled == len(LISTS)


async def test_a_read_that_fails_fails_all(
    related: Related, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, reads = related

    async def fail(*_: object, **__: object) -> IdSlice:
        raise UnavailableError("gone")

    monkeypatch.setattr(world.store, "related", fail)
    with pytest.raises(UnavailableError):
        await reads.whole(1)


async def test_which_of_some_authors_are_hidden_is_read_for_these_alone(world: World) -> None:
    await world.blocks.mute(1, 2)
    await world.blocks.block(1, 3)
    await world.blocks.block(4, 1)
    await world.follows.follow(1, 5)
    await world.blocks.mute(6, 1)  # who mutes the reader is seen
    await world.blocks.mute(1, 7)
    await world.blocks.unmute(1, 7)
    assert await world.reads.hidden_among(1, [9, 8, 7, 6, 5, 4, 3, 2]) == [2, 3, 4]
    assert await world.reads.hidden_among(1, [4, 4, 9]) == [4]
    assert await world.reads.hidden_among(4, [1]) == [1]
    for reader, authors, field in (
        (0, [1], "user_id"),
        (1, [], "author_ids"),
        (1, [0], "author_ids"),
    ):
        with pytest.raises(InvalidArgumentError, match=field):
            await world.reads.hidden_among(reader, authors)


async def test_who_is_hidden_can_be_streamed_alone(world: World) -> None:
    await world.follows.follow(1, 5)
    await world.blocks.mute(1, 2)
    await world.blocks.block(4, 1)
    pages = [page async for page in world.relations.stream(1, hidden_only=True)]
    assert [page.following_ids for page in pages] == [()] * len(pages)
    assert sorted(one for page in pages for one in page.hidden_ids) == [2, 4]
