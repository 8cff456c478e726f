"""Tweets that are deleted one by one, on real rows."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import (
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from services.platform.ids.snowflake_time import first_id_at
from services.tweet.keys import tweet_row_key
from services.tweet.model import Tweet
from tests.unit.deletion_world import ALICE, BOB, World, opened_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with opened_world(tmp_path) as opened:
        yield opened


async def test_a_repeated_deletion_succeeds(world: World) -> None:
    one, other = sorted(await world.post(ALICE, 2))
    await world.tweets.delete(one, request_id="r")
    await world.tweets.delete(one, request_id="r")
    with pytest.raises(NotFoundError):
        await world.tweets.delete(one)
    with pytest.raises(NotFoundError):
        await world.tweets.delete(one, request_id="s")
    assert await world.left() == {other}
    # The id is the tweet's own.
    await world.tweets.delete(other, request_id="r")
    assert await world.left() == set()
    with pytest.raises(NotFoundError):
        await world.tweets.delete(12345, request_id="r")


async def test_anothers_deletion_is_no_repeat_of_ours(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    await world.tweets.delete(tweet_id, user_id=ALICE, request_id="r")
    await world.tweets.delete(tweet_id, user_id=ALICE, request_id="r")
    await world.tweets.delete(tweet_id, request_id="r")
    for request_id in ("r", "s"):
        with pytest.raises(NotFoundError) as caught:
            await world.tweets.delete(tweet_id, user_id=BOB, request_id=request_id)
        assert caught.value.reason == "TWEET_NOT_FOUND"


async def test_a_repeat_finishes_a_deletion_that_died(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tweet_id,) = await world.post(ALICE, 1)

    async def crash(_tweet: Tweet, _at_ms: int, _event: bytes) -> None:
        raise UnavailableError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "delete", crash)
        with pytest.raises(UnavailableError):
            await world.tweets.delete(tweet_id, request_id="r")
    await world.tweets.delete(tweet_id, request_id="r")
    assert await world.announced() == {tweet_id}


async def test_a_bad_request_id_deletes_nothing(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    with pytest.raises(InvalidArgumentError) as caught:
        await world.tweets.delete(tweet_id, request_id="r" * 65)
    assert caught.value.field == "request_id"
    assert await world.left() == {tweet_id}


async def test_only_the_author_deletes_a_tweet(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    with pytest.raises(PermissionDeniedError) as refused:
        await world.tweets.delete(tweet_id, user_id=BOB, request_id="r")
    assert refused.value.reason == "NOT_THE_AUTHOR"
    assert await world.left() == {tweet_id}
    # The refused request left nothing that would make its repeat look done.
    await world.tweets.delete(tweet_id, user_id=ALICE)
    with pytest.raises(NotFoundError):
        await world.tweets.delete(tweet_id, user_id=BOB, request_id="r")


async def test_a_sibling_deletes_without_saying_for_whom(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    await world.tweets.delete(tweet_id)
    assert await world.left() == set()
    with pytest.raises(InvalidArgumentError, match="user_id"):
        await world.tweets.delete(tweet_id, user_id=-1)


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
async def test_a_tweet_stays_deleted_whatever_the_clock_was_when_it_was_made(
    world: World, ahead_ms: int
) -> None:
    made_at_ms = world.clock.ms + ahead_ms
    tweet = Tweet(first_id_at(made_at_ms) | 1, ALICE, "Secret", made_at_ms, 0, 0)
    await world.store.create(tweet, b"")
    await world.tweets.delete(tweet.tweet_id)
    # A crash may have left the entry of its creation in an outbox.
    await world.store.create(tweet, b"")
    assert await world.left() == set()
    assert await world.tweets.lookup([tweet.tweet_id]) == ([], [tweet.tweet_id])
    row = await world.rows.read_rows("tweets", [tweet_row_key(tweet.tweet_id)])
    assert b"Secret" not in row[tweet_row_key(tweet.tweet_id)].cells[b"body"]
