"""Once an author is deleted, their tweets are erased, also those that were on their way."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.erasure import Settling
from services.platform.errors import (
    CallAgain,
    NotFoundError,
    UnavailableError,
)
from services.tweet import erasure
from services.tweet.erasure import LATE_TWEETS_MS, TweetErasure
from services.tweet.model import Tweet
from tests.unit.deletion_world import ALICE, BOB, World, opened_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened_world(tmp_path) as opened:
        yield opened


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(erasure, "PAGE_TWEETS", 4)
    return 4


async def test_all_tweets_of_the_author_go_and_nobody_elses(world: World, small_pages: int) -> None:
    gone = await world.post(ALICE, 2 * small_pages + 1)
    kept = await world.post(BOB, 2)
    await world.erase()
    assert await world.left() == set()
    assert await world.tweets.lookup(sorted(gone)) == ([], sorted(gone))
    assert await world.announced() == gone
    assert world.own.hidden == gone
    assert await world.left(BOB) == kept
    assert len((await world.tweets.lookup(sorted(kept)))[0]) == 2


async def test_a_second_delivery_changes_nothing(world: World) -> None:
    await world.post(ALICE, 3)
    await world.erase()
    await world.outbox.settle([entry.id for entry in await world.outbox.pending(0, 100)])
    await world.erase()
    assert await world.announced() == set()


async def test_a_pass_ends_in_time_and_the_next_goes_on(world: World, small_pages: int) -> None:
    gone = await world.post(ALICE, 3 * small_pages)
    for done in (1, 2, 3):
        with pytest.raises(CallAgain):
            await world.erase(work_s=0)
        assert len(await world.left()) == (3 - done) * small_pages
    await world.erase(work_s=0)
    assert await world.announced() == gone


async def test_a_pass_that_failed_half_way_is_finished_by_the_next(
    world: World, small_pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await world.post(ALICE, 2 * small_pages)
    delete = world.store.delete
    unlucky = sorted(gone)[small_pages // 2]

    async def fail_once(tweet: Tweet, at_ms: int, event: bytes) -> None:
        if tweet.tweet_id == unlucky:
            raise UnavailableError("the store is away")
        await delete(tweet, at_ms, event)

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "delete", fail_once)
        with pytest.raises(UnavailableError):
            await world.erase()
    assert unlucky in await world.left()
    await world.erase()
    assert await world.left() == set()
    assert await world.announced() == gone


async def test_a_tweet_that_comes_to_be_just_after_is_met_by_a_later_pass(world: World) -> None:
    early = await world.post(ALICE, 1)
    deleted_at_ms = world.clock.ms
    with pytest.raises(CallAgain) as caught:
        await world.erase(deleted_at_ms=deleted_at_ms)
    assert caught.value.after_s == LATE_TWEETS_MS / 1_000
    assert await world.announced() == early
    late = await world.post_of_before(ALICE)
    world.clock.ms += LATE_TWEETS_MS - 1
    with pytest.raises(CallAgain):
        await world.erase(deleted_at_ms=deleted_at_ms)
    later = await world.post_of_before(ALICE)
    world.clock.ms += 1
    await world.erase(deleted_at_ms=deleted_at_ms)
    assert await world.left() == set()
    assert await world.announced() == early | late | later


async def test_a_deletion_dated_ahead_by_a_wrong_clock_ends_as_soon_as_others(
    world: World,
) -> None:
    watch_s, deleted_at_ms = [0.0], world.clock.ms + 3_600_000
    settling = Settling(LATE_TWEETS_MS, world.clock, lambda: watch_s[0])
    erases = TweetErasure(world.store, world.deletion, settling)
    with pytest.raises(CallAgain) as caught:
        await erases.author_deleted(ALICE, deleted_at_ms)
    assert caught.value.after_s == LATE_TWEETS_MS / 1_000
    await world.post(ALICE, 1)
    watch_s[0] += LATE_TWEETS_MS / 1_000
    await erases.author_deleted(ALICE, deleted_at_ms)
    assert await world.left() == set()


async def test_a_request_that_died_makes_no_tweet_once_its_author_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_tweet: Tweet, _event: bytes) -> None:
        raise UnavailableError("the store is away")

    made = await world.tweets.create(ALICE, "before", request_id="done")
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "create", crash)
        with pytest.raises(UnavailableError):
            await world.tweets.create(ALICE, "hi", request_id="r")
    world.users.known = {BOB}
    await world.erase()
    with pytest.raises(NotFoundError):
        await world.tweets.create(ALICE, "hi", request_id="r")
    assert await world.left() == set()
    assert await world.tweets.create(ALICE, "before", request_id="done") == made
