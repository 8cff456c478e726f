"""Who is in a list."""

from bisect import bisect_right
from dataclasses import replace
from typing import Final

from services.list.arguments import no_user
from services.list.model import MAX_MEMBERS, MemberPage, UserList
from services.list.ports import ListStore, UserDirectory
from services.list.service import Lists
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError
from services.platform.ids.arguments import check_id

__all__ = ["Members"]

OVER_READ: Final = 8
"""Members looked up beyond a page, so that a few deleted ones cost no second round."""


class Members:
    """The use cases about members of lists; raises what `Lists` does."""

    def __init__(self, store: ListStore, lists: Lists, users: UserDirectory) -> None:
        self._store = store
        self._lists = lists
        self._users = users

    async def add(self, owner_id: int, list_id: int, member_id: int) -> None:
        """Put a user in a list; nothing changes where they are in it.

        Raises `NotFoundError` (`USER_NOT_FOUND`), `FailedPreconditionError` (`LIST_FULL`).
        """
        check_id("member_id", member_id)
        await self._lists.change(owner_id, list_id, lambda before: before)
        if await self._users.missing([member_id]):
            raise no_user("member_id", member_id)
        # First that they may be in it: an erasure after this finds the list.
        await self._store.note_member(member_id, list_id)

        def added(before: UserList) -> UserList:
            members = {*before.members, member_id}
            if len(members) > MAX_MEMBERS:
                raise FailedPreconditionError(
                    f"list {list_id} has {MAX_MEMBERS} members",
                    reason=Reason.LIST_FULL,
                    metadata={"list_id": str(list_id), "most": str(MAX_MEMBERS)},
                )
            return replace(before, members=tuple(sorted(members)))

        await self._lists.change(owner_id, list_id, added)
        if await self._users.missing([member_id]):
            # Deleted meanwhile: the erasure may have been before this.
            await self.remove(owner_id, list_id, member_id)
            raise no_user("member_id", member_id)

    async def remove(self, owner_id: int, list_id: int, member_id: int) -> None:
        """Take a user out of a list; nothing changes where they are not in it."""
        check_id("member_id", member_id)

        # That they were in it stays noted: another process may be putting them back.
        def removed(before: UserList) -> UserList:
            members = tuple(each for each in before.members if each != member_id)
            return replace(before, members=members)

        await self._lists.change(owner_id, list_id, removed)

    async def page(self, reader_id: int, list_id: int, after: int | None, limit: int) -> MemberPage:
        """Members with id > `after` (None: all), by rising id, without deleted users."""
        found = await self._lists.get(reader_id, list_id)
        left = found.members[0 if after is None else bisect_right(found.members, after) :]
        users: dict[int, bytes] = {}
        while left and len(users) <= limit:
            size = limit + 1 - len(users) + OVER_READ
            users |= await self._users.encoded(left[:size])
            left = left[size:]
        ids = sorted(users)
        page = ids[:limit]
        return MemberPage(tuple(users[one] for one in page), page[-1] if len(ids) > limit else None)
