"""How edges change: those that wait together, durable or known to be in doubt.

Changes of one edge are made one after the other within this process, and all that wait for others
in one step: one read, one commit, one word to the readers of timelines. Another process's are seen
once they are stored; what is decided at the same moment there is ordered by the rows
(`services.graph.order`), so that an answer without an error means that the change took effect, or
that a later one did.
"""

import asyncio
from collections.abc import Collection, Coroutine, Mapping, Sequence
from contextvars import Context, copy_context
from typing import Any, Final

import structlog
from opentelemetry import metrics

from services.graph.counting import count_changes
from services.graph.errors import NoRoomError
from services.graph.model import Change, Commit, Edge, EdgeStates, PlannedChange, Relation
from services.graph.order import dated, may_be_barred
from services.graph.ports import GraphEvents, GraphStore, IdSource, StaleViews
from services.graph.queueing import ChangeQueue, Plan, WantedChange, context_of
from services.platform.errors import FailedPreconditionError, UnavailableError
from services.platform.observability.log_events import EVENT_GRAPH_OUT_OF_ORDER
from services.platform.observability.names import METRIC_GRAPH_OUT_OF_ORDER, SCOPE
from services.platform.runtime.joined import answered

__all__ = ["Changes", "Plan"]

MAX_LOOKS = 8
"""Looks at edges whose dates change from one to the next; each means a change elsewhere."""

LINGER_S: Final = 0.25
"""Longest that a group waits for the one before, in seconds, should the engine not answer that one:
it holds up those of its own edges alone."""

WAIT_S: Final = 20.0
"""For a change and those before it, where no deadline is nearer. The store bounds each of its calls
by three seconds."""

_log = structlog.get_logger()


