"""Taking back what a deleted user did, in deliveries that are short and may be repeated."""

import asyncio
import time
from collections.abc import Callable
from typing import Final

from services.engagement.changes import MOST_TOGETHER, Changes
from services.engagement.model import USER_KINDS, Edge, Kind
from services.engagement.ports import EdgeStore
from services.platform.erasure import WORK_S, Settling
from services.platform.errors import CallAgain
from services.platform.ids.arguments import check_id
from services.platform.ids.known_ids import KNOWN_FOR_MS

__all__ = ["SETTLE_MS", "EngagementErasure"]

SETTLE_MS: Final = KNOWN_FOR_MS + 20_000
"""Milliseconds after the deletion in which the user may still do something: where nobody hears of
it, the user is still known for a minute, and what a like that found the user there commits is begun
within its request's deadline of 5 s, and ends within 3 s; if it died half way, the outbox waits (5
s) for a sweep (3 s at most) to finish it. Clocks differ by a little."""

_MS_PER_S = 1_000


class EngagementErasure:
    """Removes the edges of deleted users. `settling` waits `SETTLE_MS`."""

    def __init__(
        self,
        store: EdgeStore,
        changes: Changes,
        settling: Settling,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._changes = changes
        self._settling = settling
        self._monotonic = monotonic

    async def erase(self, user_id: int, deleted_at_ms: int) -> None:
        """Take back all likes, retweets and bookmarks of the user, and publish that. Idempotent.

        Raises `CallAgain` when another delivery is needed: after `WORK_S` of work, to go on; and
        where the user may still have done something meanwhile. Raises `InvalidArgumentError` for
        an id that is not positive.
        """
        check_id("user_id", user_id)
        due = self._monotonic() + WORK_S
        left_ms = self._settling.left_ms(user_id, deleted_at_ms)
        for kind in USER_KINDS:
            await self._take_back(kind, user_id, due)
        if left_ms:
            raise CallAgain(
                f"user {user_id} was deleted just now: a like may still be under way",
                after_s=left_ms / _MS_PER_S,
            )
        for kind in USER_KINDS:
            await self._store.forget_actor(kind, user_id)

    async def _take_back(self, kind: Kind, user_id: int, due: float) -> None:
        before: int | None = None
        while True:
            found = await self._store.done_by(kind, user_id, before=before, limit=MOST_TOGETHER)
            edges = [Edge(kind, user_id, tweet_id) for tweet_id in found.ids]
            taken_back = (self._changes.make(e, standing=False, by_user=False) for e in edges)
            await asyncio.gather(*taken_back)
            before = found.resume_after
            if before is None:
                return
            if self._monotonic() >= due:
                raise CallAgain(f"the erasure of user {user_id} goes on", after_s=0.0)
