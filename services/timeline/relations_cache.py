"""A viewer's following and hidden sets in Valkey, guarded by a lease, and in this process.

The lease is a nonce (as in "Scaling Memcache at Facebook", Nishtala et al. 2013, section 3.2.1). A
reader peeks, which gives the key's nonce, then fetches, then fills under that nonce. A writer
changes the durable store first and then invalidates, which takes the nonce away. So a fetch that
began before an invalidation holds a nonce that is gone and can never fill the cache with old data;
a fetch that began after it sees the change.

An entry is the nonce; once it is filled, also a marker byte, the count of followed users in 4
bytes, their ids and those of the hidden, 8 bytes each. Behind these are the muted words, as lines
of UTF-8 in pieces of 7 bytes: each with a byte before it that no id begins with, so that a process
of the release before takes them for hidden users that there are not, and leaves the entry as it is.
There is one piece at least: an entry without was filled by such a process, and is filled anew.
Another marker says that the hidden are too many, and that those alone are there who are followed: a
process of the release before takes such an entry for none, and fills it anew with all of them.
"""

import struct
from collections import OrderedDict
from collections.abc import Collection

from services.platform.muting.words import MutedWords, muted_words
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.script import Script
from services.timeline.hot_lists import GuardedEntry
from services.timeline.keys import relations_key, viewer_mark_key
from services.timeline.model import ViewerRelations

__all__ = ["NONCE_BYTES", "LocalRelations", "RelationsCache"]

RELATIONS = "relations"
"""The cache's name in metrics."""
NONCE_BYTES = 8
"""Random, so that no nonce is ever used twice for one viewer."""
LOCAL_IDS = 500_000
"""Ids of all viewers that a process keeps: about 35 MB."""
_DEFAULT_TTL_S = 3_600
"""Life of an entry in seconds: bounds how long a lost invalidation can be seen."""
_FILLED = b"\x01"
"""Between nonce and ids: an entry without ids is an answer, a lone nonce is none."""
_FILLED_IN_PART = b"\x02"
"""The same where more users are hidden than are there."""
_COUNT = struct.Struct(">I")
_ID_BYTES = 8
_PIECE_BYTES = 7
_IS_PIECE = b"\xff"
_LEAST_PIECE = 0xFF << 56
_FILLING = b"\0"

_FILL = """
-- KEYS: entry; ARGV: nonce, marker and ids, TTL in ms. Returns 1 if the nonce still held.
if redis.call('GETRANGE', KEYS[1], 0, #ARGV[1] - 1) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[1] .. ARGV[2], 'PX', ARGV[3])
return 1
"""


class RelationsCache:
    """Relations by viewer; every method raises `UnavailableError` on failure.

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
        return GuardedEntry(
            relations_key(viewer_id),
            known_nonce,
            new_nonce,
            self._ttl_ms,
            viewer_mark_key(viewer_id),
        )

    def parse(self, entry: bytes) -> tuple[bytes, ViewerRelations | None]:
        """(nonce, relations) of an entry; where there are none, fetch and `fill` under the nonce.

        What no process of this service wrote has none either, and is filled over.
        """
        nonce, rest = entry[:NONCE_BYTES], entry[NONCE_BYTES:]
        marker, encoded = rest[:1], rest[1:]
        if marker not in {_FILLED, _FILLED_IN_PART}:
            self._metrics.miss(RELATIONS)
            return nonce, None
        self._metrics.hit(RELATIONS)
        return nonce, _decode(encoded, hides_others=marker == _FILLED_IN_PART)

    def unchanged(self) -> None:
        """Count an entry that the caller has already."""
        self._metrics.hit(RELATIONS)

    async def fill(self, viewer_id: int, nonce: bytes, relations: ViewerRelations) -> bool:
        """Store relations if the entry still has this nonce; False if it was invalidated."""
        marker = _FILLED_IN_PART if relations.hides_others else _FILLED
        filled = marker + _encode(relations)
        return bool(await self._fill.run([relations_key(viewer_id)], nonce, filled, self._ttl_ms))

    async def invalidate(self, viewer_ids: Collection[int]) -> None:
        """Forget the entries and their nonces, in one round trip; after the change is durable."""
        pipeline = self._client.pipeline(transaction=False)
        for viewer_id in viewer_ids:
            pipeline.delete(relations_key(viewer_id))
        with valkey_errors():
            await pipeline.execute()


class LocalRelations:
    """The relations last used in this process, by viewer; at most `capacity` ids in all."""

    def __init__(self, capacity: int = LOCAL_IDS) -> None:
        self._capacity = capacity
        self._ids = 0
        self._entries: OrderedDict[int, tuple[bytes, ViewerRelations]] = OrderedDict()

    def get(self, viewer: int) -> tuple[bytes, ViewerRelations] | None:
        """(nonce, relations) as put last, for as long as there is room; None otherwise."""
        entry = self._entries.get(viewer)
        if entry:
            self._entries.move_to_end(viewer)
        return entry

    def put(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> None:
        """Keep the viewer's relations in place of older ones, and drop those unused for longest."""
        previous = self._entries.pop(viewer, None)
        if previous:
            self._ids -= _size(previous[1])
        self._entries[viewer] = (nonce, relations)
        self._ids += _size(relations)
        while self._ids > self._capacity and len(self._entries) > 1:
            _, (_, oldest) = self._entries.popitem(last=False)
            self._ids -= _size(oldest)


def _size(relations: ViewerRelations) -> int:
    # One more, so that viewers who follow nobody are counted too. A word takes as much as ten ids.
    words = 10 * len(relations.words)
    return 1 + len(relations.following) + len(relations.hidden) + words


def _encode(relations: ViewerRelations) -> bytes:
    ids = [*relations.following, *relations.hidden]
    encoded = _COUNT.pack(len(relations.following)) + struct.pack(f">{len(ids)}Q", *ids)
    lines = "\n".join(relations.words.words).encode()
    pieces = range(0, max(1, len(lines)), _PIECE_BYTES)
    return encoded + b"".join(
        _IS_PIECE + lines[at : at + _PIECE_BYTES].ljust(_PIECE_BYTES, _FILLING) for at in pieces
    )


def _decode(encoded: bytes, *, hides_others: bool) -> ViewerRelations | None:
    """Read what `_encode` gave; None for anything else, and for what lacks muted words."""
    count, rest = divmod(len(encoded) - _COUNT.size, _ID_BYTES)
    if count < 0 or rest:
        return None
    (following,) = _COUNT.unpack_from(encoded)
    if following > count:
        return None
    ids = struct.unpack_from(f">{count}Q", encoded, _COUNT.size)
    end = count
    while end > following and ids[end - 1] >= _LEAST_PIECE:
        end -= 1
    words = _words(encoded[_COUNT.size + end * _ID_BYTES :])
    if words is None:
        return None
    hidden = frozenset(ids[following:end])
    return ViewerRelations(frozenset(ids[:following]), hidden, words, hides_others)


def _words(pieces: bytes) -> MutedWords | None:
    """Read the muted words; None where there is no piece, or none that was written here."""
    if not pieces:
        return None
    lines = b"".join(pieces[at + 1 : at + _ID_BYTES] for at in range(0, len(pieces), _ID_BYTES))
    try:
        text = lines.rstrip(_FILLING).decode()
    except UnicodeDecodeError:
        return None
    return muted_words(text.split("\n") if text else ())
