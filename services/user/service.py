"""The user service: accounts, and who owns which handle."""

from collections.abc import Sequence
from dataclasses import replace

from services.clock import Clock
from services.errors import AlreadyExistsError, InvalidArgumentError, NotFoundError
from services.user.handles import canonical, validate_display_name, validate_handle
from services.user.model import HandleClaim, User
from services.user.ports import IdSource, UserStore

__all__ = ["CLAIM_GRACE_MS", "MAX_IDS_PER_LOOKUP", "UserService"]

CLAIM_GRACE_MS = 60_000
"""How long a claim without a user row is left alone, in milliseconds: far longer than a creation
takes, so past it the creator has died."""

MAX_IDS_PER_LOOKUP = 1000
"""One page of the largest caller, in ids; answers stay under 200 kB."""


class UserService:
    """The use cases of the user service."""

    def __init__(self, store: UserStore, ids: IdSource, clock: Clock) -> None:
        self._store = store
        self._ids = ids
        self._clock = clock

    async def create(self, handle: str, display_name: str) -> User:
        """Make a user whose handle nobody else has, without case.

        Raises `InvalidArgumentError` for a bad handle or name, `AlreadyExistsError`
        (`HANDLE_TAKEN`) for a taken handle. A creation that died half way holds its handle for
        `CLAIM_GRACE_MS`.
        """
        handle = validate_handle(handle)
        display_name = validate_display_name(display_name)
        unique = canonical(handle)
        previous = await self._store.get_claim(unique)
        if previous is not None and not await self._is_abandoned(previous):
            raise _taken(handle)
        user_id = await self._ids.next_id()
        now_ms = self._clock.now_ms()
        claim = HandleClaim(user_id, now_ms, settled=False)
        if not await self._store.replace_claim(unique, previous, claim):
            raise _taken(handle)
        user = User(user_id, handle, display_name, now_ms)
        await self._store.put(user)
        # We may have been so slow that the claim was taken for abandoned: whoever changes the
        # open claim first has the handle.
        if not await self._store.replace_claim(unique, claim, replace(claim, settled=True)):
            await self._store.remove(user_id)
            raise _taken(handle)
        return user

    async def get(self, user_id: int) -> User:
        """Read a user.

        Raises `InvalidArgumentError` for an id that is not positive, `NotFoundError`
        (`USER_NOT_FOUND`) for one that names nobody.
        """
        if user_id <= 0:
            raise InvalidArgumentError("user_id", "must be positive")
        user = (await self._store.get([user_id])).get(user_id)
        if user is None:
            raise NotFoundError(
                f"user {user_id} does not exist",
                reason="USER_NOT_FOUND",
                metadata={"user_id": str(user_id)},
            )
        return user

    async def get_by_handle(self, handle: str) -> User:
        """Read a user by handle in any case.

        Raises `InvalidArgumentError` for a bad handle, `NotFoundError` (`USER_NOT_FOUND`) for one
        that nobody has.
        """
        validate_handle(handle)
        claim = await self._store.get_claim(canonical(handle))
        user = None
        if claim is not None:
            user = (await self._store.get([claim.user_id])).get(claim.user_id)
        if user is None:
            raise NotFoundError(
                f"user @{handle} does not exist",
                reason="USER_NOT_FOUND",
                metadata={"handle": handle},
            )
        return user

    async def lookup(self, user_ids: Sequence[int]) -> tuple[list[User], list[int]]:
        """Read 1 to `MAX_IDS_PER_LOOKUP` users: (found in the order asked for, missing ids).

        Raises `InvalidArgumentError` beyond the limits or for an id that is not positive.
        """
        if not 1 <= len(user_ids) <= MAX_IDS_PER_LOOKUP:
            raise InvalidArgumentError("user_ids", f"must be 1 to {MAX_IDS_PER_LOOKUP} ids")
        if min(user_ids) <= 0:
            raise InvalidArgumentError("user_ids", "must all be positive")
        users = await self._store.get(list(dict.fromkeys(user_ids)))
        found = [users[user_id] for user_id in user_ids if user_id in users]
        missing = [user_id for user_id in dict.fromkeys(user_ids) if user_id not in users]
        return found, missing

    async def _is_abandoned(self, claim: HandleClaim) -> bool:
        """Whether the creator died before it wrote the user row."""
        if claim.settled or self._clock.now_ms() - claim.claimed_at_ms < CLAIM_GRACE_MS:
            return False
        return claim.user_id not in await self._store.get([claim.user_id])


def _taken(handle: str) -> AlreadyExistsError:
    return AlreadyExistsError(
        f"the handle @{handle} is taken", reason="HANDLE_TAKEN", metadata={"handle": handle}
    )