class Changes:
    """Makes changes of edges. For one event loop."""

    def __init__(
        self,
        store: GraphStore,
        ids: IdSource,
        views: StaleViews,
        events: GraphEvents,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._store = store
        self._ids = ids
        self._views = views
        self._events = events
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._out_of_order = meter.create_counter(METRIC_GRAPH_OUT_OF_ORDER, unit="{change}")
        # The series is there before the first: an alert looks at how it rises.
        self._out_of_order.add(0)
        self._queue = ChangeQueue()
        self._going: asyncio.Task[None] | None = None
        # Edges whose last change failed, and its time: it may yet take effect, so what the store
        # says of them cannot be relied on. Few, as an engine that is down fails the read before.
        self._in_doubt: dict[Edge, int] = {}
        self._making: set[asyncio.Task[None]] = set()

    async def make(
        self,
        edges: Collection[Edge],
        plan: Plan,
        *,
        deciding: Collection[Edge] = (),
        asking: Collection[int] = (),
    ) -> None:
        """Read `edges` while no other change here has them, run `plan`, and make its decision last.

        The plan may change `edges`, and look at `deciding` ones besides, and at who of `asking` is
        protected; of `deciding` it may change what is in doubt. On return reads of timelines see
        how these edges stand.

        Raises what the plan raises, `UnavailableError` when the outcome is open,
        `NoRoomError` where its `most_followed` does not allow it, and nothing was made,
        `FailedPreconditionError` (`EDGE_OUT_OF_ORDER`) for a change that could not take effect.
        """
        made: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        # The edges stay held while a write is under way, though the request may give up meanwhile.
        self._queue.add(
            WantedChange(tuple(edges), tuple(deciding), plan, copy_context(), made, tuple(asking))
        )
        self._go_on()
        await answered(made, WAIT_S, "The change was not made in time.")

    async def forget_views(self, viewers: Collection[int]) -> None:
        """Have the next reads of up to 1000 viewers' timelines look at the graph."""
        await self._views.forget(viewers)

    def _go_on(self) -> None:
        self._begin_large()
        if self._going is None and not self._queue.is_empty:
            # It begins at the next turn of the loop, so that this turn's changes go together.
            self._going = asyncio.create_task(self._in_groups(), context=Context())

    async def _in_groups(self) -> None:
        try:
            while group := self._queue.take(large=False):
                await asyncio.wait([self._begin(group)], timeout=LINGER_S)
        finally:
            self._going = None

    def _begin_large(self) -> None:
        for wanted in self._queue.take(large=True):
            self._begin([wanted])

    def _begin(self, group: Sequence[WantedChange]) -> asyncio.Task[None]:
        return self._in_task(self._make(group), context_of(group))

    def _in_task(
        self, made: Coroutine[Any, Any, None], context: Context | None = None
    ) -> asyncio.Task[None]:
        task = asyncio.create_task(made, context=context)
        # Nobody else may hold it, and the event loop alone does not.
        self._making.add(task)
        task.add_done_callback(self._making.discard)
        return task

    async def _make(self, group: Sequence[WantedChange]) -> None:
        """Make the changes of a group; raises nothing. What shows them is not waited for."""
        try:
            decided = await self._committed(group)
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for wanted in group:
                wanted.fail(error)
            return
        finally:
            self._queue.release(group)
            # Some may have waited for these.
            self._go_on()
        if decided:
            self._in_task(self._show(decided))

    async def _committed(self, group: Sequence[WantedChange]) -> dict[WantedChange, Commit | None]:
        """Decide on all, and commit; those that were refused are told so, and left out."""
        states = await self._look(group)
        decided: dict[WantedChange, Commit | None] = {}
        for wanted in group:
            try:
                decided[wanted] = await self._decide(wanted, states[wanted])
            except Exception as error:  # noqa: BLE001 - it belongs to the one who asked for it
                wanted.fail(error)
        # Nor is made what was given up meanwhile, though others have longer: an erasure relies on a
        # follow being made soon after its users were found.
        decided = {wanted: commit for wanted, commit in decided.items() if not wanted.made.done()}
        commits = [commit for commit in decided.values() if commit is not None]
        if not commits:
            return decided
        times_ms = {
            edge: each.change.timestamp_ms(edge) for each in commits for edge in each.change.edges
        }
        before = {edge: self._in_doubt[edge] for edge in times_ms if edge in self._in_doubt}
        self._in_doubt |= times_ms
        refused: Collection[int] = ()
        try:
            # Alone it is of its own request, whose deadline and trace it has.
            if len(group) == 1:
                await self._store.commit(commits[0].change, commits[0].event)
            else:
                refused = await self._store.commit_all(commits)
        except NoRoomError:
            refused = [commits[0].change.op_id]
        except Exception as error:  # noqa: BLE001 - as above
            for wanted in [wanted for wanted, commit in decided.items() if commit is not None]:
                wanted.fail(error)
                del decided[wanted]
            return decided
        for edge in times_ms:
            del self._in_doubt[edge]
        return self._without(refused, decided, before) if refused else decided

    def _without(
        self,
        refused: Collection[int],
        decided: dict[WantedChange, Commit | None],
        before: Mapping[Edge, int],
    ) -> dict[WantedChange, Commit | None]:
        """Tell those who are refused, by op id; of their edges is known what was `before`."""
        left: dict[WantedChange, Commit | None] = {}
        for wanted, commit in decided.items():
            if commit is None or commit.change.op_id not in refused:
                left[wanted] = commit
                continue
            wanted.fail(NoRoomError())
            self._in_doubt |= {edge: before[edge] for edge in commit.change.edges if edge in before}
        return left

    async def _look(self, group: Sequence[WantedChange]) -> dict[WantedChange, EdgeStates]:
        # Only of what was read whole can be said how it stands.
        whole = {
            wanted: [*wanted.edges, *(edge for edge in wanted.deciding if edge in self._in_doubt)]
            for wanted in group
        }
        asking = {one for wanted in group for one in wanted.asking}
        stored, protected = await asyncio.gather(
            self._store.states(
                [edge for edges in whole.values() for edge in edges],
                [edge for wanted in group for edge in wanted.deciding],
            ),
            self._store.protected(asking),
        )
        return {
            wanted: EdgeStates(
                frozenset(edge for edge in wanted.touched if stored[edge].standing),
                frozenset(edge for edge in edges if stored[edge].torn or edge in self._in_doubt),
                {edge: max(stored[edge].written_ms, self._in_doubt.get(edge, 0)) for edge in edges},
                protected.intersection(wanted.asking),
            )
            for wanted, edges in whole.items()
        }

    async def _decide(self, wanted: WantedChange, states: EdgeStates) -> Commit | None:
        planned = wanted.plan(states)
        if planned is None:
            return None
        op_id = await self._ids.next_id()
        if wanted.deciding and may_be_barred(op_id, states):
            states = await self._look_behind_bars(wanted, states)
            planned = wanted.plan(states)
            if planned is None:
                return None
        return Commit(self._dated(op_id, planned, states), self._event(planned), wanted.context)

    def _event(self, planned: PlannedChange) -> bytes:
        """Give the event of a change, which says besides what became of requests by it."""
        made, ended = _requests(planned.made), _requests(planned.removed)
        if not (made or ended):
            return planned.event
        return self._events.with_requests(planned.event, made, ended)

    async def _look_behind_bars(self, wanted: WantedChange, states: EdgeStates) -> EdgeStates:
        """Look at what decides once more, after the dates that were read.

        Rows are read side by side: the first look may have found a block's bar, and the place of
        the block before it was there. Rare, so that it costs a follow nothing.
        """
        for _ in range(MAX_LOOKS):
            before, states = states, (await self._look([wanted]))[wanted]
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

    async def _show(self, decided: dict[WantedChange, Commit | None]) -> None:
        """Have reads of timelines see it, count, and tell those who wait; raises nothing."""
        # Also where there was nothing to do: it may be the repeat of a change that was made, and
        # whose process ended before it came here.
        viewers = {one for wanted in decided for edge in wanted.edges for one in edge.viewers}
        changes = [commit.change for commit in decided.values() if commit is not None]
        try:
            if self._store.counts_follows:
                await self._views.forget(viewers)
            else:
                await asyncio.gather(
                    self._views.forget(viewers), count_changes(self._store, changes)
                )
        except Exception as error:  # noqa: BLE001 - it belongs to those who wait
            for wanted in decided:
                wanted.fail(error)
        else:
            for wanted in decided:
                wanted.succeed()


def _requests(edges: Collection[Edge]) -> list[Edge]:
    return [edge for edge in edges if edge.relation is Relation.REQUEST]
