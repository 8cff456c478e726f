"""Messages that something is gone, and owners who know better, or cannot be asked."""

from collections.abc import Sequence
from typing import Any

import pytest

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
    """The user service to all three, and the tweet service to the fan-out."""

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

    async def exists(self, _: int) -> bool:
        return self._answer()


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
        names = ("followers", "deliveries", "celebrities", "jobs", "backfill", "threshold")
        unused = dict.fromkeys(names, None)
        service = FanoutService(tweets=owner, timelines=erasing, **unused)  # type: ignore[arg-type]
        lag: Any = None
        await FanoutConsumers(service, lag).tweet_changed(TweetEvents().deleted(TWEET, ADA))
        return
    consumers = {"graph": GraphConsumers, "tweet": TweetConsumers, "identity": IdentityConsumers}
    await consumers[kind](erasing, owner).user_deleted(MESSAGE)


@pytest.mark.parametrize("kind", ["graph", "tweet", "identity", "fanout"])
async def test_the_owner_is_asked_first(kind: str) -> None:
    erasing = Erasing()
    with pytest.raises(FailedPreconditionError, match="is there"):
        await deliver(kind, Owner(lives=True), erasing)
    with pytest.raises(UnavailableError):
        await deliver(kind, Owner(lives=None), erasing)
    assert erasing.erased == []
    await deliver(kind, Owner(lives=False), erasing)
    assert erasing.erased == [TWEET if kind == "fanout" else ADA]
