"""Erasing the lists of deleted users, and taking them out of those of others."""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from services.list.model import UserList
from services.list.ports import ListStore, Users
from services.list.service import Lists
from services.platform.erasure import WORK_S, require_gone
from services.platform.errors import CallAgain, NotFoundError
from services.platform.ids.arguments import check_id

__all__ = ["ListErasure"]

LISTS_PER_STEP: Final = 100
"""Lists read at once, each of some kilobytes."""


class ListErasure:
    """Removes what deleted users left. Idempotent; raises `UnavailableError`.

    What is under way meanwhile asks, after it is made, whether the user is there still.
    """

    def __init__(
        self,
        store: ListStore,
        lists: Lists,
        users: Users,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._lists = lists
        self._users = users
        self._monotonic = monotonic

    async def erase(self, user_id: int) -> None:
        """Remove the user's lists, and the user from others'.

        Raises `FailedPreconditionError` (`STILL_THERE`) for a user who is there, `CallAgain` after
        `WORK_S` of work, to go on, and `InvalidArgumentError` for an id that is not positive.
        """
        check_id("user_id", user_id)
        gone = await self._users.missing([user_id])
        require_gone("user", user_id, lives=not gone)
        due = self._monotonic() + WORK_S
        owned = list(await self._store.owned(user_id))
        found = await self._store.get(owned)
        for list_id in owned:
            if list_id in found:
                await self._lists.remove(found[list_id])
            else:
                await self._lists.forget_owned(user_id, list_id)
            self._stop_if(due, user_id)
        while list_ids := await self._store.lists_with(user_id, LISTS_PER_STEP):
            for each in (await self._store.get(list_ids)).values():
                await self._take_out(each, user_id)
                self._stop_if(due, user_id)
            await self._store.forget_members([user_id], list_ids)

    async def _take_out(self, found: UserList, user_id: int) -> None:
        def without(before: UserList) -> UserList:
            members = tuple(each for each in before.members if each != user_id)
            return replace(before, members=members)

        try:
            await self._lists.change(found.owner_id, found.list_id, without)
        except NotFoundError:
            # Deleted meanwhile.
            return

    def _stop_if(self, due: float, user_id: int) -> None:
        if self._monotonic() >= due:
            raise CallAgain(f"the erasure of user {user_id} goes on", after_s=0.0)
