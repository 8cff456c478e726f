"""The rules of a timeline and the cut of its page: pure functions."""

import pytest

from services.timeline.model import EncodedTweet, View
from services.timeline.page import PAGE_BYTES, Page, cut_page
from services.timeline.rules import RULES, apply_rules

OWNER, FOLLOWED, STRANGER = 1, 2, 3
VIEW = View(OWNER, frozenset({FOLLOWED}))


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


def test_rules_keep_order_and_the_very_tweets() -> None:
    tweets = [tweet(n, FOLLOWED) for n in range(60, 0, -1)]
    shown = apply_rules(RULES, tweets, VIEW)
    assert all(kept is given for kept, given in zip(shown, tweets, strict=True))


@pytest.mark.parametrize(("count", "next_before"), [(0, None), (1, None), (2, None), (3, 8)])
def test_a_page_follows_where_there_is_more_than_fits(count: int, next_before: int | None) -> None:
    tweets = [tweet(9 - n, OWNER) for n in range(count)]
    assert cut_page(tweets, 2) == Page(tweets[:2], next_before)


@pytest.mark.parametrize(("size", "room"), [(PAGE_BYTES // 3, 3), (2 * PAGE_BYTES, 1)])
def test_a_page_of_the_largest_tweets_ends_where_an_answer_does(size: int, room: int) -> None:
    tweets = [EncodedTweet(each, 1, False, 0, b"x" * size) for each in range(9, 4, -1)]  # noqa: FBT003
    assert cut_page(tweets, 4) == Page(tweets[:room], tweets[room - 1].tweet_id)
    assert cut_page(tweets[:room], 4) == Page(tweets[:room], None)
