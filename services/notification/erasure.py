"""Forgetting what deleted users were told. What they did is taken back by the events about that."""

import time
from collections.abc import Callable, Collection
from typing import Final

from services.notification.ports import Entries, Users
from services.platform.erasure import WORK_S, require_gone
from services.platform.errors import CallAgain
from services.platform.ids.arguments import check_id

__all__ = ["Erasure"]

ROWS_PER_STEP: Final = 500
"""Rows deleted at once: some tens of milliseconds of the engine."""


class Erasure:
    """Removes the lists of deleted users. Idempotent; raises `UnavailableError`."""

    def __init__(
        self, entries: Entries, users: Users, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._entries = entries
        self._users = users
        self._monotonic = monotonic

    async def erase(self, user_id: int) -> None:
        """Remove all that a deleted user was told.

        Raises `FailedPreconditionError` (`STILL_THERE`) for a user who is there, `CallAgain` after
        `WORK_S` of work, to go on, and `InvalidArgumentError` for an id that is not positive.
        """
        check_id("user_id", user_id)
        gone = await self._users.missing([user_id])
        require_gone("user", user_id, lives=not gone)
        await self._remove(user_id)

    async def erase_missing(self, user_ids: Collection[int]) -> None:
        """Remove all that those of these users were told who are there no longer."""
        for user_id in await self._users.missing(sorted(user_ids)) if user_ids else ():
            await self._remove(user_id)

    async def _remove(self, user_id: int) -> None:
        due = self._monotonic() + WORK_S
        while not await self._entries.erase(user_id, limit=ROWS_PER_STEP):
            if self._monotonic() >= due:
                raise CallAgain(f"the erasure of user {user_id} goes on", after_s=0.0)
