"""Showing authors their own tweets: one call of the timeline store for many posts.

Posts that were committed together are shown together, and so are those that come while a call is
under way. Alone, a call costs what it did.
"""

import asyncio
from collections.abc import Mapping
from contextvars import Context
from typing import Protocol

from services.platform.errors import UnavailableError
from services.platform.runtime.joined import answered, fail, give

__all__ = ["AT_ONCE", "JoinedOwnTimeline", "TimelineStore"]

AT_ONCE = 250
"""Tweets shown by one call; far more than one process takes while another call is under way."""
WAIT_S = 2.0
"""For the call under way and the own one: the store bounds each by a second."""
DEADLINE_SHARE = 0.5
"""Of what the request's deadline leaves: the tweet is durable, and its author is to be told so."""

_Waiting = tuple[int, int, asyncio.Future[None]]


class TimelineStore(Protocol):
    """The hot lists of authors. Raises `UnavailableError`; both methods are idempotent."""

    async def show_own(self, authors: Mapping[int, int]) -> None:
        """Put durable tweets, each with its author, into their authors' hot lists."""
        ...

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet from all readers."""
        ...


class JoinedOwnTimeline:
    """An `OwnTimeline` on a timeline store; for one event loop."""

    def __init__(self, timelines: TimelineStore) -> None:
        self._timelines = timelines
        self._waiting: list[_Waiting] = []
        self._showing: asyncio.Task[None] | None = None

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Put a durable tweet into its author's hot lists, with those of others."""
        shown: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((tweet_id, user_id, shown))
        if self._showing is None:
            # It begins at the next turn of the loop, so that this turn's posts go together, and has
            # none of the first one's context: neither its deadline nor its trace.
            self._showing = asyncio.create_task(self._show_all(), context=Context())
        late = "the timeline store does not answer in time"
        await answered(shown, WAIT_S, late, share=DEADLINE_SHARE)

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet from all readers."""
        await self._timelines.deleted(tweet_id, user_id)

    async def _show_all(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[:AT_ONCE], self._waiting[AT_ONCE:]
                failure = await self._show(batch)
                for _, _, shown in batch:
                    if failure is None:
                        give(shown, None)
                    else:
                        fail(shown, UnavailableError(str(failure)))
        finally:
            self._showing = None

    async def _show(self, batch: list[_Waiting]) -> Exception | None:
        try:
            await self._timelines.show_own({tweet_id: author for tweet_id, author, _ in batch})
        except Exception as error:  # noqa: BLE001 - each caller gets it
            return error
        return None
