"""The user service: accounts. Who owns which handle is in `claims`, repeats are in `requests`."""

from collections.abc import Awaitable, Sequence
from dataclasses import replace

import structlog

from services.platform.error_reasons import Reason
from services.platform.errors import (
    AviaryError,
    InvalidArgumentError,
    NotFoundError,
    UnavailableError,
)
from services.platform.ids.arguments import check_id, check_ids
from services.platform.ids.request_ids import fingerprint, validate_request_id
from services.platform.observability.log_events import EVENT_USER_TIDYING_FAILED
from services.platform.runtime.clock import Clock
from services.platform.text.handles import (
    canonical,
    is_handle,
    validate_bio,
    validate_display_name,
    validate_handle,
    validate_new_handle,
)
from services.user.claims import HandleClaims, taken
from services.user.former_handles import FormerHandles
from services.user.missing import no_user
from services.user.model import Account, RequestMark, User
from services.user.name_index import NameIndex
from services.user.ports import (
    AnnounceChanged,
    AnnounceGone,
    IdSource,
    Protection,
    UserEvents,
    UserStore,
)
from services.user.protecting import Protecting
from services.user.requests import Requests

__all__ = ["MAX_IDS_PER_LOOKUP", "UserService"]

MAX_IDS_PER_LOOKUP = 1000
"""One page of the largest client, in ids; answers stay under 200 kB."""

MAX_CHANGE_ATTEMPTS = 10
"""Tries to change a row; each lost one means that another change of this user was made."""

_log = structlog.get_logger()


