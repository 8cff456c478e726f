"""Publishing what outboxes hold."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

import structlog
from opentelemetry import metrics

from services.platform.bus.port import Message, Publisher
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import (
    EVENT_OUTBOX_ATTEMPT_FAILED,
    EVENT_OUTBOX_SET_ASIDE,
)
from services.platform.outbox.outbox import Outbox, OutboxEntry, Refused
from services.platform.outbox.relay_metrics import RelayMetrics
from services.platform.outbox.settling import Settling
from services.platform.outbox.sweeps import Sweeps
from services.platform.outbox.waiting import until_done
from services.platform.rows.port import RowMutation, Tallies
from services.platform.runtime.background import IDLE_S, Background
from services.platform.runtime.pace import Pace, happens_within

__all__ = ["OutboxRelay"]

BATCH_MAX_MESSAGES = 500
"""Messages per publish; Pub/Sub takes 1 000 per request."""
HELD_MAX_ENTRIES = 20_000
"""Entries kept in memory while the bus is down; the sweeper finds the rest in the table."""
PUBLISH_EVERY_S = 0.05
"""Between publishes of a topic at the least, in seconds. Whatever is committed meanwhile goes out
together, and so do all that follows from it: each receive, read and ack of every consumer is paid
once. What is committed after a longer pause goes out at once."""
SWEEP_INTERVAL_S = 3.0
"""Mean pause between sweeps, about so; jittered, so that replicas do not sweep in step."""
SWEEP_AGE_MS = 5_000
"""Entries younger than this are still in the hands of the process that wrote them."""
SET_ASIDE_S = 60.0
"""Pause before an entry that failed by itself is tried again: each try costs a publish."""
DRAIN_TIMEOUT_S = 5.0
"""How long `stop` waits for entries in memory; what is left is swept up by another process."""

_log = structlog.get_logger()


class OutboxRelay:
    """Publishes committed entries, at least once, and settles them in bulk.

    Each topic has a lane of its own, so that one that fails does not hold up the others. Nor does
    an entry that the bus refuses: it stays in the table, is tried again now and then, and is shown
    as `refused` to operators, who may drop it.
    """

    def __init__(  # noqa: PLR0913 - one value each, all named by the caller
        self,
        outbox: Outbox,
        driver: Publisher,
        sweeps: Sweeps,
        *,
        refused: Refused | None = None,
        jitter: random.Random | None = None,
        sweep_interval_s: float = SWEEP_INTERVAL_S,
        sweep_age_ms: int = SWEEP_AGE_MS,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._outbox = outbox
        self._driver = driver
        self._refused = refused
        self._sweeps = sweeps
        # Of those in memory, what was left behind by some process, and may be known as refused.
        self._swept: set[int] = set()
        self._jitter = jitter or random.Random()  # noqa: S311 - spreads load, guards nothing
        self._sweep_interval_s = sweep_interval_s
        self._sweep_age_ms = sweep_age_ms
        self._held: set[int] = set()
        # Of those, what waits before it is tried again.
        self._aside: set[int] = set()
        self._metrics = RelayMetrics(outbox.table, lambda: len(self._held), meter_provider)
        self._lanes: dict[str, asyncio.Queue[OutboxEntry]] = {}
        # Set by a stop: nothing waits for more to come any more.
        self._hurry = asyncio.Event()
        self._settling = Settling(outbox.settle, self._settled, self._jitter, self._hurry)
        self._loops: list[Background] = []
        self._running = False

    async def commit(
        self, mutations: Sequence[RowMutation], entry: OutboxEntry, tallies: Tallies = ()
    ) -> None:
        """`Outbox.commit`, then publish soon. Returns when durable, not when published."""
        await self.commit_all(mutations, [replace(entry, mutations=mutations)], tallies)

    async def commit_all(
        self,
        mutations: Sequence[RowMutation],
        entries: Sequence[OutboxEntry],
        tallies: Tallies = (),
    ) -> None:
        """`Outbox.commit_all`, then publish soon."""
        mine = [entry for entry in entries if self._hold(entry.id)]
        try:
            await self._outbox.commit_all(mutations, entries, tallies)
        except BaseException:
            # Perhaps committed: then the sweeper rolls it forward.
            self._let_go([entry.id for entry in mine])
            raise
        for entry in mine:
            self._enqueue(entry)

    async def start(self) -> None:
        """Begin to publish and sweep."""
        self._running = True
        self._hurry.clear()
        self._loops.append(self._settling.loop)
        self._settling.loop.start()
        for topic, lane in self._lanes.items():
            self._open(topic, lane)
        sweeper = Background("outbox-sweeper", self._sweep)
        self._loops.append(sweeper)
        sweeper.start(after_s=self._sweep_pause_s())

    def holds(self) -> bool:
        """Whether it goes on publishing and sweeping, if it has begun."""
        return all(loop.holds() for loop in self._loops)

    async def stop(self, drain_timeout_s: float = DRAIN_TIMEOUT_S) -> None:
        """Publish what is in memory, for at most `drain_timeout_s`, then end.

        Call it when nothing commits any more. What could not be published stays in the table.
        """
        self._hurry.set()
        if self._running:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(drain_timeout_s):
                    await asyncio.gather(*(lane.join() for lane in self._lanes.values()))
                    await self._settling.join()
        self._running = False
        await asyncio.gather(*(loop.stop() for loop in self._loops))
        self._loops.clear()
        self._lanes.clear()
        self._let_go(list(self._held))
        with contextlib.suppress(UnavailableError):
            await self._sweeps.leave()

    async def sweep(self) -> int:
        """Take over entries that some process left behind, in our turn; returns how many."""
        taken = 0
        for entry in await self._left_behind():
            if not self._hold(entry.id):
                continue
            try:
                await self._outbox.roll_forward(entry)
            except UnavailableError as error:
                # The store is gone; but should it fail for this one alone, others are next.
                self._set_aside(entry, error)
                raise
            except Exception as error:  # noqa: BLE001 - it must not hold up the others
                self._set_aside(entry, error)
                continue
            except BaseException:
                self._let_go([entry.id])
                raise
            self._swept.add(entry.id)
            self._enqueue(entry)
            taken += 1
        return taken

    async def _left_behind(self) -> Sequence[OutboxEntry]:
        room = min(BATCH_MAX_MESSAGES, HELD_MAX_ENTRIES - len(self._held))
        held = frozenset(self._held)  # before the read, whose page may show what is settled since
        return await self._sweeps.left_behind(self._sweep_age_ms, room, held)

    def _hold(self, entry_id: int) -> bool:
        if entry_id in self._held or len(self._held) >= HELD_MAX_ENTRIES:
            return False
        self._held.add(entry_id)
        return True

    def _let_go(self, ids: Sequence[int]) -> None:
        # What `stop` has let go of may still come to its end.
        gone = self._held.intersection(ids)
        self._held -= gone
        self._swept -= gone

    def _enqueue(self, entry: OutboxEntry) -> None:
        lane = self._lanes.get(entry.topic)
        if lane is None:
            lane = self._lanes[entry.topic] = asyncio.Queue()
            if self._running:
                self._open(entry.topic, lane)
        lane.put_nowait(replace(entry, mutations=()) if entry.mutations else entry)

    def _open(self, topic: str, lane: asyncio.Queue[OutboxEntry]) -> None:
        pace = Pace(PUBLISH_EVERY_S, sleep=lambda wait_s: happens_within(wait_s, self._hurry))

        async def publish() -> None:
            await self._publish_some(topic, lane, pace, publishing.beat)

        publishing = Background(f"outbox-lane-{topic}", publish)
        self._loops.append(publishing)
        publishing.start()

    async def _publish_some(
        self, topic: str, lane: asyncio.Queue[OutboxEntry], pace: Pace, beat: Callable[[], None]
    ) -> None:
        try:
            async with asyncio.timeout(IDLE_S):
                batch = [await lane.get()]
        except TimeoutError:
            return
        published: set[int] = set()
        try:
            await pace.wait()
            batch += [lane.get_nowait() for _ in range(min(lane.qsize(), BATCH_MAX_MESSAGES - 1))]
            published = {entry.id for entry in await self._publish(topic, batch, beat)}
            self._settling.add(sorted(published))
        finally:
            # Whatever happened: what is held here no sweeper takes up.
            kept = published | self._aside
            self._let_go([entry.id for entry in batch if entry.id not in kept])
            for _ in batch:
                lane.task_done()

    async def _publish(
        self, topic: str, batch: Sequence[OutboxEntry], beat: Callable[[], None]
    ) -> Sequence[OutboxEntry]:
        """Publish what the bus takes, and give that; what it refuses is set aside."""
        messages = [Message(entry.data, entry.attributes) for entry in batch]
        try:
            await until_done(
                partial(self._driver.publish, topic, messages),
                beat,
                self._jitter,
                unless_refused=True,
            )
        except Exception as error:  # noqa: BLE001 - whatever it is, it must not hold up the others
            if len(batch) == 1:
                return batch if await self._give_up(batch[0], error) else []
        else:
            return batch
        taken = [await self._publish(topic, [each], beat) for each in batch]
        return [entry for entries in taken for entry in entries]

    async def _give_up(self, entry: OutboxEntry, error: Exception) -> bool:
        """Show operators an entry that is refused; true where they have dropped it."""
        if self._refused is not None:
            self._swept.add(entry.id)
            try:
                reason = f"{type(error).__name__}: {error}"
                if await self._refused.record(self._outbox.table, entry, reason):
                    return True
            except UnavailableError:
                # The next try shows it.
                _log.warning(EVENT_OUTBOX_ATTEMPT_FAILED, exc_info=True)
        self._set_aside(entry, error)
        return False

    async def _settled(self, ids: Sequence[int]) -> None:
        try:
            await self._forget_refused(ids)
        finally:
            self._let_go(ids)

    async def _forget_refused(self, ids: Sequence[int]) -> None:
        done = self._swept.intersection(ids)
        self._swept -= done
        if self._refused is not None and done:
            try:
                await self._refused.forget(self._outbox.table, sorted(done))
            except UnavailableError:
                # It stays on the operators' list until they redrive or drop it.
                _log.warning(EVENT_OUTBOX_ATTEMPT_FAILED, exc_info=True)

    def _set_aside(self, entry: OutboxEntry, error: Exception) -> None:
        """Leave an entry alone for a while; then the sweeper finds it again."""
        self._metrics.set_aside()
        _log.error(
            EVENT_OUTBOX_SET_ASIDE,
            **self._metrics.labels,
            entry=entry.id,
            topic=entry.topic,
            exc_info=error,
        )
        self._aside.add(entry.id)
        asyncio.get_running_loop().call_later(SET_ASIDE_S, self._take_back, entry.id)

    def _take_back(self, entry_id: int) -> None:
        self._aside.discard(entry_id)
        self._let_go([entry_id])

    async def _sweep(self) -> float:
        await self.sweep()
        return self._sweep_pause_s()

    def _sweep_pause_s(self) -> float:
        return self._sweep_interval_s * self._jitter.uniform(0.5, 1.5)
