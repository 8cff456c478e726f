"""Nonces of signed requests, shared by all replicas."""

from typing import Final

from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["ValkeyNonces", "nonce_key"]

KEEPS: Final = "noeviction"


class ValkeyNonces:
    """A `NonceStore`. The server must not evict keys that have not expired."""

    def __init__(self, valkey: ValkeyClient) -> None:
        self._valkey = valkey

    async def may_forget(self) -> bool:
        """Whether the server, or one of the cluster's, evicts nonces when its memory is short.

        Raises UnavailableError if it cannot be asked.
        """
        with valkey_errors():
            memory = await self._valkey.info("memory")
        # Of a cluster, a mapping from each node.
        servers = [memory] if "maxmemory_policy" in memory else list(memory.values())
        return any(each["maxmemory"] and each["maxmemory_policy"] != KEEPS for each in servers)

    async def claim(self, nonce: str, keep_ms: int) -> bool:
        """Claim a nonce by one command, so that one of two claims at once is the first."""
        with valkey_errors():
            return bool(await self._valkey.set(nonce_key(nonce), b"", nx=True, px=keep_ms))


def nonce_key(nonce: str) -> bytes:
    """`nonce:{nonce}`: a request signed with this nonce has been taken."""
    return f"nonce:{nonce}".encode()
