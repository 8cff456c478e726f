"""The user service on real rows that can be made to fail, with a clock that can be moved."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from services.platform.errors import UnavailableError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import CellName, DatedCell, Row, RowMutation
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.user.events import UserDeleted, UserEvents, decode_user_deleted
from services.user.former_handles import FormerHandles
from services.user.name_index import NameIndex
from services.user.name_rows import RowNames
from services.user.service import UserService
from services.user.spec import OUTBOX, TABLES
from services.user.store import RowUserStore
from tests.sights import NoProtection


class CrashError(Exception):
    """The process is dead: nothing it would still do is done."""


class MovableClock:
    def __init__(self) -> None:
        self.ms = 1_800_000_000_000

    def now_ms(self) -> int:
        return self.ms


class CountingIds:
    def __init__(self) -> None:
        self._ids = count(1)

    async def next_id(self) -> int:
        return next(self._ids)


class CrashingRows:
    """Real rows seen by a process that dies at its write number `at`, just before or after it."""

    def __init__(self, rows: SqliteRowStore, at: int, *, after: bool) -> None:
        self._rows = rows
        self._left = at
        self._after = after
        self.crashed = False

    @property
    def atomic_batches(self) -> bool:
        return self._rows.atomic_batches

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        dies = self._dies()
        await self._rows.mutate(mutations)
        self._die_if(dies)

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        dies = self._dies()
        found = await self._rows.check_and_mutate(table, key, column, expected, mutation)
        self._die_if(dies)
        return found

    async def increment(self, table: str, key: bytes, column: bytes, delta: int) -> int:
        return await self._rows.increment(table, key, column, delta)

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        self._die_if(self.crashed)
        return await self._rows.read_rows(table, keys)

    async def read_cells(self, names: Collection[CellName]) -> dict[CellName, DatedCell]:
        self._die_if(self.crashed)
        return await self._rows.read_cells(names)

    async def scan(
        self, table: str, start: bytes, end: bytes, *, limit: int, columns_from: bytes = b""
    ) -> list[Row]:
        return await self._rows.scan(table, start, end, limit=limit, columns_from=columns_from)

    async def close(self) -> None:
        """The real rows are closed by who opened them."""

    def _dies(self) -> bool:
        self._die_if(self.crashed)
        self._left -= 1
        dies = self._left == 0
        if not self._after:
            self._die_if(dies)
        return dies

    def _die_if(self, dies: bool) -> None:  # noqa: FBT001 - reads as what it says
        if dies:
            self.crashed = True
            raise CrashError


@dataclass
class Gone:
    """The announcements that users are gone, or have changed."""

    announced: list[int] = field(default_factory=list)
    changed: list[int] = field(default_factory=list)
    fails: bool = False

    async def announce(self, user_id: int) -> None:
        if self.fails:
            raise UnavailableError("the cache is gone")
        self.announced.append(user_id)

    async def announce_changed(self, user_id: int) -> None:
        if self.fails:
            raise UnavailableError("the cache is gone")
        self.changed.append(user_id)


@dataclass
class World:
    service: UserService
    store: RowUserStore
    names: NameIndex
    rows: SqliteRowStore
    outbox: Outbox
    clock: MovableClock
    ids: CountingIds
    gone: Gone
    protection: NoProtection = field(default_factory=NoProtection)

    def dying(self, at: int, *, after: bool, days: int = 0) -> tuple[UserService, CrashingRows]:
        """Another process, which dies at its write number `at`."""
        rows = CrashingRows(self.rows, at, after=after)
        store = RowUserStore(rows, Outbox(rows, self.clock, OUTBOX))
        return self._process(store, RowNames(rows), days), rows

    def holding(self, days: int) -> UserService:
        """Another process, which holds for so long what users give up."""
        return self._process(self.store, RowNames(self.rows), days)

    def _process(self, store: RowUserStore, names: RowNames, days: int = 0) -> UserService:
        former = FormerHandles(days)
        return UserService(
            store,
            self.ids,
            UserEvents(),
            self.clock,
            self.gone.announce,
            announce_changed=self.gone.announce_changed,
            former=former,
            names=NameIndex(names, store),
            protection=self.protection,
        )

    async def events(self) -> list[UserDeleted]:
        pending = await self.outbox.pending(-(10**9), 1_600)
        assert {entry.topic for entry in pending} <= {"user-events"}
        return [decode_user_deleted(entry.data) for entry in pending]


@asynccontextmanager
async def user_world(folder: Path) -> AsyncIterator[World]:
    clock = MovableClock()
    rows = SqliteRowStore(folder / "rows.db", [*TABLES, OUTBOX], clock)
    await rows.open()
    outbox = Outbox(rows, clock, OUTBOX)
    store = RowUserStore(rows, outbox)
    ids, gone = CountingIds(), Gone()
    names, protection = NameIndex(RowNames(rows), store), NoProtection()
    service = UserService(
        store,
        ids,
        UserEvents(),
        clock,
        gone.announce,
        announce_changed=gone.announce_changed,
        former=FormerHandles(0),
        names=names,
        protection=protection,
    )
    yield World(service, store, names, rows, outbox, clock, ids, gone, protection)
    await rows.close()
