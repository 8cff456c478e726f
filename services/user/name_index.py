"""Keeping the list of names in step with the users, and searching it.

The list is written before the user's row, and what it says counts only as far as that row bears it
out. So a process may die between the two: what is left in the list is passed over.

A name that a user has given up is taken out after the row was written, if nobody has listed it
again since it was read, before that write. Whoever lists it again for good has read the row after
that write: so what is listed differs, by its mark, and stays.
"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_optional_id
from services.user.model import User
from services.user.names import first_name, folded, names_of
from services.user.ports import AccountStore, NameStore

__all__ = ["MAX_BACKFILLED", "MAX_QUERY_CHARS", "Backfilled", "NameIndex", "UserSearchPage"]

MAX_QUERY_CHARS: Final = 50
"""As many as a display name has."""
MAX_SCANS: Final = 4
"""Reads of the list for one page: nearly always one; more where names were given up."""
NAMES_PER_SCAN: Final = 100
"""Names read at once at least, and users: some milliseconds of the engine."""
MAX_BACKFILLED: Final = 10_000
"""Users of one call: some seconds."""
USERS_PER_STEP: Final = 500
"""Users read at once."""
LISTED_TOGETHER: Final = 50
"""Users whose names are written at once."""


@dataclass(frozen=True, slots=True)
class UserSearchPage:
    """Users in the order of their names."""

    users: tuple[User, ...]
    resume_after: bytes | None
    """The place in the list that the next page goes on from; None at the end."""


@dataclass(frozen=True, slots=True)
class Backfilled:
    """How far a backfill has come."""

    users: int
    resume_after: int | None
    """The last user looked at; None where nothing follows."""


class NameIndex:
    """The use cases; every method raises `UnavailableError` where the store does."""

    def __init__(self, names: NameStore, users: AccountStore) -> None:
        self._names = names
        self._users = users

    async def list_names(self, user: User, revision: int) -> None:
        """List the names that a user is about to have, by the write of this revision."""
        await self._names.put_names(user.user_id, names_of(user), str(revision))

    async def change(self, before: User, after: User, revision: int) -> Mapping[str, str] | None:
        """List new names as `list_names` does; gives marks of those about to be given up.

        None where all names stay.
        """
        old, new = names_of(before), names_of(after)
        if old == new:
            return None
        given_up = await self._names.marks(before.user_id, old - new) if old - new else {}
        await self.list_names(after, revision)
        return given_up

    async def unlist(self, user: User, marks: Mapping[str, str]) -> None:
        """Take out the names that `change` gave, but for those that are listed anew.

        And all of them, if the user does not exist by now: who listed them may have been slow.
        """
        await self._names.remove_marked(user.user_id, marks)
        if not await self._users.get([user.user_id]):
            await self.forget(user)

    async def forget(self, user: User) -> None:
        """Take out all names of a user who is gone, or is about to be."""
        await self._names.remove_names(user.user_id, names_of(user))

    async def search(self, query: str, after: bytes | None, limit: int) -> UserSearchPage:
        """Find at most `limit` users by the beginning of a name; `after` goes on from a page.

        There may be fewer while more follow. Raises `InvalidArgumentError` on `query`.
        """
        prefix = _prefix(query)
        found: list[User] = []
        rows = limit + 1
        for _ in range(MAX_SCANS):
            listed = await self._names.names_from(prefix, after, rows)
            users = await self._users.get(list({each.user_id for each in listed}))
            for each in listed:
                if len(found) == limit:
                    return UserSearchPage(tuple(found), after)
                user = users.get(each.user_id)
                # A user is shown by the first of all names that fit.
                if user is not None and first_name(user, prefix) == each.name:
                    found.append(user)
                after = each.key
            if len(listed) < rows:
                return UserSearchPage(tuple(found), None)
            rows = max(limit + 1 - len(found), NAMES_PER_SCAN)
        return UserSearchPage(tuple(found), after)

    async def backfill(self, after: int, limit: int) -> Backfilled:
        """List the names of the next `limit` (1 to `MAX_BACKFILLED`) users behind `after` (0: all).

        A repeat changes nothing. Raises `InvalidArgumentError` beyond the limits.
        """
        check_optional_id("after_user_id", after)
        if not 1 <= limit <= MAX_BACKFILLED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_BACKFILLED}, is {limit}")
        position, found, left = after or None, 0, limit
        while left > 0:
            rows = min(left, USERS_PER_STEP)
            accounts, position = await self._users.read_slice(position, rows)
            for start in range(0, len(accounts), LISTED_TOGETHER):
                together = accounts[start : start + LISTED_TOGETHER]
                await asyncio.gather(*(self.list_names(a.user, a.revision) for a in together))
            # Who is deleted meanwhile has taken out what was listed before.
            there = await self._users.get([each.user.user_id for each in accounts])
            for account in accounts:
                if account.user.user_id not in there:
                    await self.forget(account.user)
            found += len(accounts)
            left -= rows
            if position is None:
                break
        return Backfilled(found, position)


def _prefix(query: str) -> str:
    if not 1 <= len(query) <= MAX_QUERY_CHARS:
        raise InvalidArgumentError("query", f"must be 1 to {MAX_QUERY_CHARS} characters")
    prefix = folded(query)
    if not prefix:
        raise InvalidArgumentError("query", "must have a letter or a digit")
    return prefix
