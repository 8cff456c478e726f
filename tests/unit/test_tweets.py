"""The tweet service on real rows."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from services.platform.errors import (
    AlreadyExistsError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from services.platform.ids.snowflake_time import time_ms
from services.tweet.events import TweetChanged
from services.tweet.keys import tweet_row_key
from services.tweet.model import Delivery, Lineage, Tweet
from services.tweet.references import RefersTo
from tests.unit.tweet_world import ALICE, BOB, NOBODY, NOW_MS, World, tweet_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with tweet_world(tmp_path) as opened:
        yield opened


async def test_a_tweet_reads_back_and_is_announced(world: World) -> None:
    first = await world.tweets.create(ALICE, "hello")
    reply = await world.tweets.create(BOB, "h\u00e9 \U0001f600", in_reply_to=first.tweet_id)
    assert await world.tweets.get(reply.tweet_id, 0) == reply
    assert reply == Tweet(
        reply.tweet_id,
        BOB,
        "h\u00e9 \U0001f600",
        NOW_MS + 1,
        first.tweet_id,
        0,
        in_reply_to_user_id=ALICE,
        lineage=Lineage(first.tweet_id, (first.tweet_id,)),
    )
    assert reply.created_at_ms == time_ms(reply.tweet_id)
    assert set(await world.events()) == {
        TweetChanged(
            first.tweet_id, ALICE, deleted=False, refers_to=RefersTo(tweets=False, users=False)
        ),
        TweetChanged(
            reply.tweet_id, BOB, deleted=False, refers_to=RefersTo(tweets=True, users=False)
        ),
    }
    assert world.own.seen == [("posted", ALICE, first.tweet_id), ("posted", BOB, reply.tweet_id)]


async def test_a_deleted_tweet_is_gone_everywhere(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "a secret")
    await world.tweets.delete(tweet.tweet_id)
    with pytest.raises(NotFoundError):
        await world.tweets.get(tweet.tweet_id, 0)
    with pytest.raises(NotFoundError):
        await world.tweets.delete(tweet.tweet_id)
    assert await world.ids_of(ALICE) == ()
    assert TweetChanged(tweet.tweet_id, ALICE, deleted=True) in await world.events()
    assert ("deleted", ALICE, tweet.tweet_id) in world.own.seen
    key = tweet_row_key(tweet.tweet_id)
    row = (await world.rows.read_rows("tweets", [key]))[key]
    assert b"secret" not in b"".join(row.cells.values())


async def test_authors_get_their_answer_while_the_cache_is_away(world: World) -> None:
    world.own.broken = True
    tweet = await world.tweets.create(ALICE, "hello")
    await world.tweets.delete(tweet.tweet_id)


@pytest.mark.parametrize("field", ["in_reply_to", "quote"])
async def test_only_living_tweets_are_answered_or_quoted(world: World, field: str) -> None:
    gone = await world.tweets.create(ALICE, "hello")
    await world.tweets.delete(gone.tweet_id)
    for reference in (gone.tweet_id, 12345):
        references: dict[str, Any] = {field: reference}
        with pytest.raises(NotFoundError) as caught:
            await world.tweets.create(BOB, "what?", **references)
        assert caught.value.metadata["tweet_id"] == str(reference)
    assert await world.ids_of(BOB) == ()


async def test_an_unknown_author_cannot_post(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.tweets.create(NOBODY, "hello", request_id="r")
    assert await world.is_empty()


async def test_one_request_id_makes_one_tweet_even_at_once(world: World) -> None:
    made = await asyncio.gather(
        *(world.tweets.create(ALICE, "hello", request_id="r") for _ in range(10))
    )
    again = await world.tweets.create(ALICE, "hello", request_id="r")
    assert {tweet.tweet_id for tweet in made} == {again.tweet_id}
    assert await world.ids_of(ALICE) == (again.tweet_id,)
    other = await world.tweets.create(BOB, "hello", request_id="r")
    assert other.tweet_id != again.tweet_id


async def test_a_repeat_shows_authors_what_the_first_try_did_not(world: World) -> None:
    world.own.broken = True
    tweet = await world.tweets.create(ALICE, "hello", request_id="r")
    world.own.broken = False
    await world.tweets.create(ALICE, "hello", request_id="r")
    assert world.own.seen == [("posted", ALICE, tweet.tweet_id)]


async def test_a_request_id_is_refused_for_other_content(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "hello", request_id="r")
    with pytest.raises(AlreadyExistsError):
        await world.tweets.create(ALICE, "goodbye", request_id="r")
    with pytest.raises(AlreadyExistsError):
        await world.tweets.create(ALICE, "hello", quote=tweet.tweet_id, request_id="r")
    assert await world.ids_of(ALICE) == (tweet.tweet_id,)


async def test_a_repeat_finishes_what_a_crash_left(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_tweet: Tweet, _event: bytes) -> None:
        raise UnavailableError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "create", crash)
        with pytest.raises(UnavailableError):
            await world.tweets.create(ALICE, "hello", request_id="r")
    tweet = await world.tweets.create(ALICE, "hello", request_id="r")
    assert await world.tweets.get(tweet.tweet_id, 0) == tweet
    assert len(await world.events()) == 1


async def test_a_repeat_gives_the_first_answer_after_its_reference_is_gone(world: World) -> None:
    quoted = await world.tweets.create(ALICE, "hello")
    first = await world.tweets.create(BOB, "look", quote=quoted.tweet_id, request_id="r")
    await world.tweets.delete(quoted.tweet_id)
    repeat = await world.tweets.create(BOB, "look", quote=quoted.tweet_id, request_id="r")
    assert repeat == first


async def test_a_create_replayed_after_the_delete_stays_deleted(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "hello", request_id="r")
    await world.tweets.delete(tweet.tweet_id)
    assert await world.tweets.create(ALICE, "hello", request_id="r") == tweet
    await world.store.create(tweet, b"")
    with pytest.raises(NotFoundError):
        await world.tweets.get(tweet.tweet_id, 0)
    assert await world.ids_of(ALICE) == ()
    assert await world.tweets.lookup([tweet.tweet_id]) == ([], [tweet.tweet_id])


async def test_lookup_keeps_the_order_and_lists_what_is_missing(world: World) -> None:
    made = [await world.tweets.create(ALICE, f"tweet {n}") for n in range(3)]
    await world.tweets.delete(made[1].tweet_id)
    asked = [made[2].tweet_id, 7, made[1].tweet_id, made[0].tweet_id]
    assert await world.tweets.lookup(asked) == ([made[2], made[0]], [7, made[1].tweet_id])


async def test_lists_are_newest_first_within_bounds(world: World) -> None:
    ids = [(await world.tweets.create(ALICE, f"tweet {n}")).tweet_id for n in range(6)][::-1]
    await world.tweets.create(BOB, "mine")
    assert await world.ids_of(ALICE) == tuple(ids)
    assert await world.ids_of(ALICE, limit=2) == tuple(ids[:2])
    assert await world.ids_of(ALICE, before=ids[2]) == tuple(ids[3:])
    await world.tweets.delete(ids[0])
    await world.tweets.delete(ids[1])
    assert await world.ids_of(ALICE, limit=2) == tuple(ids[2:4])
    listed = await world.tweets.list_by_authors([NOBODY, ALICE, BOB], limit=1)
    assert [author.user_id for author in listed] == [NOBODY, ALICE, BOB]
    assert [len(author.tweet_ids) for author in listed] == [0, 1, 1]


async def test_the_first_decision_stays(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "hello")
    decided = await asyncio.gather(
        *(world.tweets.decide_delivery(tweet.tweet_id, d) for d in (Delivery.PULL, Delivery.PUSH))
    )
    assert len(set(decided)) == 1
    assert await world.tweets.decide_delivery(tweet.tweet_id, Delivery.PUSH) is decided[0]
    await world.tweets.delete(tweet.tweet_id)
    for tweet_id in (tweet.tweet_id, 7):
        with pytest.raises(NotFoundError):
            await world.tweets.decide_delivery(tweet_id, Delivery.PUSH)
    assert not await world.rows.read_rows("tweets", [tweet_row_key(7)])


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("user_id", {"user_id": 0}),
        ("user_id", {"user_id": -1}),
        ("text", {"text": " "}),
        ("text", {"text": "x" * 281}),
        ("in_reply_to_tweet_id", {"in_reply_to": -1}),
        ("quote_tweet_id", {"quote": -1}),
        ("request_id", {"request_id": "r" * 65}),
        ("request_id", {"request_id": "line\nbreak"}),
        ("request_id", {"request_id": "\u00e9"}),
    ],
)
async def test_a_bad_field_is_named_and_nothing_is_stored(
    world: World, field: str, wrong: dict[str, Any]
) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.tweets.create(**{"user_id": ALICE, "text": "hello", **wrong})
    assert caught.value.field == field
    assert await world.is_empty()


async def test_reads_name_their_bad_fields(world: World) -> None:
    tweets = world.tweets
    for field, call in [
        ("tweet_id", tweets.get(0, 0)),
        ("tweet_id", tweets.delete(-5)),
        ("tweet_id", tweets.decide_delivery(0, Delivery.PUSH)),
        ("delivery", tweets.decide_delivery(1, Delivery.UNSPECIFIED)),
        ("tweet_ids", tweets.lookup([])),
        ("tweet_ids", tweets.lookup([1, 0])),
        ("tweet_ids", tweets.lookup(range(1, 1002))),
        ("user_ids", tweets.list_by_authors([], limit=1)),
        ("user_ids", tweets.list_by_authors([0], limit=1)),
        ("before_tweet_id", tweets.list_by_authors([1], before=-1, limit=1)),
        ("limit", tweets.list_by_authors([1], limit=0)),
        ("limit", tweets.list_by_authors([1], limit=1001)),
    ]:
        with pytest.raises(InvalidArgumentError) as caught:
            await call
        assert caught.value.field == field


async def test_the_largest_id_bounds_nothing(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "hello")
    assert await world.ids_of(ALICE, before=(1 << 63) - 1) == (tweet.tweet_id,)
