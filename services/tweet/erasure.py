"""The erasure of a deleted user's tweets."""

import asyncio
from time import monotonic

from services.platform.erasure import WORK_S, Settling
from services.platform.errors import CallAgain
from services.platform.ids.known_ids import KNOWN_FOR_MS
from services.tweet.deletion import Deletion
from services.tweet.model import Tweet
from services.tweet.ports import TweetStore

__all__ = ["LATE_TWEETS_MS", "PAGE_TWEETS", "TweetErasure"]

LATE_TWEETS_MS = KNOWN_FOR_MS + 20_000
"""How long after the deletion of an author a tweet may still come to be, in milliseconds. The
deletion takes until its deadline (5 s), and where nobody hears of it, the author is still known for
a minute. A post that passes the author check just before takes until its deadline (5 s), and if it
died half way, the outbox waits (5 s) for a sweep (3 s at most) to finish it."""

PAGE_TWEETS = 500
"""Tweets listed and read at once; a pass looks at its watch in between."""

PARALLEL_DELETIONS = 50
"""Deletions under way at once: enough to share commits, few enough to let posts through."""


class TweetErasure:
    """Deletes all that an author wrote, in passes that each go on where the last one ended.

    `settling` waits `LATE_TWEETS_MS`.
    """

    def __init__(
        self,
        store: TweetStore,
        deletion: Deletion,
        settling: Settling,
        *,
        work_s: float = WORK_S,
    ) -> None:
        self._store = store
        self._deletion = deletion
        self._settling = settling
        self._work_s = work_s

    async def author_deleted(self, user_id: int, deleted_at_ms: int) -> None:
        """Make one pass; raises `CallAgain` as long as another one is needed.

        That is so when time was up, and when a tweet may still come to be. Idempotent.
        """
        await self._pass(user_id)
        if late_ms := self._settling.left_ms(user_id, deleted_at_ms):
            raise CallAgain(
                f"user {user_id} may have been posting just now", after_s=late_ms / 1_000
            )

    async def _pass(self, user_id: int) -> None:
        end_s = monotonic() + self._work_s
        before: int | None = None
        while ids := await self._store.list_by_author(user_id, before, PAGE_TWEETS):
            # What is listed but missing is being deleted by somebody else.
            found = await self._store.get_many(ids, hidden=True)
            await self._delete_all(list(found.values()))
            before = ids[-1]
            if monotonic() >= end_s:
                # A page at the least was deleted, so the next pass has less to do.
                raise CallAgain(f"user {user_id} has more tweets to erase", after_s=0)

    async def _delete_all(self, tweets: list[Tweet]) -> None:
        gate = asyncio.Semaphore(PARALLEL_DELETIONS)

        async def delete(tweet: Tweet) -> None:
            async with gate:
                await self._deletion.delete(tweet)

        await asyncio.gather(*map(delete, tweets))
