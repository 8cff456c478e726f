"""How edges change: the changes of a user one after the other, durable or known to be in doubt."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

import structlog

from services.errors import UnavailableError
from services.graph.model import Change, Draft, Edge, Known, Relation
from services.graph.ports import GraphStore, IdSource
from services.telemetry import EVENT_GRAPH_COUNT_OFF

__all__ = ["COUNTERS_AT_ONCE", "Changes", "Plan"]

COUNTERS_AT_ONCE = 32
"""Follower counters written at the same time for one change: a thousand of them take some thirty
round trips, and leave the engine room for others."""

Plan = Callable[[], Awaitable[Draft | None]]
"""Reads how things stand and decides on a change; None when there is nothing to do."""

_log = structlog.get_logger()


class Changes:
    """Makes changes of edges. For one event loop.

    A follow or a mute needs the lock of its owner alone, so that a celebrity's new followers do not
    wait for each other; a block, which decides about follows both ways, needs those of both users.
    """

    def __init__(self, store: GraphStore, ids: IdSource) -> None:
        self._store = store
        self._ids = ids
        # A lock lives as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        # Edges whose last change failed: it may yet take effect, so what the store says of them
        # cannot be relied on. Few, as an engine that is down fails the read before the change.
        self._in_doubt: set[Edge] = set()
        self._making: set[asyncio.Task[None]] = set()

    async def make(self, user_ids: Collection[int], plan: Plan) -> None:
        """Run `plan` under the locks of these users, and make what it decided on durable.

        Raises what the plan raises, `UnavailableError` when the outcome is open.
        """
        # A caller that gives up must not let go of the locks while its write is under way.
        making = asyncio.create_task(self._serialised(user_ids, plan))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        await asyncio.shield(making)

    async def look(self, edges: Collection[Edge]) -> Known:
        """Read how edges stand; for plans."""
        standing = await self._store.standing(edges)
        return Known(standing, frozenset(self._in_doubt.intersection(edges)))

    async def _serialised(self, user_ids: Collection[int], plan: Plan) -> None:
        async with self._locked(user_ids):
            draft = await plan()
            if draft is None:
                return
            # The id is taken under the lock, so that changes get their times in the order made.
            change = Change(await self._ids.next_id(), draft.made, draft.removed)
            touched = {*change.made, *change.removed}
            self._in_doubt |= touched
            await self._store.commit(change, draft.event)
            self._in_doubt -= touched
        await self._count(change)

    @asynccontextmanager
    async def _locked(self, user_ids: Collection[int]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # Always in the same order: two changes never wait for each other.
            for user_id in sorted(set(user_ids)):
                lock = self._locks.setdefault(user_id, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def _count(self, change: Change) -> None:
        deltas: Counter[int] = Counter()
        deltas.update(edge.other_id for edge in change.made if edge.relation is Relation.FOLLOW)
        deltas.subtract(
            edge.other_id for edge in change.removed if edge.relation is Relation.FOLLOW
        )
        room = asyncio.Semaphore(COUNTERS_AT_ONCE)

        async def add(user_id: int, delta: int) -> None:
            async with room:
                await self._add(user_id, delta)

        await asyncio.gather(*(add(user_id, delta) for user_id, delta in deltas.items()))

    async def _add(self, user_id: int, delta: int) -> None:
        try:
            await self._store.add_to_follower_count(user_id, delta)
        except UnavailableError as error:
            # The change itself is made; the next complete stream puts the count right.
            _log.warning(EVENT_GRAPH_COUNT_OFF, user_id=user_id, by=delta, error=str(error))
