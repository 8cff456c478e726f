"""A viewer's following and hidden sets in Valkey, guarded by a lease.

The lease is a nonce (as in "Scaling Memcache at Facebook", Nishtala et al. 2013, section 3.2.1). A
reader peeks, which gives the key's nonce, then fetches, then fills under that nonce. A writer
changes the durable store first and then invalidates, which takes the nonce away. So a fetch that
began before an invalidation holds a nonce that is gone and can never fill the cache with old data;
a fetch that began after it sees the change.
"""

from services.storage.keys import relations_key
from services.storage.valkey.connection import Script, ValkeyClient, valkey_errors

__all__ = ["NONCE_BYTES", "RelationsCache"]

NONCE_BYTES = 8
"""Random, so that no nonce is ever used twice for one viewer."""
_DEFAULT_TTL_S = 3_600
"""Life of an entry in seconds: bounds how long a lost invalidation can be seen."""
_FILLED = b"\x01"
"""Between nonce and blob: an empty blob is an answer, a lone nonce is none."""

_PEEK = """
-- KEYS: entry; ARGV: nonce if absent, TTL in ms. Returns the entry.
local entry = redis.call('GET', KEYS[1])
if entry then return entry end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return ARGV[1]
"""

_FILL = """
-- KEYS: entry; ARGV: nonce, marker and blob, TTL in ms. Returns 1 if the nonce still held.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
"""


class RelationsCache:
    """Opaque blobs by viewer; every method raises `UnavailableError` on failure."""

    def __init__(self, client: ValkeyClient, ttl_s: float = _DEFAULT_TTL_S) -> None:
        self._client = client
        self._ttl_ms = int(ttl_s * 1_000)
        self._peek = Script(client, _PEEK)
        self._fill = Script(client, _FILL)

    async def peek(self, viewer_id: int, new_nonce: bytes) -> tuple[bytes, bytes | None]:
        """(nonce, blob): the entry's, or `new_nonce` and None if there was none.

        With no blob, fetch from the durable store and `fill` under the returned nonce.
        """
        if len(new_nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes, got {len(new_nonce)}")
        entry: bytes = await self._peek.run([relations_key(viewer_id)], new_nonce, self._ttl_ms)
        nonce, rest = entry[:NONCE_BYTES], entry[NONCE_BYTES:]
        return nonce, rest[len(_FILLED) :] if rest else None

    async def fill(self, viewer_id: int, nonce: bytes, blob: bytes) -> bool:
        """Store the blob if the entry still has this nonce; False if it was invalidated."""
        key = relations_key(viewer_id)
        return bool(await self._fill.run([key], nonce, _FILLED + blob, self._ttl_ms))

    async def invalidate(self, viewer_id: int) -> None:
        """Forget the entry and its nonce. Call it after the change is durable."""
        with valkey_errors():
            await self._client.delete(relations_key(viewer_id))
