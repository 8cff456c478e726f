"""What descends from a log-in: a code, then a family of refresh tokens, of which one is good.

A refresh token is `<family>.<secret>`. Using it puts the next secret into the family's row, by
compare-and-set; so whoever comes with an older secret, or comes second, holds a copy. Which of the
two is the thief cannot be known: the family dies, and the user logs in again.

Code and family carry the generation of the password that was shown for them, and are good while the
user's credential has the same one. So another password ends them all by itself, at the issuer;
`end_outdated` publishes it to the edges.
"""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Final

from services.identity.lives import REFRESH_TOKEN_S
from services.identity.model import (
    CODE_S,
    Code,
    Credential,
    Family,
    Session,
    credential_key,
    digest,
    new_secret,
    same_secret,
    session_id,
)
from services.identity.revocations import Revocations
from services.identity.store import IdentityStore
from services.platform.audit.port import TOKEN_REUSED, TOKEN_REVOKED, Audit
from services.platform.runtime.clock import Clock
from services.platform.tokens.revocations import Revocable

__all__ = ["Sessions"]

ENDED_AT_ONCE: Final = 32
"""Sessions that are ended side by side: stores commit in groups, and a user may have many."""
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
        if not await self._password_stands(code.user_id, code.family_id, code.generation):
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
        """Begin a family; gives its first refresh token.

        None if the code came again meanwhile, or the password was changed.
        """
        secret = new_secret()
        family = Family(
            client_id=code.client_id,
            user_id=code.user_id,
            handle=code.handle,
            scope=scope,
            auth_time_s=code.auth_time_s,
            secret_digest=digest(secret),
            expires_at_ms=self._expiry_ms(),
            generation=code.generation,
        )
        # First, so that no family lives that cannot be found by its user.
        await self._list(family_id, code.user_id)
        if not await self._store.families.add(family_id, family):
            return None
        # Looked at once it can be found: a change of the password sees it, or is seen here.
        if not await self._stands(family_id, family):
            await self._end(family_id)
            return None
        return f"{family_id}.{secret}"

    async def find_refresh(self, token: str) -> tuple[str, Family] | None:
        """Find the family of a good refresh token; an older one than the last kills it."""
        family_id, _, secret = token.partition(".")
        family = await self._store.families.get(family_id)
        if family is None or family.revoked or self._clock.now_ms() >= family.expires_at_ms:
            return None
        if not same_secret(secret, family.secret_digest):
            await self._stolen("refresh_token", family_id)
            return None
        if not await self._stands(family_id, family):
            await self._end(family_id)
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

    async def revoke_session(self, user_id: int, session: str) -> None:
        """End the session of this id, if the user has it: `revoke`, by an access token's `sid`."""
        listed = await self._store.sessions.get(f"{_prefix(user_id)}{session}")
        if listed is not None:
            await self.revoke(listed.family_id)

    async def is_live(self, user_id: int, session: str) -> bool:
        """Whether the session of this id is the user's, and has not ended."""
        listed = await self._store.sessions.get(f"{_prefix(user_id)}{session}")
        family = None if listed is None else await self._store.families.get(listed.family_id)
        if listed is None or family is None or family.revoked:
            return False
        if self._clock.now_ms() >= family.expires_at_ms:
            return False
        return await self._stands(listed.family_id, family)

    async def end_all(self, user_id: int) -> int:
        """End the user's sessions; gives how many ended now."""
        return await self._end_listed(user_id, None)

    async def end_outdated(self, user_id: int) -> int:
        """End the user's sessions that began with another password than the last.

        All but the one it was changed in. Gives how many ended now.
        """
        credential = await self._store.credentials.get(credential_key(user_id))
        return await self._end_listed(user_id, credential)

    async def _end_listed(self, user_id: int, but: Credential | None) -> int:
        ended = 0
        async for some in _in_groups(self._store.sessions.stream(_prefix(user_id))):
            ended += sum(await asyncio.gather(*(self._end_unless(one, but) for one in some)))
        return ended

    async def _end_unless(self, family_id: str, lets_live: Credential | None) -> bool:
        family = await self._store.families.get(family_id)
        if family is None:
            return False  # it is about to begin, and looks at the password then
        if lets_live is not None and lets_live.lets_live(family_id, family.generation):
            return False
        expired = self._clock.now_ms() >= family.expires_at_ms
        ended = not expired and await self._end(family_id) is not None
        # Those that had ended before are listed no more either.
        await self._forget(family_id, family.user_id)
        return ended

    async def _list(self, family_id: str, user_id: int) -> None:
        await self._store.sessions.put(_row(family_id, user_id), Session(family_id))

    async def _forget(self, family_id: str, user_id: int) -> None:
        await self._store.sessions.remove(_row(family_id, user_id), Session(family_id))

    async def _stands(self, family_id: str, family: Family) -> bool:
        return await self._password_stands(family.user_id, family_id, family.generation)

    async def _password_stands(self, user_id: int, family_id: str, generation: int) -> bool:
        credential = await self._store.credentials.get(credential_key(user_id))
        return credential is not None and credential.lets_live(family_id, generation)

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
            else:
                # First: whoever finds the family dead takes it that the edges know.
                await self._revocations.revoke(Revocable.SESSION, session_id(family_id))
                dead = replace(family, revoked=True)
                if await self._store.families.replace(family_id, family, dead):
                    await self._forget(family_id, family.user_id)
                    return family

    def _expiry_ms(self) -> int:
        return self._clock.now_ms() + REFRESH_TOKEN_S * _MS


def _prefix(user_id: int) -> str:
    return f"{user_id:016x}."


def _row(family_id: str, user_id: int) -> str:
    return f"{_prefix(user_id)}{session_id(family_id)}"


async def _in_groups(
    sessions: AsyncIterator[tuple[str, Session]],
) -> AsyncIterator[list[str]]:
    group: list[str] = []
    async for _, session in sessions:
        group.append(session.family_id)
        if len(group) == ENDED_AT_ONCE:
            yield group
            group = []
    if group:
        yield group
