"""A write-ahead outbox: rows and the message about them commit together, on any `RowStore`.

The outbox row is the commit point. It is written first, and where batches are not atomic it carries
the mutations too, so that after a crash anywhere in between a sweeper can finish the work. That
may do it twice, and late, hence what is replayed must be idempotent and overwrite nothing newer:
dated sets, or those after which nothing newer comes.
"""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Protocol

import structlog

from services.platform.observability.log_events import EVENT_OUTBOX_ROW_UNREADABLE
from services.platform.outbox.keys import (
    OUTBOX_SHARDS,
    outbox_range,
    outbox_row_key,
    parse_outbox_row_key,
)
from services.platform.outbox.mutations import decode_mutations, encode_mutations
from services.platform.rows.port import (
    KeyRange,
    Row,
    RowMutation,
    RowStore,
    Scan,
    TableSpec,
    Tallies,
)
from services.platform.rows.reading import UNREADABLE
from services.platform.runtime.clock import Clock, is_recent

__all__ = ["Commits", "Outbox", "OutboxEntry", "Refused"]

SCAN_PAGE_ROWS = 500
"""Rows read at once per shard while looking for pending entries."""

REPORTED_ROWS = 1_000
"""Rows that cannot be read and were logged: each look finds them again."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class OutboxEntry:
    """A message to publish: `id` is unique and below 2**64."""

    id: int
    topic: str
    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)
    mutations: Sequence[RowMutation] = ()
    """What `roll_forward` replays; `commit` fills it in."""
    final: bool = False
    """Nothing changes the cells any more after this: its sets need no date, and take effect
    whatever is there, when they are replayed too. Not stored; only `commit` looks at it."""


class Commits(Protocol):
    """Where a store commits rows and the event about them: an outbox, with or without a relay."""

    async def commit(
        self, mutations: Sequence[RowMutation], entry: OutboxEntry, tallies: Tallies = ()
    ) -> None:
        """Make the mutations durable, and the entry to be published at least once. Idempotent.

        `tallies`, which only a store with `atomic_batches` takes, are kept in the same step.
        """
        ...

    async def commit_all(
        self,
        mutations: Sequence[RowMutation],
        entries: Sequence[OutboxEntry],
        tallies: Tallies = (),
    ) -> None:
        """`commit` many changes together, each with its entry.

        Each entry has its own `mutations`, and `mutations` all of them, in the order to apply them.
        """
        ...


class Refused(Protocol):
    """Where operators see what cannot be published. Raises `UnavailableError`."""

    async def record(self, outbox: str, entry: OutboxEntry, reason: str) -> bool:
        """Say that an entry is refused; true where an operator has dropped it. Idempotent."""
        ...

    async def forget(self, outbox: str, ids: Sequence[int]) -> None:
        """Say nothing more of these entries, if anything was said. Idempotent."""
        ...


class Outbox:
    """Entries in a `table` of the store, one table for each service; never aged out.

    Raises `UnavailableError` as the store does.
    """

    def __init__(self, store: RowStore, clock: Clock, table: TableSpec) -> None:
        self._store = store
        self._clock = clock
        self._unreadable: set[bytes] = set()
        self.table = table.name

    async def commit(
        self, mutations: Sequence[RowMutation], entry: OutboxEntry, tallies: Tallies = ()
    ) -> None:
        """Apply `mutations` and make `entry` pending. Repeating the call is safe.

        On `UnavailableError` the outcome is open: all of it may still happen, or nothing of it.
        Mutations with deletes, or without a timestamp unless the entry is `final`, cannot be
        replayed and give `ValueError`.
        """
        await self.commit_all(mutations, [replace(entry, mutations=mutations)], tallies)

    async def commit_all(
        self,
        mutations: Sequence[RowMutation],
        entries: Sequence[OutboxEntry],
        tallies: Tallies = (),
    ) -> None:
        """`commit` many: the mutations of all entries, in the order in which to apply them.

        Of each entry its own `mutations` are replayed.
        """
        for entry in entries:
            _check_replay(entry)
        if self._store.atomic_batches:
            pending = [self._pending_row(entry, ()) for entry in entries]
            if tallies:
                await self._store.mutate_counted([*pending, *mutations], tallies)
            else:
                await self._store.mutate([*pending, *mutations])
            return
        if tallies:
            raise ValueError("tallies need batches that are atomic")
        await self._store.mutate([self._pending_row(each, each.mutations) for each in entries])
        await self._store.mutate(mutations)

    async def pending(
        self, older_than_ms: int, limit: int, *, exclude: Collection[int] = ()
    ) -> list[OutboxEntry]:
        """Up to `limit` entries committed at least `older_than_ms` ago, but for `exclude`.

        Those dated ahead by as much are old too: the clock was wrong then, or is now. Order is by
        id within a shard; every shard gets its share of `limit`. A row that cannot be read is left
        out, and logged.
        """
        shards = list(map(outbox_range, range(OUTBOX_SHARDS)))
        # Most of the time there is nothing in any of them.
        if not await self._store.scan(
            self.table, shards[0].start, shards[-1].end, limit=1, cells_per_row=1
        ):
            return []
        share = -(-limit // OUTBOX_SHARDS)
        now_ms = self._clock.now_ms()
        found: list[list[OutboxEntry]] = [[] for _ in shards]
        left = dict(enumerate(shards))
        while left:
            pages = await self._store.scan_many(
                [Scan(self.table, each.start, each.end, SCAN_PAGE_ROWS) for each in left.values()]
            )
            for shard, rows in zip(tuple(left), pages, strict=True):
                old = self._old(rows, now_ms, older_than_ms, exclude)
                found[shard] += islice(old, share - len(found[shard]))
                if len(rows) < SCAN_PAGE_ROWS or len(found[shard]) == share:
                    del left[shard]
                else:
                    left[shard] = KeyRange(rows[-1].key + b"\x00", left[shard].end)
        return [entry for entries in found for entry in entries][:limit]

    async def roll_forward(self, entry: OutboxEntry) -> None:
        """Apply the mutations that a crash may have left out. Idempotent."""
        if entry.mutations:
            await self._store.mutate(entry.mutations)

    async def settle(self, ids: Sequence[int]) -> None:
        """Forget published entries. Idempotent."""
        await self._store.mutate(
            [RowMutation(self.table, outbox_row_key(entry_id), delete_row=True) for entry_id in ids]
        )

    def _old(
        self, rows: Sequence[Row], now_ms: int, older_than_ms: int, exclude: Collection[int]
    ) -> Iterator[OutboxEntry]:
        for row in rows:
            try:
                young = is_recent(int(row.cells[b"created_ms"]), now_ms, older_than_ms)
                if not young and parse_outbox_row_key(row.key) not in exclude:
                    yield _entry(row)
            except UNREADABLE as error:
                self._leave(row, error)

    def _leave(self, row: Row, error: Exception) -> None:
        """Log a row that cannot be read, once; it stays where it is, and spoils no other."""
        if row.key not in self._unreadable and len(self._unreadable) < REPORTED_ROWS:
            self._unreadable.add(row.key)
            _log.error(
                EVENT_OUTBOX_ROW_UNREADABLE, table=self.table, key=repr(row.key), error=repr(error)
            )

    def _pending_row(self, entry: OutboxEntry, replayed: Sequence[RowMutation]) -> RowMutation:
        now_ms = self._clock.now_ms()
        cells = {
            b"topic": entry.topic.encode(),
            b"data": entry.data,
            b"attributes": json.dumps(dict(entry.attributes)).encode(),
            b"created_ms": str(now_ms).encode(),
        }
        if replayed:
            cells[b"mutations"] = encode_mutations(replayed)
        return RowMutation(self.table, outbox_row_key(entry.id), cells, timestamp_ms=now_ms)


def _check_replay(entry: OutboxEntry) -> None:
    for mutation in entry.mutations:
        undated = mutation.timestamp_ms is None and not entry.final
        if undated or mutation.deletes or mutation.delete_row:
            raise ValueError("outbox mutations are sets with explicit timestamps")


def _entry(row: Row) -> OutboxEntry:
    attributes = json.loads(row.cells[b"attributes"])
    if not all(isinstance(text, str) for text in attributes.values()):
        raise ValueError("the attributes are not texts by name")
    return OutboxEntry(
        id=parse_outbox_row_key(row.key),
        topic=row.cells[b"topic"].decode(),
        data=row.cells[b"data"],
        attributes=attributes,
        mutations=decode_mutations(row.cells.get(b"mutations", b"[]")),
    )
