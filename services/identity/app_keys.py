"""API keys: made for an app, shown once, good for a year or until they are revoked."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final

from joserfc import jwt

from services.identity.keys import ALGORITHM, Keyring
from services.identity.model import AppKey, RevokedAppKey
from services.identity.store import IdentityStore
from services.platform.audit.port import APP_KEY_MADE, APP_KEY_REVOKED, Audit
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, NotFoundError
from services.platform.runtime.clock import Clock
from services.platform.tokens.issuers import APP_KEY_AUDIENCE
from services.platform.tokens.lives import APP_KEY_S

__all__ = ["MAX_LIVE_KEYS", "AppKeys", "MadeKey"]

MAX_LIVE_KEYS: Final = 10
"""Of one app: two while it changes over, in some environments."""
SHOWN_AFTER_MS: Final = 30 * 86_400_000
"""For a month a list still says that a key has expired: that may be what somebody looks for."""
KEY_ID_BYTES: Final = 8
_MS: Final = 1_000


@dataclass(frozen=True, slots=True)
class MadeKey:
    """What the app's developer is shown, once."""

    key_id: str
    key: str
    expires_at_ms: int


class AppKeys:
    """The API keys of all apps. A key is known by its id, which begins with its app's."""

    def __init__(
        self, issuer: str, store: IdentityStore, signers: Keyring, clock: Clock, audit: Audit
    ) -> None:
        self._issuer = issuer
        self._store = store
        self._signers = signers
        self._clock = clock
        self._audit = audit

    async def make(self, client_id: str) -> MadeKey:
        """Make a key; `NotFoundError`, or `FailedPreconditionError` where an app has too many."""
        now_ms = self._clock.now_ms()
        live = [key for key in (await self.of(client_id)).values() if not key.revoked]
        if len([key for key in live if now_ms < key.expires_at_ms]) >= MAX_LIVE_KEYS:
            raise FailedPreconditionError(
                f"{client_id} has {MAX_LIVE_KEYS} keys already: revoke one",
                reason=Reason.TOO_MANY_KEYS,
                metadata={"client_id": client_id},
            )
        await self._signers.refresh()
        key_id = f"{client_id}.{secrets.token_hex(KEY_ID_BYTES)}"
        expires_at_ms = now_ms + APP_KEY_S * _MS
        signer = self._signers.signing()
        claims = {
            "iss": self._issuer,
            "aud": APP_KEY_AUDIENCE,
            "sub": client_id,
            "jti": key_id,
            "iat": now_ms // _MS,
            "exp": expires_at_ms // _MS,
        }
        key = jwt.encode({"alg": ALGORITHM, "kid": signer.kid}, claims, signer)
        await self._store.app_keys.put(key_id, AppKey(client_id, now_ms, expires_at_ms))
        self._audit.record(APP_KEY_MADE, client_id=client_id, key_id=key_id)
        return MadeKey(key_id, key, expires_at_ms)

    async def of(self, client_id: str) -> Mapping[str, AppKey]:
        """Give an app's keys by id, those that were revoked too; `NotFoundError` for no app.

        Those that are long over are removed, or lists would grow with every change of keys.
        """
        if await self._store.clients.get(client_id) is None:
            raise NotFoundError(
                f"there is no app {client_id}",
                reason=Reason.APP_NOT_FOUND,
                metadata={"client_id": client_id},
            )
        found: dict[str, AppKey] = {}
        async for key_id, key in self._store.app_keys.stream(f"{client_id}."):
            if self._clock.now_ms() < key.expires_at_ms + SHOWN_AFTER_MS:
                found[key_id] = key
            else:
                await self._store.app_keys.remove(key_id, key)
        return found

    async def revoke_all(self, client_id: str) -> None:
        """Take back every key of an app, also of one that is no more. Idempotent."""
        async for key_id, key in self._store.app_keys.stream(f"{client_id}."):
            if not key.revoked:
                await self.revoke(key_id)

    async def revoke(self, key_id: str) -> None:
        """Take a key back for good; a repeat changes nothing. `NotFoundError` for none."""
        key = await self._store.app_keys.get(key_id)
        if key is None:
            raise NotFoundError(
                f"there is no API key {key_id}",
                reason=Reason.APP_KEY_NOT_FOUND,
                metadata={"key_id": key_id},
            )
        # First where the issuer looks for what to publish to the edges.
        await self._store.revoked_app_keys.put(key_id, RevokedAppKey(key.expires_at_ms))
        if not key.revoked and await self._store.app_keys.replace(
            key_id, key, replace(key, revoked=True)
        ):
            self._audit.record(APP_KEY_REVOKED, client_id=key.client_id, key_id=key_id)
