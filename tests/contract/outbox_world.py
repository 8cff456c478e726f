"""What outboxes are tested with: a bus in memory, a store that dies, a wrong clock."""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from typing import cast

from services.platform.bus.port import Message, Publisher
from services.platform.errors import UnavailableError
from services.platform.outbox.outbox import Outbox
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.rows.port import Row, RowMutation, RowStore, Scan
from services.platform.runtime.clock import SystemClock
from tests.contract.row_engines import OUTBOX

__all__ = [
    "DEADLINE_S",
    "ClockAhead",
    "CrashingStore",
    "MemoryBus",
    "change",
    "eventually",
    "pending",
    "relay_of",
]

DEADLINE_S = 10.0


class ClockAhead:
    """The machine's clock, an hour ahead."""

    ms = 3_600_000

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ms


class CrashingStore:
    """A store without atomic batches that dies before its `at`-th mutate call."""

    atomic_batches = False

    def __init__(self, inner: RowStore, at: int) -> None:
        self._inner = inner
        self.left = at
        self.scan = inner.scan

    async def mutate(self, mutations: Sequence[RowMutation]) -> None:
        self.left -= 1
        if self.left == 0:
            raise UnavailableError("crashed")
        await self._inner.mutate(mutations)

    async def scan_many(self, scans: Sequence[Scan]) -> list[list[Row]]:
        return await self._inner.scan_many(scans)


class MemoryBus:
    """Keeps what is published; fails the first `failures` publishes of each topic."""

    def __init__(self, failures: Mapping[str, int] | None = None) -> None:
        self.published: list[tuple[str, Message]] = []
        self.calls = 0
        self._failures = dict(failures or {})

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self.calls += 1
        if self._failures.get(topic, 0) > 0:
            self._failures[topic] -= 1
            raise UnavailableError("the bus is down")
        self.published += [(topic, message) for message in messages]

    def bodies(self) -> list[bytes]:
        return sorted(message.data for _, message in self.published)


def relay_of(store: object, bus: Publisher, *, sweep_age_ms: int = 60_000) -> OutboxRelay:
    rows, clock = cast("RowStore", store), SystemClock()
    outbox = Outbox(rows, clock, OUTBOX)
    return OutboxRelay(
        outbox,
        bus,
        Sweeps(outbox, rows, clock, "one"),
        jitter=random.Random(7),  # noqa: S311 - spreads load, guards nothing
        sweep_interval_s=0.05,
        sweep_age_ms=sweep_age_ms,
    )


def change(key: bytes, value: bytes = b"v", timestamp_ms: int = 1_000) -> RowMutation:
    return RowMutation("first", key, {b"\x00c\xff": value}, timestamp_ms=timestamp_ms)


async def eventually(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not holds():  # noqa: ASYNC110 - the condition spans two objects
            await asyncio.sleep(0.01)


async def pending(store: RowStore) -> list[int]:
    outbox = Outbox(store, SystemClock(), OUTBOX)
    return sorted(entry.id for entry in await outbox.pending(0, 10_000))
