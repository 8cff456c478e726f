"""Bus messages in, use cases called."""

from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from services.platform.erasure import require_gone
from services.tweet.author_counts import AuthorCounting
from services.tweet.erasure import TweetErasure
from services.tweet.ports import UserDirectory
from services.tweet.scanning import Scanning
from services.user.events import decode_user_deleted

__all__ = ["TweetConsumers"]


class Change(Protocol):
    """What a message says: a tweet or a retweet came, or went, or is to be looked at again."""

    @property
    def tweet_id(self) -> int:
        """The tweet, or the retweet."""
        ...

    @property
    def user_id(self) -> int:
        """In whose list it is."""
        ...

    @property
    def deleted(self) -> bool:
        """Whether it went."""
        ...

    @property
    def retweet_of(self) -> int:
        """The tweet that a retweet is of; 0 for a tweet."""
        ...

    @property
    def again(self) -> bool:
        """Whether something was decided about one that came before."""
        ...


class TweetConsumers:
    """One method for each subscription."""

    def __init__(
        self,
        erasure: TweetErasure,
        users: UserDirectory,
        scanning: Scanning,
        counting: AuthorCounting,
        decode: Callable[[bytes], Change],
    ) -> None:
        """`decode` reads a message of topic tweet-events."""
        self._erasure = erasure
        self._users = users
        self._scanning = scanning
        self._counting = counting
        self._decode = decode

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Scan new tweets, and count those that came into their authors' lists or left them.

        A retweet is in a list, and says nothing of its own.
        """
        changes = list(map(self._decode, bodies))
        changed: dict[int, set[int]] = {}
        for each in changes:
            if not each.again:
                changed.setdefault(each.user_id, set()).add(each.tweet_id)
        await self._counting.changed(changed)
        told = [each for each in changes if not (each.deleted or each.retweet_of)]
        await self._scanning.decided(_ids(each for each in told if each.again))
        await self._scanning.created(_ids(each for each in told if not each.again))

    async def user_deleted(self, body: bytes) -> None:
        """Erase the tweets of a deleted user."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.author_deleted(event.user_id, event.deleted_at_ms)


def _ids(changes: Iterable[Change]) -> list[int]:
    return list(dict.fromkeys(each.tweet_id for each in changes))
