"""Liking, retweeting and bookmarking tweets, and taking that back."""

from services.engagement.changes import Changes
from services.engagement.model import Edge, Kind
from services.platform.ids.arguments import check_id

__all__ = ["Engaging"]


class Engaging:
    """The use cases that change what a user did with a tweet."""

    def __init__(self, changes: Changes) -> None:
        self._changes = changes

    async def engage(self, kind: Kind, user_id: int, tweet_id: int) -> None:
        """Do it; nothing is changed or published if that is so already.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`TWEET_NOT_FOUND`, `USER_NOT_FOUND`) where they name nothing.
        """
        await self._make(kind, user_id, tweet_id, standing=True)

    async def disengage(self, kind: Kind, user_id: int, tweet_id: int) -> None:
        """Take it back; nothing is changed or published where there is nothing to take back.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`USER_NOT_FOUND`) for a user who does not exist. Whether the tweet does is not asked.
        """
        await self._make(kind, user_id, tweet_id, standing=False)

    async def _make(self, kind: Kind, user_id: int, tweet_id: int, *, standing: bool) -> None:
        check_id("user_id", user_id)
        check_id("tweet_id", tweet_id)
        await self._changes.make(Edge(kind, user_id, tweet_id), standing=standing)
