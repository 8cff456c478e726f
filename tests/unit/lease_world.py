"""Leases of worker numbers on rows in memory, with a clock that can be moved."""

import asyncio
import random
from collections.abc import Callable, Sequence

from services.id.service import WorkerLeases
from services.id.store import RowLeaseStore
from services.platform.errors import (
    UnavailableError,
)
from services.platform.ids.model import EPOCH_MS, LEASE_TERM_MS, WORKER_COUNT, Lease
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.lease_keeper import LeaseKeeper
from services.platform.rows.port import Row, RowMutation

NOW = EPOCH_MS + 1_000_000


class MovableClock:
    def __init__(self) -> None:
        self.ms = NOW

    def now_ms(self) -> int:
        return self.ms


class DictRows:
    """The part of a row store that leases use."""

    def __init__(self) -> None:
        self.cells: dict[bytes, bytes] = {}
        self.down = False

    async def read_rows(self, table: str, keys: Sequence[bytes]) -> dict[bytes, Row]:
        assert table == "leases"
        if self.down:
            raise UnavailableError("down")
        return {key: Row(key, {b"lease": self.cells[key]}) for key in keys if key in self.cells}

    async def check_and_mutate(
        self, table: str, key: bytes, column: bytes, expected: bytes | None, mutation: RowMutation
    ) -> bytes | None:
        assert (table, column, mutation.key) == ("leases", b"lease", key)
        await asyncio.sleep(0)
        found = self.cells.get(key)
        if found == expected:
            self.cells[key] = mutation.sets[column]
        return found


class World:
    def __init__(self) -> None:
        self.clock = MovableClock()
        self.rows = DictRows()
        self.store = RowLeaseStore(self.rows)  # type: ignore[arg-type]
        self.leases = WorkerLeases(self.store, self.clock, random.Random(1))  # noqa: S311
        self.ids = SnowflakeGenerator(self.clock)

    def keeper(self) -> LeaseKeeper:
        return LeaseKeeper(self.leases, self.ids, "me", renew_every_s=0.001, retry_every_s=0.001)

    async def fill(self) -> None:
        for worker in range(WORKER_COUNT):
            await self.store.claim(None, Lease(worker, "x", 0, NOW + LEASE_TERM_MS))


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110  (the condition is state, not an event)
            await asyncio.sleep(0.001)
