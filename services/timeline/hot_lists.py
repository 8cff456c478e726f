"""Hot timelines: sorted id lists in Valkey, newest first, for users who read.

Each list is a Valkey LIST of 8-byte big-endian ids. What always holds:

- ids fall strictly from head to tail: sorted, no double;
- the list is contiguous: it has every id of the timeline from its tail upwards;
- the tail says what lies below: an ordinary id means older ids may exist in the durable store,
  8 zero bytes mean that nothing older exists, 8 zero bytes and a token mean that a warmer is
  reading the durable store now (such a list takes pushes but is a miss to readers).

Contiguity asks one thing of writers: make an id durable first, push it second. Then an id that the
warmer's read missed is pushed after the read and lands in the list that waits for it. A list that
does not exist takes no push: it is cold, and its next reader warms it. An id that is lost by a
failover of Valkey stays missing until the list expires or is dropped.
"""

import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import gt

import structlog

from services.platform.ids.model import MAX_ID
from services.platform.observability.log_events import EVENT_CACHE_DAMAGED
from services.platform.valkey.connection import ValkeyClient, valkey_errors
from services.platform.valkey.line import Changed, Line
from services.platform.valkey.script import Script
from services.timeline import hot_list_scripts as lua
from services.timeline.model import WINDOW_IDS, IdRun

__all__ = ["GuardedEntry", "HotLists"]

_DEFAULT_TTL_S = 3 * 86_400
"""Life of a list, in seconds; first-page reads renew it, except by `read_beside`."""
_NOT_RENEWED = 0
_WARM_EXPIRY_MS = 10_000
"""A warming that takes longer counts as dead, and another reader may begin."""
_TRIM_SLACK_SHARE = 20
"""A list may be a twentieth over capacity: one push in forty or so pays for a trim."""
_PUSHES_PER_SCRIPT = 1_000
"""Ids put into lists by one script: it blocks its node, for a millisecond or so at this size."""
_READS_PER_SCRIPT = 100
"""Lists read by one script, for the same reason."""

_ID = struct.Struct(">Q")
_SENTINEL = bytes(_ID.size)

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class GuardedEntry:
    """An entry that begins with a nonce, and what to do with it; see `relations_cache`."""

    key: bytes
    known_nonce: bytes
    """The nonce under which the caller has the rest; empty if it has nothing."""
    new_nonce: bytes
    """What an absent entry becomes."""
    ttl_ms: int
    mark_key: bytes
    """An entry beside it that is a mark and nothing else: absent, it becomes `new_nonce` too."""


