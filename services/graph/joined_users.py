"""Asking who exists: one call for all requests that ask meanwhile."""

import asyncio
from collections.abc import Sequence
from contextvars import Context, copy_context
from typing import Final, NamedTuple

from services.graph.ports import Users
from services.platform.runtime.joined import answered, fail, give
from services.platform.runtime.pace import Pace

__all__ = ["JoinedUsers"]

MOST_IDS: Final = 1_000
"""Of one call: as many as the user service takes. A request that has more asks by itself."""
EVERY_S: Final = 0.01
"""Between two calls, in seconds: whoever asks after a longer pause does so at once, and while many
ask, more go together than come during one call."""
LINGER_S: Final = 0.1
"""Longest that a call is waited for before the next begins beside it, in seconds: one that hangs,
as one process of many may, holds up nobody who comes after it."""
WAIT_S: Final = 5.0
"""For the call under way and the own one, which is bounded by two seconds."""


class _Asked(NamedTuple):
    ids: Sequence[int]
    context: Context
    missing: asyncio.Future[frozenset[int]]


class JoinedUsers:
    """`Users` for whom one call goes to the others at a time, as long as it is answered.

    For one event loop. Alone, a request's call is made at once, and is its own: with its deadline
    and trace.
    """

    def __init__(self, users: Users) -> None:
        self._users = users
        self._waiting: list[_Asked] = []
        self._asking: asyncio.Task[None] | None = None
        self._calls: set[asyncio.Task[None]] = set()
        self._pace = Pace(EVERY_S)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given; raises `UnavailableError`."""
        if len(user_ids) > MOST_IDS // 2:
            return await self._users.missing(user_ids)
        found: asyncio.Future[frozenset[int]] = asyncio.get_running_loop().create_future()
        self._waiting.append(_Asked(user_ids, copy_context(), found))
        if self._asking is None:
            # It begins at the next turn of the loop, so that this turn's requests go together.
            self._asking = asyncio.create_task(self._ask_all(), context=Context())
        missing = await answered(found, WAIT_S, "The user service did not answer in time.")
        return [user_id for user_id in user_ids if user_id in missing]

    async def _ask_all(self) -> None:
        try:
            while self._waiting:
                await self._pace.wait()
                if batch := self._next():
                    context = batch[0].context if len(batch) == 1 else Context()
                    call = asyncio.create_task(self._ask(batch), context=context)
                    self._calls.add(call)
                    call.add_done_callback(self._calls.discard)
                    await asyncio.wait([call], timeout=LINGER_S)
        finally:
            self._asking = None

    def _next(self) -> list[_Asked]:
        batch, room = list[_Asked](), MOST_IDS
        # Those who gave up are asked for no more.
        waiting = [asked for asked in self._waiting if not asked.missing.done()]
        for asked in waiting:
            room -= len(asked.ids)
            if room < 0:
                break
            batch.append(asked)
        self._waiting = waiting[len(batch) :]
        return batch

    async def _ask(self, batch: Sequence[_Asked]) -> None:
        ids = list(dict.fromkeys(user_id for asked in batch for user_id in asked.ids))
        try:
            missing = frozenset(await self._users.missing(ids))
        except Exception as error:  # noqa: BLE001 - it belongs to those who asked
            for asked in batch:
                fail(asked.missing, error)
            return
        for asked in batch:
            give(asked.missing, missing)
