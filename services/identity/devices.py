"""Browsers that have logged in to an account: they are known by a secret that they keep."""

from typing import Final

from services.identity.model import Device, credential_key, digest, new_secret
from services.identity.store import IdentityStore
from services.platform.runtime.clock import Clock

__all__ = ["NOBODY", "Devices"]

NOBODY: Final = 0
"""In the place of a user who does not exist, so that looking takes as long."""


class Devices:
    """Who logged in where. It opens nothing: it only says whose guesses are counted apart."""

    def __init__(self, store: IdentityStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def knows(self, user_id: int | None, secret: str) -> bool:
        """Whether the browser that holds this secret has logged in to the account."""
        if not secret:
            return False
        return await self._store.devices.get(_row(user_id or NOBODY, secret)) is not None

    async def remember(self, user_id: int, secret: str) -> str:
        """Note a log-in; gives the secret to keep from now on.

        One that another account had, or that somebody planted, is not taken over.
        """
        kept = secret if await self.knows(user_id, secret) else new_secret()
        await self._store.devices.put(_row(user_id, kept), Device(self._clock.now_ms()))
        return kept

    async def forget(self, user_id: int) -> None:
        """Forget all browsers of a user who is gone."""
        async for key, device in self._store.devices.stream(f"{credential_key(user_id)}."):
            await self._store.devices.remove(key, device)


def _row(user_id: int, secret: str) -> str:
    return f"{credential_key(user_id)}.{digest(secret)}"
