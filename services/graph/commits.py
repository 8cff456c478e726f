"""Changes of the graph as they are committed: with their events, counts, and bounds."""

from collections.abc import Callable, Sequence
from contextvars import copy_context

from services.graph.edge_rows import in_table_order, mutations
from services.graph.errors import NoRoomError
from services.graph.follow_bounds import bounds_of, follows_in
from services.graph.model import Change, Commit
from services.graph.places import Places, giving_way
from services.graph.spec import GRAPH_EVENTS
from services.platform.bus.tracing import with_trace_context
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.port import Bound, OverfullError, RowStore, Tally
from services.platform.runtime.clock import Clock

__all__ = ["RowCommits"]


class RowCommits:
    """Commits changes to rows, through an outbox over the same rows."""

    def __init__(
        self,
        rows: RowStore,
        outbox: Commits,
        clock: Clock,
        tallies: Callable[[Sequence[Change]], Sequence[Tally]],
    ) -> None:
        """`tallies` says what a commit of some changes counts."""
        self._rows = rows
        self._outbox = outbox
        self._places = Places(rows, clock)
        self._tallies = tallies

    async def commit(self, change: Change, event: bytes) -> None:
        """`GraphStore.commit`."""
        if not self._rows.atomic_batches and change.most_followed is not None:
            if await self.commit_all([Commit(change, event, copy_context())]):
                raise NoRoomError
            return
        entry = OutboxEntry(change.op_id, GRAPH_EVENTS, event)
        try:
            await self._outbox.commit(mutations(change), entry, self._counted([change]))
        except OverfullError as error:
            raise NoRoomError from error

    async def commit_all(self, commits: Sequence[Commit]) -> frozenset[int]:
        """`GraphStore.commit_all`."""
        if not self._rows.atomic_batches:
            refused = await self._places.keep([each.change for each in commits])
            if left := [each for each in commits if each.change.op_id not in refused]:
                await self._commit(left)
            return refused
        try:
            await self._commit(commits)
        except OverfullError as error:
            full = error.rows
        else:
            return frozenset()
        if len(commits) == 1:
            return frozenset([commits[0].change.op_id])
        # Nothing was made. Who of those has room is settled one after the other.
        spoiling, others = list[Commit](), list[Commit]()
        for each in commits:
            (spoiling if follows_in(each.change) & full else others).append(each)
        refused = await self.commit_all(others) if others else frozenset[int]()
        for each in spoiling:
            refused |= await self.commit_all([each])
        return refused

    async def _commit(self, commits: Sequence[Commit]) -> None:
        entries = [
            OutboxEntry(
                each.change.op_id,
                GRAPH_EVENTS,
                each.event,
                each.context.run(with_trace_context, {}),
                mutations(each.change),
            )
            for each in commits
        ]
        changes = [each.change for each in commits]
        writes = [write for entry in entries for write in entry.mutations]
        if not self._rows.atomic_batches:
            # Not of the entries: who finishes what was cut off leaves places to their age.
            writes += giving_way(changes)
        await self._outbox.commit_all(in_table_order(writes), entries, self._counted(changes))

    def _counted(self, changes: Sequence[Change]) -> list[Tally | Bound]:
        if not self._rows.atomic_batches:
            return []
        return [*self._tallies(changes), *bounds_of(changes)]
