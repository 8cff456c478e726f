"""What descends from a log-in: a code, then a family of refresh tokens, of which one is good.

A refresh token is `<family>.<secret>`. Using it puts the next secret into the family's row, by
compare-and-set; so whoever comes with an older secret, or comes second, holds a copy. Which of the
two is the thief cannot be told: the family dies, and the user logs in again.
"""

from dataclasses import replace
from typing import Final

from gateway.identity.model import (
    CODE_S,
    REFRESH_TOKEN_S,
    Code,
    Family,
    Session,
    digest,
    new_secret,
    same_secret,
    session_id,
)
from gateway.identity.ports import Revocable
from gateway.identity.revocations import Revocations
from gateway.identity.store import IdentityStore
from services.audit.port import TOKEN_REUSED, TOKEN_REVOKED, Audit
from services.clock import Clock

__all__ = ["Sessions"]

_MS: Final = 1_000


class Sessions:
    """Codes and families of refresh tokens.

    To others a family is a session: its access tokens carry the session's id, and end with it.
    """

    def __init__(
        self, store: IdentityStore, revocations: Revocations, clock: Clock, audit: Audit
    ) -> None:
        self._store = store
        self._revocations = revocations
        self._clock = clock
        self._audit = audit

    async def issue_code(self, code: Code) -> str:
        """Keep a code that was granted now; gives the text to show to the client."""
        text = new_secret()
        expires_at_ms = self._clock.now_ms() + CODE_S * _MS
        await self._store.codes.put(digest(text), replace(code, expires_at_ms=expires_at_ms))
        return text

    async def find_code(self, text: str, client_id: str) -> tuple[str, Code] | None:
        """Find a code of the client that may be exchanged; one that was is taken for stolen."""
        key = digest(text)
        code = await self._store.codes.get(key)
        if code is None or code.client_id != client_id:
            return None
        if code.family_id:
            await self._stolen("code", code.family_id)
            return None
        return (key, code) if self._clock.now_ms() < code.expires_at_ms else None

    async def redeem(self, key: str, code: Code) -> str | None:
        """Use the code up; gives the id of the family to begin, None if somebody was faster."""
        redeemed = replace(code, family_id=new_secret())
        if await self._store.codes.replace(key, code, redeemed):
            return redeemed.family_id
        if (winner := await self._store.codes.get(key)) is not None:
            await self._stolen("code", winner.family_id)
        return None

    async def begin(self, family_id: str, code: Code, scope: str) -> str | None:
        """Begin a family; gives its first refresh token, None if the code came again meanwhile."""
        secret = new_secret()
        family = Family(
            client_id=code.client_id,
            user_id=code.user_id,
            handle=code.handle,
            scope=scope,
            auth_time_s=code.auth_time_s,
            secret_digest=digest(secret),
            expires_at_ms=self._expiry_ms(),
        )
        # First, so that no family lives that cannot be found by its user.
        await self._list(family_id, code.user_id)
        begun = await self._store.families.add(family_id, family)
        return f"{family_id}.{secret}" if begun else None

    async def find_refresh(self, token: str) -> tuple[str, Family] | None:
        """Find the family of a good refresh token; an older one than the last kills it."""
        family_id, _, secret = token.partition(".")
        family = await self._store.families.get(family_id)
        if family is None or family.revoked or self._clock.now_ms() >= family.expires_at_ms:
            return None
        if not same_secret(secret, family.secret_digest):
            await self._stolen("refresh_token", family_id)
            return None
        return family_id, family

    async def rotate(self, family_id: str, family: Family) -> str | None:
        """Use the refresh token up; gives the next one, None if somebody was faster."""
        secret = new_secret()
        rotated = replace(family, secret_digest=digest(secret), expires_at_ms=self._expiry_ms())
        if await self._store.families.replace(family_id, family, rotated):
            await self._list(family_id, family.user_id)
            return f"{family_id}.{secret}"
        await self._stolen("refresh_token", family_id)
        return None

    async def revoke(self, family_id: str) -> None:
        """End a family, as its client asked for, or since its user is gone."""
        ended = await self._end(family_id)
        if ended is not None:
            self._audit.record(TOKEN_REVOKED, client_id=ended.client_id, user_id=ended.user_id)

    async def is_live(self, user_id: int, session: str) -> bool:
        """Whether the session of this id is the user's, and has not ended."""
        listed = await self._store.sessions.get(f"{_prefix(user_id)}{session}")
        family = None if listed is None else await self._store.families.get(listed.family_id)
        if family is None or family.revoked:
            return False
        return self._clock.now_ms() < family.expires_at_ms

    async def end_all(self, user_id: int, *, but: str = "") -> int:
        """End the user's sessions, `but` one, if it has an id; gives how many ended now."""
        listed = await self._store.sessions.all(_prefix(user_id))
        others = [one.family_id for one in listed.values() if session_id(one.family_id) != but]
        return len([one for one in others if await self._end(one) is not None])

    async def _list(self, family_id: str, user_id: int) -> None:
        row = f"{_prefix(user_id)}{session_id(family_id)}"
        await self._store.sessions.put(row, Session(family_id))

    async def _stolen(self, kind: str, family_id: str) -> None:
        family = await self._end(family_id)
        client_id = "" if family is None else family.client_id
        user_id = 0 if family is None else family.user_id
        self._audit.record(TOKEN_REUSED, kind=kind, client_id=client_id, user_id=user_id)

    async def _end(self, family_id: str) -> Family | None:
        """Mark a family as dead, whoever else is changing it; gives it as it was, if it lived."""
        while True:
            family = await self._store.families.get(family_id)
            if family is None:
                # The code came again before its family began: let it not begin.
                dead = Family("", 0, "", "", 0, "", self._expiry_ms(), revoked=True)
                if await self._store.families.add(family_id, dead):
                    return None
            elif family.revoked:
                return None
            elif await self._store.families.replace(
                family_id, family, replace(family, revoked=True)
            ):
                await self._revocations.revoke(Revocable.SESSION, session_id(family_id))
                return family

    def _expiry_ms(self) -> int:
        return self._clock.now_ms() + REFRESH_TOKEN_S * _MS


def _prefix(user_id: int) -> str:
    return f"{user_id:016x}."
