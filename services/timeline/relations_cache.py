"""A viewer's following and hidden sets in Valkey, guarded by a lease.

The lease is a nonce (as in "Scaling Memcache at Facebook", Nishtala et al. 2013, section 3.2.1). A
reader peeks, which gives the key's nonce, then fetches, then fills under that nonce. A writer
changes the durable store first and then invalidates, which takes the nonce away. So a fetch that
began before an invalidation holds a nonce that is gone and can never fill the cache with old data;
a fetch that began after it sees the change.
"""

from services.platform.valkey.cache_metrics import RELATIONS, CacheMetrics
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.script import Script
from services.timeline.hot_lists import GuardedEntry
from services.timeline.keys import relations_key

__all__ = ["NONCE_BYTES", "RelationsCache"]

NONCE_BYTES = 8
"""Random, so that no nonce is ever used twice for one viewer."""
_DEFAULT_TTL_S = 3_600
"""Life of an entry in seconds: bounds how long a lost invalidation can be seen."""
_FILLED = b"\x01"
"""Between nonce and blob: an empty blob is an answer, a lone nonce is none."""

_FILL = """
-- KEYS: entry; ARGV: nonce, marker and blob, TTL in ms. Returns 1 if the nonce still held.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
"""


class RelationsCache:
    """Opaque blobs by viewer; every method raises `UnavailableError` on failure.

    The peek is `HotLists.read_beside` of the viewer's `entry`, so that it costs no round trip.
    """

    def __init__(
        self,
        client: ValkeyClient,
        ttl_s: float = _DEFAULT_TTL_S,
        metrics: CacheMetrics | None = None,
    ) -> None:
        self._client = client
        self._metrics = metrics or CacheMetrics()
        self._ttl_ms = int(ttl_s * 1_000)
        self._fill = Script(client, _FILL)

    def entry(self, viewer_id: int, known_nonce: bytes, new_nonce: bytes) -> GuardedEntry:
        """Name the viewer's entry; `new_nonce` is random."""
        if len(new_nonce) != NONCE_BYTES:
            raise ValueError(f"a nonce has {NONCE_BYTES} bytes, got {len(new_nonce)}")
        return GuardedEntry(relations_key(viewer_id), known_nonce, new_nonce, self._ttl_ms)

    def parse(self, entry: bytes) -> tuple[bytes, bytes | None]:
        """(nonce, blob) of an entry; with no blob, fetch and `fill` under the nonce."""
        nonce, rest = entry[:NONCE_BYTES], entry[NONCE_BYTES:]
        # What nobody here wrote has no blob either, and is filled over.
        if not rest.startswith(_FILLED):
            self._metrics.miss(RELATIONS)
            return nonce, None
        self._metrics.hit(RELATIONS)
        return nonce, rest[len(_FILLED) :]

    def unchanged(self) -> None:
        """Count an entry that the caller has already."""
        self._metrics.hit(RELATIONS)

    async def fill(self, viewer_id: int, nonce: bytes, blob: bytes) -> bool:
        """Store the blob if the entry still has this nonce; False if it was invalidated."""
        key = relations_key(viewer_id)
        return bool(await self._fill.run([key], nonce, _FILLED + blob, self._ttl_ms))

    async def invalidate(self, viewer_id: int) -> None:
        """Forget the entry and its nonce. Call it after the change is durable."""
        with valkey_errors():
            await self._client.delete(relations_key(viewer_id))