class HotLists:
    """The sorted id lists of one Valkey node or cluster; safe for any number of writers.

    `capacity` is in ids and `ttl_s` in seconds. Every method raises `UnavailableError` when
    Valkey cannot answer, and may be repeated after that.
    """

    def __init__(
        self,
        client: ValkeyClient,
        capacity: int = WINDOW_IDS,
        ttl_s: float = _DEFAULT_TTL_S,
    ) -> None:
        self._client = client
        self._capacity = capacity
        # At least one: the trim of a list that is being warmed counts on it.
        self._slack = capacity // _TRIM_SLACK_SHARE + 1
        self._ttl_ms = int(ttl_s * 1_000)
        self._push = Script(client, lua.PUSH)
        self._read = Script(client, lua.READ)
        self._read_beside = Script(client, lua.READ_BESIDE)
        self._begin_warm = Script(client, lua.BEGIN_WARM)
        self._finish_warm = Script(client, lua.FINISH_WARM)
        self._remove = Script(client, lua.REMOVE)

    async def push(self, keys: Sequence[bytes], tweet_id: int) -> int:
        """Put one id in its place in many lists; as `push_many`."""
        return await self.push_many(dict.fromkeys(keys, (tweet_id,)))

    async def push_many(self, ids: Mapping[bytes, Sequence[int]]) -> int:
        """Put ids, each list's own, in their places in those of the lists that exist.

        Returns how many lists changed. Idempotent, and ids may come in any order. An id below the
        tail of a trimmed list is left out: it is the durable store's to serve.
        """
        changed = 0
        for page in _pages(ids):
            slots = self._push.by_slot(list(page))
            changed += sum(
                await self._push.run_pages(
                    [
                        (keys, (self._capacity, self._slack, *_placed([page[key] for key in keys])))
                        for keys in slots
                    ]
                )
            )
        return changed

    async def read_many(
        self, keys: Sequence[bytes], before: int | None, count: int
    ) -> list[IdRun | None]:
        """At most `count` ids of each list below `before` (None: the newest), in one round trip.

        There are fewer only where the list ends; below that the durable store takes over, unless
        the run has ended. None is a miss: a list that is absent or being warmed. Reading a first
        page renews the list.
        """
        pages = self._read.pages(keys, _READS_PER_SCRIPT)
        args = (_start(before), count, self._ttl_ms)
        if len(pages) == 1:
            answers = [await self._read.run(pages[0], *args)]
        else:
            answers = await self._read.run_pages([(page, args) for page in pages])
        found = {
            key: await self._checked(key, each)
            for page, answer in zip(pages, answers, strict=True)
            for key, each in zip(page, answer, strict=True)
        }
        return [found[key] for key in keys]

    async def read_watched(
        self, keys: Sequence[bytes], count: int, changed: Changed
    ) -> list[tuple[IdRun | None, Line | None]]:
        """Read the newest ids of each list, and have the list's next change reported to `changed`.

        The line is the one that reports; None if nobody will. A list that is absent is watched too.
        """
        pages = self._read.pages(keys, _READS_PER_SCRIPT)
        args = (b"", count, self._ttl_ms)
        answers = await self._read.run_watched([(page, args) for page in pages], changed)
        found = {
            key: (await self._checked(key, each), line)
            for page, (answer, line) in zip(pages, answers, strict=True)
            for key, each in zip(page, answer, strict=True)
        }
        return [found[key] for key in keys]

    async def hear(self, keys: Sequence[bytes]) -> None:
        """Get an answer from the node of each key, before which it reports all that was changed."""
        with valkey_errors():
            await self._client.lines.call_many([(key, ("EXISTS", key)) for key in keys])

    async def read_beside(
        self, entry: GuardedEntry, key: bytes, before: int | None, count: int, token: bytes = b""
    ) -> tuple[bytes, IdRun | None, bool, bytes]:
        """One list's ids, with a look at an entry and a mark of the same slot.

        Gives what the entry has, empty if it still has the nonce that the caller knows; the ids;
        after a miss, what `begin_warm` gives, which is then done too if there is a `token`; and the
        mark.

        The list is not renewed: so its reader comes by the durable store now and then, where visits
        are recorded. Without that, whoever reads each day would count as away after a month, and no
        more tweets would be pushed to them.
        """
        found, ids, warming, mark = await self._read_beside.run(
            [entry.key, key, entry.mark_key],
            entry.known_nonce,
            entry.new_nonce,
            entry.ttl_ms,
            _start(before),
            count,
            _NOT_RENEWED,
            token and _SENTINEL + token,
            _WARM_EXPIRY_MS,
        )
        return found, await self._checked(key, ids), bool(warming), mark

    async def begin_warm(self, key: bytes, token: bytes) -> bool:
        """Claim an absent list for warming; `token` is random and not empty.

        True: read the durable store now and call `finish_warm`. False: the list is live, or
        another warmer is at work. A claim lapses after ten seconds.
        """
        if not token:
            raise ValueError("a warming token cannot be empty")
        return bool(await self._begin_warm.run([key], _SENTINEL + token, _WARM_EXPIRY_MS))

    async def finish_warm(
        self, key: bytes, token: bytes, ids: Iterable[int], *, complete: bool
    ) -> bool:
        """Make the list live with `ids` and those pushed since `begin_warm`, cut to capacity.

        `ids` are the newest of the durable store without a gap, in any order; `complete` says that
        they are all there are. False, and nothing changes, if the claim with `token` is gone.
        """
        newest_first = sorted(set(ids), reverse=True)[: self._capacity + 1]
        joined = struct.pack(f">{len(newest_first)}Q", *newest_first)
        return bool(
            await self._finish_warm.run(
                [key],
                _SENTINEL + token,
                joined,
                int(complete),
                self._capacity,
                self._ttl_ms,
            )
        )

    async def drop(self, *keys: bytes) -> None:
        """Forget lists and any warming of them, in one round trip; the next read is a miss."""
        pipeline = self._client.pipeline(transaction=False)
        for key in keys:
            pipeline.delete(key)
        with valkey_errors():
            await pipeline.execute()

    async def remove(self, key: bytes, tweet_id: int) -> None:
        """Take an id out of a list; a list that is being warmed is dropped instead.

        A push that is redelivered later puts the id back: what must not be seen is hidden by
        the rules of a read, not here.
        """
        await self._remove.run([key], _ID.pack(tweet_id))

    async def _checked(self, key: bytes, found: tuple[bytes, int] | None) -> IdRun | None:
        """Read a script's answer; a list whose ids do not fall is dropped, and a miss."""
        if found is None:
            return None
        joined, ended = found
        ids = struct.unpack(f">{len(joined) // _ID.size}Q", joined)
        if _is_falling(ids):
            return IdRun(ids, bool(ended))
        _log.error(EVENT_CACHE_DAMAGED, key=repr(key))
        await self.drop(key)
        return None


def _pages(ids: Mapping[bytes, Sequence[int]]) -> Iterator[dict[bytes, Sequence[int]]]:
    """Cut into what one script does; of a list with more ids than that, a page for each part."""
    page: dict[bytes, Sequence[int]] = {}
    pushes = 0
    for key, given in ids.items():
        # The oldest first, as what is newer than the head of a list finds its place at once.
        own = given if len(given) <= _PUSHES_PER_SCRIPT else sorted(given)
        for at in range(0, len(own), _PUSHES_PER_SCRIPT):
            part = own[at : at + _PUSHES_PER_SCRIPT]
            if pushes + len(part) > _PUSHES_PER_SCRIPT:
                yield page
                page, pushes = {}, 0
            page[key] = part
            pushes += len(part)
    if page:
        yield page


def _placed(ids: Sequence[Sequence[int]]) -> tuple[bytes, bytes]:
    """Encode the ids of each list as the script takes them: (all of them, the places of each)."""
    rising = sorted(set().union(*ids))
    joined = struct.pack(f">{len(rising)}Q", *rising)
    if all(len(own) == len(rising) for own in ids):
        return joined, b""
    place_of = {tweet_id: place for place, tweet_id in enumerate(rising)}
    places: list[int] = []
    for own in ids:
        found = sorted({place_of[tweet_id] for tweet_id in own})
        places.append(len(found))
        places += found
    return joined, struct.pack(f">{len(places)}H", *places)


def _is_falling(ids: tuple[int, ...]) -> bool:
    return not ids or (ids[0] <= MAX_ID and all(map(gt, ids, ids[1:])))


def _start(before: int | None) -> bytes:
    return b"" if before is None else _ID.pack(before)