class UserService:
    """The use cases of the user service.

    Every method raises `InvalidArgumentError` with the proto name of a bad field before anything
    else happens. A mutation with a `request_id` (empty: none) that was used before gives the first
    answer and changes nothing, or raises `AlreadyExistsError` (`REQUEST_ID_REUSED`) if it asks for
    something else.
    """

    def __init__(  # noqa: PLR0913 - one argument per port, and one rule
        self,
        store: UserStore,
        ids: IdSource,
        events: UserEvents,
        clock: Clock,
        announce_gone: AnnounceGone,
        *,
        announce_changed: AnnounceChanged,
        former: FormerHandles,
        names: NameIndex,
        protection: Protection,
    ) -> None:
        self._store = store
        self._announce_gone = announce_gone
        self._announce_changed = announce_changed
        self._ids = ids
        self._events = events
        self._clock = clock
        self._former = former
        self._names = names
        self._protecting = Protecting(protection)
        self._claims = HandleClaims(store, clock)
        self._requests = Requests(store)

    async def create(self, handle: str, display_name: str, *, request_id: str = "") -> User:
        """Make a user whose handle nobody else has, without case.

        Raises `AlreadyExistsError` (`HANDLE_TAKEN`) for a taken handle. A creation that died half
        way holds its handle for `CLAIM_GRACE_MS`.
        """
        handle = validate_new_handle(handle)
        display_name = validate_display_name(display_name)
        mark = _mark(request_id, handle, display_name)
        scope = canonical(handle)
        record = None if mark is None else await self._requests.find(scope, mark)
        user = None if record is None else record.answer
        if user is not None and await self._store.was_created(user.user_id):
            return user
        if user is None:
            user = User(await self._ids.next_id(), handle, display_name, self._clock.now_ms())
            if mark is not None:
                user = (await self._requests.bind(scope, mark, user)).answer or user
        claim = await self._claims.take(handle, user.user_id)
        await self._names.list_names(user, 0)
        # Not added: a repeat of this request was faster, or we were so slow that somebody else
        # took us for dead, and barred the id.
        if not await self._store.add(user):
            await self._best_effort(self._names.unlist(user, {}))
            if not await self._store.was_created(user.user_id):
                await self._claims.release({handle: claim})
                raise taken(handle)
        return user

    async def get(self, user_id: int) -> User:
        """Read a user; `NotFoundError` (`USER_NOT_FOUND`) if the id names nobody."""
        check_id("user_id", user_id)
        user = (await self._store.get([user_id])).get(user_id)
        if user is None:
            raise no_user(user_id)
        return user

    async def get_by_handle(self, handle: str) -> User:
        """Read a user by handle, in any case; `NotFoundError` (`USER_NOT_FOUND`) if it is free."""
        user = await self._claims.owner(validate_handle(handle))
        if user is None:
            raise NotFoundError(
                f"user @{handle} does not exist",
                reason=Reason.USER_NOT_FOUND,
                metadata={"handle": handle},
            )
        return user

    async def lookup(self, user_ids: Sequence[int]) -> tuple[list[User], list[int]]:
        """Read 1 to `MAX_IDS_PER_LOOKUP` users: (found in the order asked for, missing ids)."""
        check_ids("user_ids", user_ids, most=MAX_IDS_PER_LOOKUP)
        users = await self._store.get(list(dict.fromkeys(user_ids)))
        found = [users[user_id] for user_id in user_ids if user_id in users]
        missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in users]
        return found, missing

    async def lookup_by_handle(self, handles: Sequence[str]) -> list[User]:
        """Read the users who have 1 to `MAX_IDS_PER_LOOKUP` handles, in the order of these.

        What nobody has, or can have, is left out.
        """
        if not 1 <= len(handles) <= MAX_IDS_PER_LOOKUP:
            raise InvalidArgumentError(
                "handles", f"must be 1 to {MAX_IDS_PER_LOOKUP}, are {len(handles)}"
            )
        possible = list(filter(is_handle, handles))
        return await self._claims.owners(possible) if possible else []

    async def update(  # noqa: PLR0913 - what a user may have
        self,
        user_id: int,
        *,
        handle: str | None = None,
        display_name: str | None = None,
        bio: str | None = None,
        protected: bool | None = None,
        request_id: str = "",
    ) -> User:
        """Change what is given (None: it stays), all of it at once; returns the user.

        A handle that is given up is held for the user, see `FormerHandles`. Raises `NotFoundError`
        (`USER_NOT_FOUND`) and, for a handle that somebody else has or holds, `AlreadyExistsError`
        (`HANDLE_TAKEN`).
        """
        check_id("user_id", user_id)
        if handle is None and display_name is None and bio is None and protected is None:
            raise InvalidArgumentError("handle", "or display_name, bio or protected must be given")
        handle = None if handle is None else validate_handle(handle)
        display_name = None if display_name is None else validate_display_name(display_name)
        bio = None if bio is None else validate_bio(bio)
        # A request without what is new is the same to a process that knows none of it.
        said = () if bio is None else (bio,)
        said = said if protected is None else (*said, f"protected: {protected}")
        mark = _mark(request_id, "update", handle, display_name, *said)
        user: User | None = None
        for _ in range(MAX_CHANGE_ATTEMPTS):
            account = await self._store.find(user_id)
            answer = None if mark is None else await self._answer(user_id, account, mark)
            if answer is not None:
                # The first try may have died before this.
                await self._protected(account, protected)
                return answer
            if account is None:
                if user is not None:
                    await self._best_effort(self._names.forget(user))
                raise no_user(user_id)
            if handle is not None and not self._had(account, handle):
                validate_new_handle(handle)  # who has a reserved one from before keeps it
            user = replace(
                account.user,
                handle=handle or account.user.handle,
                display_name=display_name or account.user.display_name,
                bio=account.user.bio if bio is None else bio,
                protected=account.user.protected if protected is None else protected,
            )
            if await self._change(account, user, mark, protected=protected):
                await self._protected(Account(user, account.revision + 1), protected)
                return user
        raise UnavailableError(f"user {user_id} is changing too fast")

    async def delete(self, user_id: int, *, request_id: str = "") -> None:
        """Delete a user for good: the id names nobody any more, and its handles are free.

        Returns when that is durable, and will be announced at least once. Raises `NotFoundError`
        (`USER_NOT_FOUND`), also for a user deleted before.
        """
        check_id("user_id", user_id)
        mark = _mark(request_id, "delete")
        account = await self._store.find(user_id)
        if account is None:
            if mark is not None and await self._requests.find(user_id, mark) is not None:
                # The first try may have died just before this.
                await self._best_effort(self._announce_gone(user_id))
                return
            raise no_user(user_id)
        if mark is not None:
            await self._requests.bind(user_id, mark)
        await self._requests.remember(account)
        handles = [account.user.handle, *(each.canonical for each in account.former)]
        claims = await self._claims.held_by(user_id, handles)
        at_ms = self._clock.now_ms()
        # Before the user is gone: a name is in its key, and nobody would come back for it.
        await self._names.forget(account.user)
        latest = await self._store.find(user_id)
        if latest is not None and latest.user != account.user:
            await self._names.forget(latest.user)
        await self._store.delete(user_id, at_ms, self._events.deleted(user_id, at_ms))
        await self._best_effort(self._announce_gone(user_id))
        await self._best_effort(self._claims.release(claims))

    def _had(self, account: Account, handle: str) -> bool:
        unique = canonical(handle)
        own = unique == canonical(account.user.handle)
        return own or account.holds(unique, self._clock.now_ms())

    async def _answer(
        self, user_id: int, account: Account | None, mark: RequestMark
    ) -> User | None:
        """Find the first answer to an update, if it was made; `account` was read before."""
        record = await self._requests.find(user_id, mark)
        if record is None and account is not None:
            record = await self._requests.bind(user_id, mark)
        if record is not None and record.answer is not None:
            return record.answer
        return account.user if account is not None and account.changed_by == mark else None

    async def _change(
        self, account: Account, user: User, mark: RequestMark | None, *, protected: bool | None
    ) -> bool:
        """Make the row say `user`; False, and nothing changed, if it is not `account` any more."""
        if canonical(user.handle) != canonical(account.user.handle):
            await self._claims.take(user.handle, user.user_id)
        # Once nothing refuses the change: a refusal leaves nothing.
        await self._protecting.before(account, protected)
        held = self._former.after(account, user, self._clock.now_ms())
        freed = await self._claims.held_by(user.user_id, held.freed)
        await self._requests.remember(account)
        after = Account(user, account.revision + 1, mark, held.former)
        given_up = await self._names.change(account.user, user, after.revision)
        if not await self._store.replace(account, after):
            return False
        # The change is made, whatever becomes of the rest: an old claim passes on by itself, and
        # the next change of the row remembers the answer.
        await self._best_effort(self._announce_changed(user.user_id))
        await self._best_effort(self._claims.release(freed))
        if given_up is not None:
            await self._best_effort(self._names.unlist(user, given_up))
        await self._best_effort(self._requests.remember(after))
        return True

    async def _protected(self, account: Account | None, protected: bool | None) -> None:  # noqa: FBT001
        if account is not None and await self._protecting.after(account, protected):
            await self._best_effort(self._announce_changed(account.user.user_id))

    async def _best_effort(self, done: Awaitable[None]) -> None:
        try:
            await done
        except AviaryError as error:
            _log.warning(EVENT_USER_TIDYING_FAILED, error=str(error))


def _mark(request_id: str, *content: str | None) -> RequestMark | None:
    validate_request_id(request_id)
    return RequestMark(request_id, fingerprint(*content)) if request_id else None
