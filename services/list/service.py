"""Making, changing and deleting lists."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from services.list.arguments import (
    check_owner,
    check_reader,
    no_list,
    no_user,
    validate_description,
    validate_list_name,
)
from services.list.model import MAX_LISTS, ListPage, RequestClaim, UserList
from services.list.ports import IdSource, ListStore, Users
from services.platform.error_reasons import Reason
from services.platform.errors import (
    FailedPreconditionError,
    InvalidArgumentError,
    UnavailableError,
)
from services.platform.ids.arguments import check_id
from services.platform.ids.newer_pages import empty_page_after, newer_page
from services.platform.ids.request_ids import fingerprint, reused, validate_request_id
from services.platform.ids.snowflake_time import time_ms

__all__ = ["MAX_ATTEMPTS", "OVER_READ", "Lists"]

MAX_ATTEMPTS: Final = 20
"""Tries to change a cell; each lost one means that another request changed it."""

OVER_READ: Final = 8
"""Lists read beyond a page, so that a few that were deleted cost no second round."""

_LIST_ID: Final = attrgetter("list_id")


class Lists:
    """The use cases about lists. All raise `InvalidArgumentError` for ids that are not positive.

    A list that is not there for whoever asks is `NotFoundError` (`LIST_NOT_FOUND`), and one that
    somebody else owns `PermissionDeniedError` (`NOT_THE_OWNER`) for who would change it.
    """

    def __init__(self, store: ListStore, users: Users, ids: IdSource) -> None:
        self._store = store
        self._users = users
        self._ids = ids

    async def create(
        self, owner_id: int, name: str, description: str, *, private: bool, request_id: str = ""
    ) -> UserList:
        """Make a list; a repeat with the same `request_id` makes no second one.

        Raises `NotFoundError` (`USER_NOT_FOUND`), `FailedPreconditionError` (`TOO_MANY_LISTS`),
        `AlreadyExistsError` (`REQUEST_ID_REUSED`).
        """
        check_id("user_id", owner_id)
        name, description = validate_list_name(name), validate_description(description)
        validate_request_id(request_id)
        await self._check_exists(owner_id)
        list_id = fresh = await self._ids.next_id()
        if request_id:
            digest = fingerprint(name, description, private)
            claim = await self._store.claim(owner_id, request_id, RequestClaim(list_id, digest))
            if claim.fingerprint != digest:
                raise reused(request_id)
            list_id = claim.list_id
        made = UserList(list_id, owner_id, name, description, private, time_ms(list_id))
        # First the place among the owner's: a list that is in none could not be found again.
        await self._list_as_owned(owner_id, list_id)
        if not await self._store.add(made):
            found = (await self._store.get([list_id])).get(list_id)
            if found is None:
                await self.forget_owned(owner_id, list_id)
                if list_id == fresh:
                    raise UnavailableError(f"user {owner_id} makes too many lists at once")
                raise no_list(list_id)
            made = found
        if await self._users.missing([owner_id]):
            # Deleted meanwhile: the erasure may have been before this.
            await self.remove(made)
            raise no_user("user_id", owner_id)
        return made

    async def get(self, reader_id: int, list_id: int) -> UserList:
        """Read a list."""
        check_id("list_id", list_id)
        check_id("user_id", reader_id)
        found = await self._store.get([list_id])
        return check_reader(found.get(list_id), list_id, reader_id)

    async def owned(
        self, owner_id: int, before: int | None, limit: int, *, after: int | None = None
    ) -> ListPage:
        """Read the owner's lists with id < `before` (None: all), newest first.

        With `after` those next above it instead. Raises `NotFoundError` (`USER_NOT_FOUND`).
        """
        check_id("user_id", owner_id)
        await self._check_exists(owner_id)
        ids = await self._store.owned(owner_id)
        if after is not None:
            return await self._newer(ids, after, limit)
        left = sorted((each for each in ids if before is None or each < before), reverse=True)
        lists: list[UserList] = []
        while left and len(lists) <= limit:
            size = limit + 1 - len(lists) + OVER_READ
            found = await self._store.get(left[:size])
            lists += [found[list_id] for list_id in left[:size] if list_id in found]
            left = left[size:]
        page = tuple(lists[:limit])
        next_before = page[-1].list_id if len(lists) > limit else None
        return ListPage(page, next_before, page[0].list_id if page else empty_page_after(before))

    async def _newer(self, ids: Sequence[int], after: int, limit: int) -> ListPage:
        newest_first = sorted(ids, reverse=True)

        async def below(_before: int | None, _count: int) -> tuple[Sequence[int], bool]:
            return newest_first, True

        async def show(some: Sequence[int]) -> Sequence[UserList]:
            found = await self._store.get(some) if some else {}
            return [found[list_id] for list_id in some if list_id in found]

        page = await newer_page(
            below,
            show,
            after,
            limit,
            id_of=_LIST_ID,
            fitting=len,
            most_hidden=MAX_LISTS,
        )
        return ListPage(tuple(page.items), page.next_before, page.previous_after)

    async def update(
        self,
        owner_id: int,
        list_id: int,
        *,
        name: str | None = None,
        description: str | None = None,
        private: bool | None = None,
    ) -> UserList:
        """Change what is given (not None) of a list, all at once; something must be."""
        if name is None and description is None and private is None:
            raise InvalidArgumentError("name", "or another field must be given")
        name = None if name is None else validate_list_name(name)
        description = None if description is None else validate_description(description)

        def changed(before: UserList) -> UserList:
            return replace(
                before,
                name=before.name if name is None else name,
                description=before.description if description is None else description,
                private=before.private if private is None else private,
            )

        return await self.change(owner_id, list_id, changed)

    async def delete(self, owner_id: int, list_id: int) -> None:
        """Delete a list for good."""
        check_id("list_id", list_id)
        check_id("user_id", owner_id)
        found = (await self._store.get([list_id])).get(list_id)
        await self.remove(check_owner(found, list_id, owner_id))

    async def change(
        self, owner_id: int, list_id: int, changed: Callable[[UserList], UserList]
    ) -> UserList:
        """Change a list that the user owns, from how it stands; gives how it stands then."""
        check_id("list_id", list_id)
        check_id("user_id", owner_id)
        for _ in range(MAX_ATTEMPTS):
            found = (await self._store.get([list_id])).get(list_id)
            before = check_owner(found, list_id, owner_id)
            after = changed(before)
            if after == before or await self._store.replace(before, after):
                return after
        raise UnavailableError(f"list {list_id} is changing too fast")

    async def remove(self, found: UserList) -> None:
        """Delete a list for good, and what leads to it."""
        left: UserList | None = found
        for _ in range(MAX_ATTEMPTS):
            if left is None or await self._store.replace(left, None):
                await self._store.forget_members(found.members, [found.list_id])
                await self.forget_owned(found.owner_id, found.list_id)
                return
            left = (await self._store.get([found.list_id])).get(found.list_id)
            found = left or found
        raise UnavailableError(f"list {found.list_id} is changing too fast")

    async def forget_owned(self, owner_id: int, list_id: int) -> None:
        """Take a list that is no more out of its owner's."""
        for _ in range(MAX_ATTEMPTS):
            before = await self._store.owned(owner_id)
            after = [each for each in before if each != list_id]
            if len(after) == len(before):
                return
            if await self._store.change_owned(owner_id, before, after):
                return
        raise UnavailableError(f"the lists of user {owner_id} are changing too fast")

    async def _list_as_owned(self, owner_id: int, list_id: int) -> None:
        for _ in range(MAX_ATTEMPTS):
            before = await self._store.owned(owner_id)
            if list_id in before:
                return
            kept = before
            if len(before) >= MAX_LISTS:
                # Some may have been deleted by who died before this said so, or never made.
                kept = await self._there_for_good(before)
            if len(kept) >= MAX_LISTS:
                raise FailedPreconditionError(
                    f"user {owner_id} has {MAX_LISTS} lists",
                    reason=Reason.TOO_MANY_LISTS,
                    metadata={"user_id": str(owner_id), "most": str(MAX_LISTS)},
                )
            if await self._store.change_owned(owner_id, before, sorted([*kept, list_id])):
                return
        raise UnavailableError(f"the lists of user {owner_id} are changing too fast")

    async def _there_for_good(self, list_ids: Sequence[int]) -> list[int]:
        """Leave out those that are no lists; whoever is about to make one of these cannot any more.

        Else their list would be among nobody's.
        """
        found = await self._store.get(list_ids)
        return [each for each in list_ids if each in found or not await self._store.bury(each)]

    async def _check_exists(self, user_id: int) -> None:
        if await self._users.missing([user_id]):
            raise no_user("user_id", user_id)
