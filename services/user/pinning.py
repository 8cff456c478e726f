"""The tweet that users pin to their profiles: one of their own, shown to who may see it.

What a row has pinned is what its user asked for last. Whether that tweet is still there, and for
whom, is asked at each read: so a deleted one is not shown, whoever deleted it and whatever died
then, and nobody learns of one that is not for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from services.platform.drawing.outage import Spared
from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError, PermissionDeniedError, UnavailableError
from services.platform.ids.arguments import check_id
from services.user.missing import no_user
from services.user.model import User
from services.user.ports import AccountStore, SeenTweets

__all__ = ["Pinning"]

MAX_CHANGE_ATTEMPTS: Final = 10
"""Tries to change a row; each lost one means that another change of this user was made."""


class Pinning:
    """The use cases about pinned tweets."""

    def __init__(self, accounts: AccountStore, tweets: SeenTweets) -> None:
        self._accounts = accounts
        self._tweets = tweets
        self._asking = Spared("pinned")

    async def pin(self, user_id: int, tweet_id: int) -> None:
        """Pin a tweet of the user's own in place of any other. Idempotent.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError` for a tweet
        that is not there for the user (`TWEET_NOT_FOUND`) and for the user (`USER_NOT_FOUND`),
        `PermissionDeniedError` (`NOT_THE_AUTHOR`) for another's tweet, and `UnavailableError`.
        """
        check_id("user_id", user_id)
        check_id("tweet_id", tweet_id)
        author = (await self._tweets.authors(user_id, [tweet_id])).get(tweet_id)
        if author is None:
            raise NotFoundError(
                f"tweet_id: no tweet {tweet_id}",
                reason=Reason.TWEET_NOT_FOUND,
                metadata={"field": "tweet_id", "tweet_id": str(tweet_id)},
            )
        if author != user_id:
            raise PermissionDeniedError(
                f"tweet {tweet_id} is not yours to pin",
                reason=Reason.NOT_THE_AUTHOR,
                metadata={"tweet_id": str(tweet_id)},
            )
        await self._change(user_id, lambda _pinned: tweet_id)

    async def unpin(self, user_id: int, tweet_id: int) -> None:
        """Pin the tweet no longer; another one stays. Idempotent.

        Raises `InvalidArgumentError` for ids that are not positive, `NotFoundError`
        (`USER_NOT_FOUND`), and `UnavailableError`.
        """
        check_id("user_id", user_id)
        check_id("tweet_id", tweet_id)
        await self._change(user_id, lambda pinned: 0 if pinned == tweet_id else pinned)

    async def shown(self, reader: int, users: Sequence[User]) -> dict[int, int]:
        """Give what each of up to 1000 users has pinned that a reader (0: nobody) may see, by id.

        By one call, and none where nobody has pinned anything; nothing where nobody says so in
        time.
        """
        pinned = {user.user_id: user.pinned_tweet_id for user in users if user.pinned_tweet_id}
        if not pinned:
            return {}
        wanted = list(dict.fromkeys(pinned.values()))
        authors = await self._asking.ask(lambda: self._tweets.authors(reader, wanted))
        return {
            user_id: tweet_id
            for user_id, tweet_id in pinned.items()
            if (authors or {}).get(tweet_id) == user_id
        }

    async def _change(self, user_id: int, pinned_after: Callable[[int], int]) -> None:
        for _ in range(MAX_CHANGE_ATTEMPTS):
            before = await self._accounts.find(user_id)
            if before is None:
                raise no_user(user_id)
            pinned = pinned_after(before.user.pinned_tweet_id)
            if pinned == before.user.pinned_tweet_id:
                return
            user = replace(before.user, pinned_tweet_id=pinned)
            # What it was changed by stays, as the answer to that change does.
            after = replace(before, user=user, revision=before.revision + 1)
            if await self._accounts.replace(before, after):
                return
        raise UnavailableError(f"user {user_id} is changing too fast")
