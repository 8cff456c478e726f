"""What a tweet says is kept: its text, what that refers to, and its language."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import AlreadyExistsError, InvalidArgumentError
from services.platform.text.entities import Entities, Hashtag, Mention
from tests.unit.tweet_world import ALICE, World, tweet_world


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    async with tweet_world(tmp_path) as opened:
        yield opened


async def test_what_a_text_refers_to_is_kept(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "\U0001f600 @bob: #caf\u00e9")
    assert tweet.entities == Entities((Mention(2, 6, "bob"),), (Hashtag(8, 13, "caf\u00e9"),))
    assert await world.tweets.get(tweet.tweet_id, ALICE) == tweet


async def test_urls_are_kept_as_they_were_found(world: World) -> None:
    texts = ("see a.co/x", "https://t.co/abc/d", "a.xxx.\u4f8b.museum/b", "nothing")
    for text in texts:
        tweet = await world.tweets.create(ALICE, text)
        assert await world.tweets.get(tweet.tweet_id, ALICE) == tweet


async def test_a_language_is_as_given_or_detected_or_unknown(world: World) -> None:
    given = await world.tweets.create(ALICE, "good morning everybody", language="PT-br")
    found = await world.tweets.create(ALICE, "good morning everybody, have a nice day")
    unknown = await world.tweets.create(ALICE, "\U0001f600 https://example.com")
    assert [given.language, found.language, unknown.language] == ["pt-BR", "en", ""]
    read = [await world.tweets.get(each.tweet_id, ALICE) for each in (given, found, unknown)]
    assert read == [given, found, unknown]


async def test_what_is_no_language_leaves_nothing_behind(world: World) -> None:
    for language in ("english", "e", "en_US", "en-", "-en", "en US", "x" * 36, "\u0435n"):
        with pytest.raises(InvalidArgumentError) as caught:
            await world.tweets.create(ALICE, "hello", request_id="r", language=language)
        assert caught.value.field == "language"
    assert await world.is_empty()


async def test_the_language_is_part_of_what_a_request_asks_for(world: World) -> None:
    tweet = await world.tweets.create(ALICE, "hello", request_id="r", language="en")
    again = await world.tweets.create(ALICE, "hello", request_id="r", language="EN")
    assert again == tweet
    for language in ("", "de"):
        with pytest.raises(AlreadyExistsError):
            await world.tweets.create(ALICE, "hello", request_id="r", language=language)


async def test_a_text_of_long_urls_is_taken(world: World) -> None:
    text = " ".join(["http://a.co/" + "\u00e9" * 4_077] * 11)
    tweet = await world.tweets.create(ALICE, text)
    assert len(tweet.entities.urls) == 11
    assert await world.tweets.get(tweet.tweet_id, ALICE) == tweet
