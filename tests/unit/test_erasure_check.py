"""Messages that something is gone, and owners who know better, or cannot be asked."""

from collections.abc import Sequence
from typing import Any

import pytest

from services.engagement.consumers import EngagementConsumers
from services.fanout.consumers import FanoutConsumers
from services.fanout.service import FanoutService
from services.graph.consumers import GraphConsumers
from services.identity.consumers import IdentityConsumers
from services.identity.ports import Account
from services.platform.errors import FailedPreconditionError, UnavailableError
from services.tweet.consumers import TweetConsumers
from services.tweet.events import TweetEvents
from services.user.events import UserEvents

ADA, TWEET = 7, 70
MESSAGE = UserEvents().deleted(ADA, 1)


class Owner:
    """The user service to all, and the tweet service to the fan-out."""

    def __init__(self, *, lives: bool | None) -> None:
        self._lives = lives

    def _answer(self) -> bool:
        if self._lives is None:
            raise UnavailableError("nobody answers")
        return self._lives

    async def missing(self, ids: Sequence[int]) -> list[int]:
        return [] if self._answer() else list(ids)

    async def by_id(self, user_id: int) -> Account | None:
        return Account(user_id, "ada") if self._answer() else None

    async def living(self, tweet_ids: Sequence[int]) -> Sequence[int]:
        return tweet_ids if self._answer() else []


class Erasing:
    """Stands in for each service's erasure, and keeps the ids that it was called with."""

    def __init__(self) -> None:
        self.erased: list[int] = []

    async def erase(self, user_id: int, *_: int) -> None:
        self.erased.append(user_id)

    async def author_deleted(self, user_id: int, _: int) -> None:
        self.erased.append(user_id)

    async def forget_tweet(self, _: int, tweet_id: int) -> None:
        self.erased.append(tweet_id)


async def deliver(kind: str, owner: Any, erasing: Any) -> None:
    if kind == "fanout":
        unused: Any = None
        service = FanoutService(tweets=owner, timelines=erasing, backfill=unused, lag=unused)
        consumers = FanoutConsumers(unused, service, unused)
        await consumers.tweets_changed([TweetEvents().deleted(TWEET, ADA)])
        return
    if kind == "engagement":
        unused = None
        await EngagementConsumers(unused, unused, erasing, owner, unused).user_deleted(MESSAGE)
        return
    if kind == "tweet":
        unused = None
        await TweetConsumers(erasing, owner, unused, unused, unused).user_deleted(MESSAGE)
        return
    erasures = {"graph": GraphConsumers, "identity": IdentityConsumers}
    await erasures[kind](erasing, owner).user_deleted(MESSAGE)


@pytest.mark.parametrize("kind", ["graph", "tweet", "engagement", "identity", "fanout"])
async def test_the_owner_is_asked_first(kind: str) -> None:
    erasing = Erasing()
    with pytest.raises(FailedPreconditionError, match="is there"):
        await deliver(kind, Owner(lives=True), erasing)
    with pytest.raises(UnavailableError):
        await deliver(kind, Owner(lives=None), erasing)
    assert erasing.erased == []
    await deliver(kind, Owner(lives=False), erasing)
    assert erasing.erased == [TWEET if kind == "fanout" else ADA]


async def test_one_of_a_batch_that_is_there_spoils_no_other() -> None:
    class Half:
        async def living(self, tweet_ids: Sequence[int]) -> Sequence[int]:
            return [each for each in tweet_ids if each == TWEET]

    erasing, owner, unused = Erasing(), Half(), None
    service = FanoutService(tweets=owner, timelines=erasing, backfill=unused, lag=unused)  # type: ignore[arg-type]
    bodies = [TweetEvents().deleted(each, ADA) for each in (TWEET, TWEET + 1)]
    with pytest.raises(FailedPreconditionError, match=f"tweet {TWEET} .* is there"):
        await FanoutConsumers(unused, service, unused).tweets_changed(bodies)  # type: ignore[arg-type]
    assert erasing.erased == [TWEET + 1]
