"""The engagement service's own figures, of more tweets than one lookup takes."""

from collections.abc import Sequence
from typing import Any, cast

from services.engagement.counting import MAX_IDS_PER_LOOKUP
from services.engagement.model import Kind, TweetCounts
from services.engagement.own_figures import OwnFigures
from services.platform.drawing.pieces import NOBODY, pieces_of


class Counting:
    """Each tweet has as many likes as its id says."""

    async def lookup(self, tweet_ids: Sequence[int]) -> list[TweetCounts]:
        assert 1 <= len(tweet_ids) <= MAX_IDS_PER_LOOKUP
        return [TweetCounts(each, {Kind.LIKE: each}) for each in tweet_ids]


async def test_readers_together_may_want_more_than_a_lookup_takes() -> None:
    own = OwnFigures(cast("Any", Counting()), cast("Any", None))
    found = await own.counts(range(1, 2 * MAX_IDS_PER_LOOKUP + 2))
    assert len(found) == 2 * MAX_IDS_PER_LOOKUP + 1
    expected = pieces_of(likes=2_001, retweets=0, replies=0, quotes=0)
    assert found[2_001][NOBODY] == expected[NOBODY]
