"""Which tweets are left out for readers who have muted what these say."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import pytest
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.drawing.expansions import Expansion
from services.platform.muting.messages import read_said
from services.platform.muting.said import muted_among
from services.platform.muting.words import MutedWords, muted_words
from services.platform.visibility.encoded import EncodedTweet as FoundTweet
from services.platform.visibility.rule import Regard, Sight
from services.platform.visibility.seen import shown_among
from services.search.model import Found, Query
from services.search.service import SearchService
from services.timeline.model import EncodedTweet, View
from services.timeline.rules import RULES, apply_rules
from tests.sights import Quoted, SetSights, open_seeing
from tests.unit.drawing.world import World as DrawingWorld

READER, ADA, BOB = 1, 2, 3
FOX = muted_words(["fox", "two words"])


def body(tweet_id: int, author: int, text: str, quotes: int = 0) -> bytes:
    made = Tweet(tweet_id=tweet_id, user_id=author, text=text, quote_tweet_id=quotes or None)
    return made.SerializeToString()


def tweet(tweet_id: int, author: int, text: str, quotes: int = 0) -> EncodedTweet:
    encoded = body(tweet_id, author, text, quotes)
    return EncodedTweet(tweet_id, author, deleted=False, visibility=0, body=encoded)


async def nothing(_ids: Sequence[int]) -> dict[int, bytes]:
    raise AssertionError


async def test_ones_own_tweets_are_never_muted() -> None:
    bodies = {
        9: body(9, ADA, "a FOX"),
        8: body(8, READER, "a fox"),
        7: body(7, ADA, "two, words!"),
        6: body(6, ADA, "no words"),
    }
    assert await muted_among(FOX, READER, bodies, nothing, read=read_said) == {9, 7}
    assert (
        await muted_among(muted_words([]), READER, bodies, nothing, read=read_said) == frozenset()
    )


async def test_what_is_quoted_counts_but_for_the_readers_own() -> None:
    quoted = {5: body(5, BOB, "a fox"), 4: body(4, READER, "a fox"), 3: body(3, BOB, "an owl")}
    asked: list[int] = []

    async def look(ids: Sequence[int]) -> Mapping[int, bytes]:
        asked.extend(ids)
        return {one: quoted[one] for one in ids if one in quoted}

    bodies = {
        9: body(9, ADA, "look", quotes=5),
        8: body(8, ADA, "look", quotes=4),
        7: body(7, ADA, "look", quotes=3),
        6: body(6, ADA, "gone", quotes=2),
        1: body(1, READER, "mine", quotes=5),
        0: body(10, ADA, "fox anyway", quotes=11),
    }
    assert await muted_among(FOX, READER, bodies, look, read=read_said) == {9, 0}
    assert asked == [2, 3, 4, 5], "each once, and none of what is muted already"


def test_the_largest_tweets_are_read_and_not_kept() -> None:
    large = body(9, ADA, "fox " + "x" * 200_000)
    assert FOX.hide(read_said(large).text)
    assert read_said(large) is not read_said(large)
    small = body(9, ADA, "fox")
    assert read_said(small) is read_said(small)


async def test_a_home_leaves_them_out_whoever_brings_them() -> None:
    tweets = [tweet(9, ADA, "a fox"), tweet(8, ADA, "look", 5), tweet(7, READER, "fox"),
              tweet(6, ADA, "owl", 4)]  # fmt: skip
    quoted = Quoted([tweet(5, BOB, "two words")])
    seeing = open_seeing(quoted=quoted)
    plain = View(READER, frozenset({ADA}), reader=READER)
    assert await seeing.home(tweets, plain) is plain
    assert quoted.asked == []
    view = View(READER, frozenset({ADA}), reader=READER, words=FOX)
    shown = apply_rules(RULES, tweets, await seeing.home(tweets, view))
    assert [each.tweet_id for each in shown] == [7, 6]
    # Nor is there less of a home where what is quoted cannot be read.
    quoted.fails = True
    shown = apply_rules(RULES, tweets, await seeing.home(tweets, view))
    assert [each.tweet_id for each in shown] == [8, 7, 6]


async def test_they_come_with_how_the_reader_stands_to_authors() -> None:
    sights = SetSights(words={READER: FOX}, muted={BOB})
    tweets = {9: tweet(9, ADA, "a fox"), 8: tweet(8, BOB, "an owl"), 7: tweet(7, ADA, "an owl")}
    shown = await shown_among(sights, READER, tweets, nothing)
    assert (shown.keys, shown.words) == ({7}, FOX)
    assert len(sights.asked) == 1
    shown = await shown_among(sights, ADA, tweets, nothing)
    assert shown.keys == {9, 7}


async def test_what_is_included_goes_by_them_where_it_is_shown_unasked() -> None:
    world = DrawingWorld()
    world.tweets = {5: tweet(5, BOB, "a fox"), 4: tweet(4, READER, "fox"), 3: tweet(3, BOB, "owl")}
    page = [tweet(9 - one, ADA, "look", one) for one in (5, 4, 3)]
    world.likes = dict.fromkeys([*range(10)], 0)
    expansions = frozenset({Expansion.QUOTED})

    async def included(words: MutedWords | None) -> set[int]:
        asked = {} if words is None else {"words": words}
        drawn = await world.draw(page, READER, expansions=expansions, **asked)
        return {Tweet.FromString(encoded).tweet_id for encoded, _ in drawn.tweets}

    assert await included(None) == {5, 4, 3}
    assert await included(FOX) == {4, 3}


class Searched:
    """An index that finds all of some tweets, every third of which says a muted word."""

    ids = range(100, 0, -1)

    async def newest(self, _query: Query, before: int | None, limit: int) -> Found:
        ids = tuple(each for each in self.ids if before is None or each < before)
        return Found(ids[:limit], ended=len(ids) <= limit)

    async def relevant(self, _query: Query, _now_ms: int) -> Sequence[int]:
        return self.ids

    async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, FoundTweet]:
        return {
            each: FoundTweet(each, ADA, body(each, ADA, "an owl" if each % 3 else "a fox"))
            for each in tweet_ids
        }

    async def from_reader(self, _user_id: int) -> frozenset[int]:
        return frozenset()

    async def unasked(self, _user_id: int, author_ids: Collection[int]) -> Regard:
        return Regard(dict.fromkeys(author_ids, Sight()), FOX)

    async def user_of(self, _handle: str) -> None:
        raise AssertionError

    async def missing(self, _user_ids: Sequence[int]) -> list[int]:
        return []

    def now_ms(self) -> int:
        return 1_800_000_000_000


@pytest.mark.parametrize("sort", ["newest", "relevant"])
async def test_pages_of_a_search_are_full_without_them(sort: str) -> None:
    names = ("index", "tweets", "handles", "readers", "hidden", "sights", "changes", "reports")
    service = SearchService(
        **dict.fromkeys((*names, "clock"), cast("Any", Searched())), read_said=read_said
    )
    found: list[int] = []
    resume: int | None = None
    while not found or resume is not None:
        page = await service.search(READER, "x", sort, resume, 10)
        resume = page.resume
        assert len(page.tweets) == 10 or resume is None
        found += [Tweet.FromString(each).tweet_id for each in page.tweets]
        assert page.words == FOX
    assert found == [each for each in Searched.ids if each % 3]
