"""Tweets that carry pictures: bound before the tweet is there, and part of it from then on."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.error_reasons import Reason
from services.platform.errors import AviaryError, InvalidArgumentError, UnavailableError
from services.tweet.body_cells import decode_body, encode_body, encode_said
from services.tweet.model import MediaRef
from tests.unit.tweet_world import ALICE, BOB, NOBODY, World, tweet_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with tweet_world(tmp_path) as made:
        yield made


async def test_a_tweet_carries_its_pictures_in_the_authors_order(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "look", media_ids=[3, 1, 2])
    assert [each.media_id for each in tweet.media_refs] == [3, 1, 2]
    assert await world.tweets.get(tweet.tweet_id, 0) == tweet
    assert world.media.held == dict.fromkeys((1, 2, 3), tweet.tweet_id)


async def test_the_text_may_be_empty_where_there_are_pictures(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "", media_ids=[1], language="pt-br")
    assert (tweet.text, tweet.language) == ("", "pt-BR")
    assert await world.tweets.get(tweet.tweet_id, 0) == tweet
    for text, media_ids in (("", ()), (" ", [2])):
        with pytest.raises(InvalidArgumentError) as caught:
            await world.tweets.create(ALICE, text, media_ids=media_ids)
        assert caught.value.field == "text"


@pytest.mark.parametrize("media_ids", [[1, 2, 3, 4, 5], [1, 1], [0], [-1], [1 << 63]])
async def test_bad_ids_leave_nothing_behind(world: World, media_ids: list[int]) -> None:
    with pytest.raises(InvalidArgumentError) as caught:
        await world.tweets.create(ALICE, "look", media_ids=media_ids)
    assert caught.value.field == "media_ids"
    assert (world.media.calls, await world.is_empty()) == (0, True)


@pytest.mark.parametrize(
    ("media_id", "reason"), [(100, Reason.MEDIA_NOT_FOUND), (50, Reason.MEDIA_NOT_READY)]
)
async def test_a_picture_that_is_no_good_makes_no_tweet(
    world: World, media_id: int, reason: Reason
) -> None:
    with pytest.raises(AviaryError) as caught:
        await world.tweets.create(ALICE, "look", media_ids=[1, media_id])
    assert caught.value.reason == reason
    assert await world.is_empty()
    assert not world.media.held


async def test_two_tweets_do_not_carry_one_picture(world: World) -> None:
    await world.tweets.create(ALICE, "first", media_ids=[1])
    with pytest.raises(AviaryError) as caught:
        await world.tweets.create(ALICE, "second", media_ids=[1])
    assert caught.value.reason == Reason.MEDIA_IN_USE


async def test_a_repeat_gives_the_first_answer_and_asks_nobody(world: World) -> None:
    first = await world.tweets.create(ALICE, "look", media_ids=[1, 2], request_id="r")
    calls = world.media.calls
    assert await world.tweets.create(ALICE, "look", media_ids=[1, 2], request_id="r") == first
    assert world.media.calls == calls
    for other in ([2, 1], [1], []):
        with pytest.raises(AviaryError) as caught:
            await world.tweets.create(ALICE, "look", media_ids=other, request_id="r")
        assert caught.value.reason == Reason.REQUEST_ID_REUSED


async def test_a_request_that_failed_for_its_pictures_may_be_repeated(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fails(*_: object) -> tuple[MediaRef, ...]:
        raise UnavailableError("away")

    with monkeypatch.context() as patch:
        patch.setattr(world.media, "attach", fails)
        with pytest.raises(UnavailableError):
            await world.tweets.create(ALICE, "look", media_ids=[1], request_id="r")
    tweet = await world.tweets.create(ALICE, "look", media_ids=[1], request_id="r")
    assert world.media.held == {1: tweet.tweet_id}
    assert await world.ids_of(ALICE) == (tweet.tweet_id,)


async def test_a_repeat_after_the_deletion_has_no_pictures(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "look", media_ids=[1], request_id="r")
    await world.tweets.delete(tweet.tweet_id, user_id=ALICE)
    again = await world.tweets.create(ALICE, "look", media_ids=[1], request_id="r")
    assert (again.tweet_id, again.media_refs) == (tweet.tweet_id, ())
    assert await world.ids_of(ALICE) == ()


async def test_the_deletion_says_which_pictures_go(world: World) -> None:
    bare = await world.tweets.create(BOB, "nothing to see")
    tweet = await world.tweets.create(ALICE, "", media_ids=[2, 1])
    for each in (bare, tweet):
        await world.tweets.delete(each.tweet_id)
    gone = {each.tweet_id: each.media_ids for each in await world.events() if each.deleted}
    assert gone == {bare.tweet_id: (), tweet.tweet_id: (2, 1)}


async def test_a_tweet_without_pictures_asks_and_writes_as_before(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "plain")
    assert world.media.calls == 0
    assert b"media" not in encode_body(tweet) + encode_said(tweet)


async def test_nobody_binds_anything(world: World) -> None:
    with pytest.raises(AviaryError) as caught:
        await world.tweets.create(NOBODY, "look", media_ids=[1])
    assert caught.value.reason == Reason.USER_NOT_FOUND
    assert not world.media.held


async def test_what_a_newer_version_adds_to_a_picture_is_passed_over(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "look", media_ids=[1])
    said = encode_said(tweet).replace(b'""]]', b'"","new"]]')
    assert said != encode_said(tweet)
    assert decode_body(tweet.tweet_id, encode_body(tweet), said) == tweet
    for damaged in (b'[[1,"image/png",1]]', b'[["1","image/png",1,2,"b",""]]', b"7"):
        head, _, _ = encode_said(tweet).partition(b'"media":')
        with pytest.raises((TypeError, ValueError)):
            decode_body(tweet.tweet_id, encode_body(tweet), head + b'"media":' + damaged + b"}")
