"""The rules of a timeline and the cut of its page: pure functions."""

from dataclasses import replace

import pytest

from services.platform.drawing.heard_values import HeardValues
from services.platform.muting.messages import read_said
from services.platform.visibility.rule import Sight
from services.timeline.model import EncodedTweet, Retweet, View
from services.timeline.page import PAGE_BYTES, Page, cut_page
from services.timeline.protection import KnownProtection
from services.timeline.rules import RULES, apply_rules
from services.timeline.seeing import Seeing
from tests.sights import Quoted, SetSights, open_seeing

OWNER, FOLLOWED, STRANGER, OTHER, MUTED = 1, 2, 3, 4, 5
VIEW = View(OWNER, frozenset({FOLLOWED, OTHER}), hidden=frozenset({MUTED}))


def tweet(tweet_id: int, author: int) -> EncodedTweet:
    return EncodedTweet(tweet_id, author, deleted=False, visibility=0, body=b"body")


def test_only_the_owner_and_shown_authors_show() -> None:
    own, theirs, strange = tweet(9, OWNER), tweet(8, FOLLOWED), tweet(7, STRANGER)
    assert apply_rules(RULES, [own, theirs, strange], VIEW) == [own, theirs]
    assert apply_rules(RULES, [own, theirs, strange], View(OWNER)) == [own]


def test_the_first_rule_removes_tombstones() -> None:
    """A tombstone's author is 0, which the other rules must never see."""
    nobody = View(OWNER, frozenset({0}))
    assert apply_rules(RULES, [EncodedTweet.tombstone(9)], nobody) == []
    assert RULES[0]([EncodedTweet.tombstone(9)], nobody) == []


async def test_a_deleted_tweet_that_was_retweeted_is_nobodys() -> None:
    """Asked about nobody the graph would refuse, and no stranger's tweet would be shown."""
    sights = SetSights()
    gone = replace(EncodedTweet.tombstone(9), retweet=Retweet(90, FOLLOWED))
    view = View(OWNER, frozenset({FOLLOWED}))
    seen = await open_seeing(sights).home([gone, retweet(8, STRANGER, FOLLOWED)], view)
    assert sights.asked == [frozenset({(0, STRANGER)})]
    assert seen.sights == {STRANGER: Sight()}
    sights.asked.clear()
    assert await open_seeing(sights).home([gone], view) == view
    assert sights.asked == []


async def test_of_strangers_nobody_is_asked_again_until_they_change() -> None:
    sights, known = SetSights(), HeardValues[bool]()
    known.open()
    seeing = Seeing(sights, KnownProtection(sights, known), Quoted(), read_said)
    tweets = [tweet(9, FOLLOWED), tweet(7, OWNER), retweet(8, STRANGER, FOLLOWED)]
    for _ in range(3):
        assert apply_rules(RULES, tweets, await seeing.home(tweets, VIEW)) == tweets
    assert sights.asked == [frozenset({(0, STRANGER)})]
    sights.known[0, STRANGER] = Sight(protected=True)
    known.gone(STRANGER)
    for _ in range(3):
        assert apply_rules(RULES, tweets, await seeing.home(tweets, VIEW)) == tweets[:2]
    assert len(sights.asked) == 2
    # Where nobody can say it, the rest of the page is there.
    known.close()
    sights.fails = True
    assert apply_rules(RULES, tweets, await seeing.home(tweets, VIEW)) == tweets[:2]


def retweet(tweet_id: int, author: int, by: int, answered: int = 0) -> EncodedTweet:
    return replace(tweet(tweet_id, author), retweet=Retweet(90, by), answered_id=answered)


@pytest.mark.parametrize(
    ("author", "answered", "shows"),
    [
        (FOLLOWED, STRANGER, False),
        (FOLLOWED, FOLLOWED, True),  # a thread
        (FOLLOWED, OTHER, True),
        (FOLLOWED, OWNER, True),
        (FOLLOWED, MUTED, False),
        (FOLLOWED, 0, True),  # no reply, or one of before it was kept
        (OWNER, STRANGER, True),
    ],
)
def test_replies_show_to_those_who_see_both_sides(
    author: int, answered: int, *, shows: bool
) -> None:
    reply = replace(tweet(9, author), answered_id=answered)
    assert (apply_rules(RULES, [reply], VIEW) == [reply]) == shows


@pytest.mark.parametrize(
    ("author", "by", "answered", "shows"),
    [
        (STRANGER, FOLLOWED, 0, True),
        (STRANGER, OWNER, 0, True),
        (STRANGER, STRANGER, 0, False),
        (STRANGER, MUTED, 0, False),
        (MUTED, FOLLOWED, 0, False),
        (OTHER, FOLLOWED, 0, False),  # it stands at the author's place
        (OWNER, FOLLOWED, 0, False),
        (OTHER, FOLLOWED, STRANGER, True),  # where it does not show as a reply
        (OTHER, FOLLOWED, FOLLOWED, False),
        (STRANGER, FOLLOWED, STRANGER, True),
        (FOLLOWED, FOLLOWED, STRANGER, False),  # one's own, said again
    ],
)
def test_a_retweet_shows_what_does_not_show_by_itself(
    author: int, by: int, answered: int, *, shows: bool
) -> None:
    brought = retweet(9, author, by, answered)
    assert (apply_rules(RULES, [brought], VIEW) == [brought]) == shows


def test_a_deleted_tweet_is_brought_by_nobody() -> None:
    gone = replace(EncodedTweet.tombstone(9), retweet=Retweet(90, FOLLOWED))
    assert apply_rules(RULES, [gone], VIEW) == []


def test_a_page_goes_on_from_the_retweet() -> None:
    tweets = [retweet(9, STRANGER, FOLLOWED), tweet(8, OWNER)]
    assert cut_page(tweets, 1) == Page(tweets[:1], 90, 90)


def test_rules_keep_order_and_the_very_tweets() -> None:
    tweets = [tweet(n, FOLLOWED) for n in range(60, 0, -1)]
    shown = apply_rules(RULES, tweets, VIEW)
    assert all(kept is given for kept, given in zip(shown, tweets, strict=True))


@pytest.mark.parametrize(("count", "next_before"), [(0, None), (1, None), (2, None), (3, 8)])
def test_a_page_follows_where_there_is_more_than_fits(count: int, next_before: int | None) -> None:
    tweets = [tweet(9 - n, OWNER) for n in range(count)]
    newest = 9 if tweets else 5
    assert cut_page(tweets, 2, behind=5) == Page(tweets[:2], next_before, newest)


@pytest.mark.parametrize(("size", "room"), [(PAGE_BYTES // 3, 3), (2 * PAGE_BYTES, 1)])
def test_a_page_of_the_largest_tweets_ends_where_an_answer_does(size: int, room: int) -> None:
    tweets = [EncodedTweet(each, 1, False, 0, b"x" * size) for each in range(9, 4, -1)]  # noqa: FBT003
    assert cut_page(tweets, 4) == Page(tweets[:room], tweets[room - 1].tweet_id, 9)
    assert cut_page(tweets[:room], 4) == Page(tweets[:room], None, 9)
