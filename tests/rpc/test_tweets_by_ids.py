"""Many tweets in one answer: as many as it can hold."""

from collections.abc import Sequence
from typing import Any, cast

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.errors import InvalidArgumentError
from services.tweet.model import Tweet
from services.tweet.servicer import TweetServicer
from tests.undrawn import UNMARKED, undrawn


class Large:
    """Tweets as large as they get."""

    async def get_many(self, tweet_ids: Sequence[int], _reader: int) -> list[Tweet]:
        return [Tweet(each, 1, "x" * 270_000, 1, 0, 0) for each in tweet_ids]


async def test_more_than_an_answer_can_hold_is_refused_with_a_word() -> None:
    none = cast("Any", None)
    servicer: Any = TweetServicer(cast("Any", Large()), *[none] * 6, undrawn(), none)
    found = await servicer.GetTweets(
        pb.GetTweetsRequest(ids=",".join(map(str, range(1, 12)))), UNMARKED
    )
    assert [tweet.tweet_id for tweet in found.tweets] == list(range(1, 12))
    many = pb.GetTweetsRequest(ids=",".join(map(str, range(1, 13))))
    with pytest.raises(InvalidArgumentError, match="ask for fewer"):
        await servicer.GetTweets(many, UNMARKED)
