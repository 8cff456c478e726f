"""How edges change: the changes of a user one after the other, durable or known to be in doubt.

One after the other within this process. Another's are seen once they are stored; what is decided
at the same moment there is ordered by the rows (`services.graph.order`), so that an answer without
an error means that the change took effect, or that a later one did.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import AsyncExitStack, asynccontextmanager
from weakref import WeakValueDictionary

import structlog
from opentelemetry import metrics

from services.graph.model import Change, Edge, EdgeStates, PlannedChange, Relation
from services.graph.order import dated, may_be_barred
from services.graph.ports import GraphStore, IdSource, StaleViews
from services.platform.errors import FailedPreconditionError, UnavailableError
from services.platform.observability.log_events import (
    EVENT_GRAPH_COUNT_OFF,
    EVENT_GRAPH_OUT_OF_ORDER,
)
from services.platform.observability.names import METRIC_GRAPH_OUT_OF_ORDER, SCOPE

__all__ = ["COUNTERS_AT_ONCE", "Changes", "Plan"]

COUNTERS_AT_ONCE = 32
"""Follower counters written at the same time for one change: a thousand of them take some thirty
round trips, and leave the engine room for others."""

MAX_LOOKS = 8
"""Looks at edges whose dates change from one to the next; each means a change elsewhere."""

Plan = Callable[[EdgeStates], PlannedChange | None]
"""Decides on a change by how things stand; None when there is nothing to do."""

_log = structlog.get_logger()


class Changes:
    """Makes changes of edges. For one event loop.

    A follow or a mute needs the lock of its owner alone, so that a celebrity's new followers do not
    wait for each other; a block, which decides about follows both ways, needs those of both users.
    """

    def __init__(
        self,
        store: GraphStore,
        ids: IdSource,
        views: StaleViews,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._store = store
        self._ids = ids
        self._views = views
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._out_of_order = meter.create_counter(METRIC_GRAPH_OUT_OF_ORDER, unit="{change}")
        # The series is there before the first: an alert looks at how it rises.
        self._out_of_order.add(0)
        # A lock lives as long as somebody holds or awaits it.
        self._locks: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        # Edges whose last change failed, and its time: it may yet take effect, so what the store
        # says of them cannot be relied on. Few, as an engine that is down fails the read before.
        self._in_doubt: dict[Edge, int] = {}
        self._making: set[asyncio.Task[None]] = set()

    async def make(
        self,
        user_ids: Collection[int],
        edges: Collection[Edge],
        plan: Plan,
        *,
        deciding: Collection[Edge] = (),
    ) -> None:
        """Read `edges` under the locks of these users, run `plan`, and make its decision durable.

        The plan may change `edges`, and look at `deciding` ones besides; of those it may change
        what is in doubt. On return reads of timelines see how these edges stand.

        Raises what the plan raises, `UnavailableError` when the outcome is open,
        `FailedPreconditionError` (`EDGE_OUT_OF_ORDER`) for a change that could not take effect.
        """
        # A request that gives up must not let go of the locks while its write is under way.
        making = asyncio.create_task(self._made_to_show(user_ids, edges, plan, deciding))
        self._making.add(making)
        making.add_done_callback(self._making.discard)
        await asyncio.shield(making)

    async def _made_to_show(
        self,
        user_ids: Collection[int],
        edges: Collection[Edge],
        plan: Plan,
        deciding: Collection[Edge],
    ) -> None:
        change = await self._serialised(user_ids, edges, plan, deciding)
        # Also where there was nothing to do: it may be the repeat of a change that was made, and
        # whose process ended before it came here.
        viewers = {viewer for edge in edges for viewer in edge.viewers}
        await asyncio.gather(self._views.forget(viewers), self._count(change))

    async def _serialised(
        self,
        user_ids: Collection[int],
        edges: Collection[Edge],
        plan: Plan,
        deciding: Collection[Edge],
    ) -> Change | None:
        async with self._locked(user_ids):
            states = await self._look(edges, deciding)
            planned = plan(states)
            if planned is None:
                return None
            op_id = await self._ids.next_id()
            if deciding and may_be_barred(op_id, states):
                states = await self._look_behind_bars(states, edges, deciding)
                planned = plan(states)
                if planned is None:
                    return None
            change = self._dated(op_id, planned, states)
            times_ms = {edge: change.timestamp_ms(edge) for edge in change.edges}
            self._in_doubt |= times_ms
            await self._store.commit(change, planned.event)
            for edge, at_ms in times_ms.items():
                # An erasure does not hold all locks, so the doubt may be of another change by now.
                if self._in_doubt.get(edge) == at_ms:
                    del self._in_doubt[edge]
        return change

    async def _look(self, edges: Collection[Edge], deciding: Collection[Edge]) -> EdgeStates:
        # Those of them alone that were in doubt before the read: only of what was read whole can be
        # said how it stands, and an erasure, which does not hold all locks, may begin meanwhile.
        whole = [*edges, *(edge for edge in deciding if edge in self._in_doubt)]
        stored = await self._store.states(whole, deciding)
        return EdgeStates(
            frozenset(edge for edge, state in stored.items() if state.standing),
            frozenset(edge for edge in whole if stored[edge].torn or edge in self._in_doubt),
            {edge: max(stored[edge].written_ms, self._in_doubt.get(edge, 0)) for edge in whole},
        )

    async def _look_behind_bars(
        self, states: EdgeStates, edges: Collection[Edge], deciding: Collection[Edge]
    ) -> EdgeStates:
        """Look at what decides once more, after the dates that were read.

        Rows are read side by side: the first look may have found a block's bar, and the place of
        the block before it was there. Rare, so that it costs a follow nothing.
        """
        for _ in range(MAX_LOOKS):
            before, states = states, await self._look(edges, deciding)
            if states.written_ms == before.written_ms:
                return states
        raise UnavailableError("These users are changing too fast how they stand to each other.")

    def _dated(self, op_id: int, planned: PlannedChange, states: EdgeStates) -> Change:
        try:
            return dated(op_id, planned, states)
        except FailedPreconditionError as error:
            _log.error(EVENT_GRAPH_OUT_OF_ORDER, **error.metadata)
            self._out_of_order.add(1)
            raise

    @asynccontextmanager
    async def _locked(self, user_ids: Collection[int]) -> AsyncIterator[None]:
        async with AsyncExitStack() as stack:
            # Always in the same order: two changes never wait for each other.
            for user_id in sorted(set(user_ids)):
                lock = self._locks.setdefault(user_id, asyncio.Lock())
                await stack.enter_async_context(lock)
            yield

    async def _count(self, change: Change | None) -> None:
        if change is None:
            return
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
