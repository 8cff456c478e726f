"""Replies of the release before come into the lists, on both engines."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError
from services.tweet.backfill import MAX_BACKFILLED, RepliesBackfill
from services.tweet.spec import TABLES
from tests.contract.conversation_world import BOB, World, shape
from tests.contract.row_engines import bigtable_emulator, open_rows

__all__ = ["bigtable_emulator"]

OLD = [number << 22 for number in range(1_000, 1_020)]


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield World(opened)


async def backfilled(world: World, limit: int) -> int:
    """Replies found by calls that each go on where the one before ended."""
    backfill = RepliesBackfill(world.store, world.replies)
    found, after, percents = 0, 0, list[int]()
    while True:
        part = await backfill.backfill(after, limit)
        found += part.replies
        percents.append(part.percent)
        if part.resume_after is None:
            assert (percents, percents[-1]) == (sorted(percents), 100)
            return found
        after = part.resume_after


@pytest.mark.parametrize("limit", [1, 7, MAX_BACKFILLED])
async def test_each_is_listed_once_however_the_walk_is_cut(world: World, limit: int) -> None:
    root = await world.post()
    for each in OLD:
        await world.as_before(each, BOB, root)
    newer = await world.post(root)
    gone = await world.tweets.get(OLD[3], 0)
    await world.tweets.delete(gone.tweet_id)
    assert shape((await world.read(root)).threads) == [newer]
    for _ in range(2):
        assert await backfilled(world, limit) == len(OLD)
        listed = [each for page in await world.pages(root, 7) for each in page]
        assert listed == sorted({*OLD, newer} - {gone.tweet_id}, reverse=True)
    # One that was read before its deletion.
    await world.replies.add([gone])
    assert gone.tweet_id not in {each for page in await world.pages(root, 50) for each in page}


@pytest.mark.parametrize("limit", [0, -1, MAX_BACKFILLED + 1])
async def test_limits_are_kept(world: World, limit: int) -> None:
    with pytest.raises(InvalidArgumentError, match="limit"):
        await RepliesBackfill(world.store, world.replies).backfill(0, limit)
