"""Readers who hide more users than their relations list: strangers are asked about by name."""

from dataclasses import replace

import pytest

from services.platform.visibility.rule import NOT_KNOWN, Sight
from services.timeline.model import EncodedTweet, Retweet, View, ViewerRelations
from services.timeline.rules import RULES, apply_rules
from tests.sights import SetSights, open_seeing

OWNER, FOLLOWED, STRANGER, MUTED = 1, 2, 3, 4
VIEW = ViewerRelations(frozenset({FOLLOWED, MUTED}), frozenset({MUTED}), hides_others=True).view(
    OWNER
)


def tweet(tweet_id: int, author: int, by: int = 0) -> EncodedTweet:
    made = EncodedTweet(tweet_id, author, deleted=False, visibility=0, body=b"body")
    return replace(made, retweet=Retweet(100 + tweet_id, by)) if by else made


OWN, THEIRS, BROUGHT = tweet(9, OWNER), tweet(8, FOLLOWED), tweet(7, STRANGER, by=FOLLOWED)
PAGE = [OWN, THEIRS, BROUGHT, tweet(6, MUTED), tweet(5, STRANGER, by=MUTED)]


async def shown(sights: SetSights, view: View = VIEW) -> list[EncodedTweet]:
    return apply_rules(RULES, PAGE, await open_seeing(sights).home(PAGE, view))


async def test_strangers_are_asked_about_at_each_read_and_nobody_else() -> None:
    sights = SetSights()
    for _ in range(2):
        assert await shown(sights) == [OWN, THEIRS, BROUGHT]
    assert sights.asked == [frozenset({(OWNER, STRANGER)})] * 2


@pytest.mark.parametrize(
    "sight",
    [Sight(muting=True), Sight(blocking=True), Sight(blocked_by=True), Sight(protected=True)],
)
async def test_what_is_hidden_does_not_show(sight: Sight) -> None:
    sights = SetSights({(OWNER, STRANGER): sight})
    assert await shown(sights) == [OWN, THEIRS]


async def test_a_page_without_strangers_asks_nobody() -> None:
    sights = SetSights()
    page = [OWN, THEIRS, tweet(6, MUTED), tweet(4, FOLLOWED, by=FOLLOWED)]
    assert await open_seeing(sights).home(page, VIEW) == VIEW
    assert sights.asked == []


async def test_where_nobody_says_it_strangers_are_not_shown() -> None:
    sights = SetSights(fails=True)
    assert await shown(sights) == [OWN, THEIRS]
    seen = await open_seeing(sights).home(PAGE, VIEW)
    assert seen.sights == {STRANGER: NOT_KNOWN}


async def test_readers_who_hide_few_are_not_asked_about() -> None:
    sights = SetSights({(OWNER, STRANGER): Sight(muting=True)})
    few = replace(VIEW, hides_others=False)
    assert await shown(sights, few) == [OWN, THEIRS, BROUGHT]
    assert sights.asked == [frozenset({(0, STRANGER)})], "of strangers who is protected, as ever"
