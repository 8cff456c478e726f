"""Nonces of signed requests, shared by all replicas."""

from services.storage.keys import nonce_key
from services.storage.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["ValkeyNonces"]


class ValkeyNonces:
    """A `NonceStore`. The server must not evict keys that have not expired."""

    def __init__(self, valkey: ValkeyClient) -> None:
        self._valkey = valkey

    async def claim(self, nonce: str, keep_ms: int) -> bool:
        """See `NonceStore.claim`: one command, so that one of two claims at once is the first."""
        with valkey_errors():
            return bool(await self._valkey.set(nonce_key(nonce), b"", nx=True, px=keep_ms))
