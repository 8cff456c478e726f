"""Who owns which handle.

A user has a handle when both say so: the handle's claim and the user's row. A change of handle
claims the new one and writes the row, which holds the old one for a while: its claim stays, and
nobody else gets past it. The row is what decides. Whoever takes over an old claim first writes the
claimant's row anew, so that a claimant who slept loses its compare-and-set there. Hence a crash
anywhere costs no handle, and no two rows ever have the same.
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from services.platform.error_reasons import Reason
from services.platform.errors import AlreadyExistsError, UnavailableError
from services.platform.runtime.clock import Clock, is_recent
from services.platform.text.handles import canonical
from services.user.model import HandleClaim, User
from services.user.ports import UserStore

__all__ = ["CLAIM_GRACE_MS", "HandleClaims", "taken"]

CLAIM_GRACE_MS = 60_000
"""How long a claim is left alone that no user row bears out, in milliseconds: far longer than a
request takes, so past it the claimant has died."""

MAX_CLAIM_ATTEMPTS = 10
"""Tries to change a claim; each lost one means that somebody else changed it in between."""


class HandleClaims:
    """At most one user has a handle, without case."""

    def __init__(self, store: UserStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def owner(self, handle: str) -> User | None:
        """Read the user who has the handle, in any case."""
        claim = await self._store.get_claim(canonical(handle))
        if claim is None:
            return None
        user = (await self._store.get([claim.user_id])).get(claim.user_id)
        return user if user is not None and _has(user, canonical(handle)) else None

    async def owners(self, handles: Sequence[str]) -> list[User]:
        """Read the users who have these handles, in any case, each once; in two reads."""
        unique = list(dict.fromkeys(map(canonical, handles)))
        claims = await self._store.get_claims(unique)
        ids = list({claim.user_id: None for claim in claims.values()})
        users = await self._store.get(ids) if ids else {}
        return [
            user
            for handle in unique
            if (claim := claims.get(handle)) is not None
            and (user := users.get(claim.user_id)) is not None
            and _has(user, handle)
        ]

    async def take(self, handle: str, user_id: int) -> HandleClaim:
        """Claim a handle for a user; raises `AlreadyExistsError` (`HANDLE_TAKEN`).

        The user's row is to be written next, by a compare-and-set against what was read *before*
        this call; until that is done, others wait for `CLAIM_GRACE_MS`.
        """
        unique = canonical(handle)
        for _ in range(MAX_CLAIM_ATTEMPTS):
            previous = await self._store.get_claim(unique)
            own = previous is not None and previous.user_id == user_id
            if previous is not None and not own and not await self._is_abandoned(unique, previous):
                raise taken(handle)
            now_ms = self._clock.now_ms()
            if previous is not None and own:
                # Unlike the one before, so that whoever is about to release or to take over that
                # one finds it changed.
                now_ms = max(now_ms, previous.claimed_at_ms + 1)
            claim = HandleClaim(user_id, now_ms)
            if await self._store.replace_claim(unique, previous, claim):
                return claim
        raise UnavailableError(f"the handle @{handle} is changing hands too fast")

    async def held_by(self, user_id: int, handles: Iterable[str]) -> dict[str, HandleClaim]:
        """Read the user's own claims among those of these handles, by the canonical handle."""
        unique = dict.fromkeys(map(canonical, handles))
        claims = await asyncio.gather(*map(self._store.get_claim, unique))
        return {
            handle: claim
            for handle, claim in zip(unique, claims, strict=True)
            if claim is not None and claim.user_id == user_id
        }

    async def release(self, claims: Mapping[str, HandleClaim]) -> None:
        """Free handles, but for claims that were renewed or passed on.

        Only for claims read before the write that took the handles out of the user's row: a later
        one may be for a change back to it.
        """
        for handle, claim in claims.items():
            await self._store.replace_claim(canonical(handle), claim, None)

    async def _is_abandoned(self, unique: str, claim: HandleClaim) -> bool:
        """Whether a claim bears no handle, and never will: the claimant's row is fenced off."""
        if is_recent(claim.claimed_at_ms, self._clock.now_ms(), CLAIM_GRACE_MS):
            return False
        account = await self._store.find(claim.user_id)
        if account is None:
            return await self._store.bar(claim.user_id)
        if _has(account.user, unique) or account.holds(unique, self._clock.now_ms()):
            return False
        return await self._store.replace(account, replace(account, revision=account.revision + 1))


def taken(handle: str) -> AlreadyExistsError:
    """Build the answer to a wish for somebody else's handle."""
    return AlreadyExistsError(
        f"the handle @{handle} is taken", reason=Reason.HANDLE_TAKEN, metadata={"handle": handle}
    )


def _has(user: User, unique: str) -> bool:
    return canonical(user.handle) == unique
