"""An index is told which tweets are for everybody: of protected authors none."""

from collections.abc import Sequence

import pytest

from services.platform.errors import UnavailableError
from services.platform.visibility.rule import Sight
from services.search.model import TweetText
from services.search.openness import MarkedTweets
from tests.sights import SetSights

OPEN, PROTECTED = 1, 2
TWEETS = [
    TweetText(11, OPEN, "one", "en", 0, is_reply=False),
    TweetText(12, PROTECTED, "two", "en", 0, is_reply=False),
    TweetText(13, OPEN, "for few", "en", 0, is_reply=False, is_public=False),
]


class Tweets:
    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        return [tweet for tweet in TWEETS if tweet.tweet_id in tweet_ids]

    async def read_all(
        self, _after: int, _limit: int
    ) -> tuple[Sequence[TweetText], int | None, int]:
        return TWEETS, 13, 40


async def test_tweets_of_protected_authors_are_not_public() -> None:
    sights = SetSights({(0, PROTECTED): Sight(protected=True)})
    tweets = MarkedTweets(Tweets(), sights)
    for found in (await tweets.read([11, 12, 13]), (await tweets.read_all(0, 9))[0]):
        assert [each.is_public for each in found] == [True, False, False]
    assert (await tweets.read_all(0, 9))[1:] == (13, 40)
    # By one call for all, and none where nothing is public.
    sights.asked.clear()
    await tweets.read([11, 12])
    await tweets.read([13])
    assert sights.asked == [frozenset({(0, OPEN), (0, PROTECTED)})]


async def test_what_nobody_can_say_is_not_indexed() -> None:
    """The list of changes keeps it until somebody does."""
    with pytest.raises(UnavailableError):
        await MarkedTweets(Tweets(), SetSights(fails=True)).read([11])
