"""Removing a deleted user from the graph, in deliveries that are short and may be repeated."""

import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

from services.graph.changes import Changes
from services.graph.model import Edge, EdgeStates, PlannedChange, Relation
from services.graph.ports import GraphEvents, GraphStore, MutedWordStore
from services.graph.slices import slices, taking
from services.platform.erasure import WORK_S, Settling
from services.platform.errors import CallAgain
from services.platform.ids.arguments import check_id
from services.platform.ids.known_ids import KNOWN_FOR_MS

__all__ = ["EDGES_PER_CHANGE", "SETTLE_MS", "GraphErasure"]

SETTLE_MS = KNOWN_FOR_MS + 10_000
"""Milliseconds after the deletion in which edges to the user may still come: where nobody hears of
it, the user is still known for a minute, and what a follow that found the user there commits is
begun within its request's deadline of 5 s, and ends within 3 s. Clocks differ by a little."""

EDGES_PER_CHANGE = 999
"""With the user, these name the 1000 users at most of one relations_changed event."""

MAX_PASSES = 1_000
"""Erasures whose place is remembered; one that is forgotten begins anew, and loses but time."""

_MS_PER_S = 1_000


@dataclass(slots=True)
class _Pass:
    """One walk over a user's edges, perhaps over several deliveries."""

    began_late: bool
    """When no edge to the user could come any more."""
    after: int | None = None
    """The last follower seen: the tombstones left behind need not be read again."""


class GraphErasure:
    """Removes the edges and muted words of deleted users. For one event loop.

    `settling` waits `SETTLE_MS`.

    Mutes of the deleted user by others stay, as nothing leads from the muted to the muters; they
    hide nobody.
    """

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        store: GraphStore,
        changes: Changes,
        events: GraphEvents,
        settling: Settling,
        muted_words: MutedWordStore,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._changes = changes
        self._events = events
        self._settling = settling
        self._muted_words = muted_words
        self._monotonic = monotonic
        self._passes: dict[int, _Pass] = {}

    async def erase(self, user_id: int, deleted_at_ms: int) -> None:
        """Remove every edge from and to the user, and the words that they muted. Idempotent.

        Raises `CallAgain` when another delivery is needed: after `WORK_S` of work, to go on;
        and after a walk that began within `SETTLE_MS` of the deletion, as it may have been
        overtaken by a follow that was under way. Raises `InvalidArgumentError` for an id that is
        not positive.
        """
        check_id("user_id", user_id)
        due = self._monotonic() + WORK_S
        await self._muted_words.forget_muted_words(user_id)
        # Also of a user without any edge: a read that finds them takes the user to exist.
        await self._changes.forget_views([user_id])
        walk = self._passes.get(user_id) or self._begin(user_id, deleted_at_ms)
        async for edges in self._edges_at(user_id):
            await self._remove(user_id, edges)
            self._stop_if(due, user_id)
        while True:
            batch = await self._store.followers(user_id, after=walk.after, limit=EDGES_PER_CHANGE)
            if batch.ids:
                edges = [Edge(Relation.FOLLOW, one, user_id) for one in batch.ids]
                await self._remove(user_id, edges)
            if batch.resume_after is None:
                break
            walk.after = batch.resume_after
            self._stop_if(due, user_id)
        self._passes.pop(user_id, None)
        if not walk.began_late:
            left_ms = self._settling.left_ms(user_id, deleted_at_ms)
            raise CallAgain(
                f"user {user_id} was deleted just now: a follow may still be under way",
                after_s=left_ms / _MS_PER_S,
            )

    def _begin(self, user_id: int, deleted_at_ms: int) -> _Pass:
        if len(self._passes) >= MAX_PASSES:
            del self._passes[next(iter(self._passes))]
        walk = self._passes[user_id] = _Pass(
            began_late=self._settling.left_ms(user_id, deleted_at_ms) == 0
        )
        return walk

    async def _edges_at(self, user_id: int) -> AsyncIterator[Sequence[Edge]]:
        """Everything but the followers, in chunks; what they leave behind is read each time."""
        for relation, read in (
            (Relation.FOLLOW, self._store.following),
            (Relation.MUTE, self._store.muting),
            (Relation.BLOCK, self._store.blocking),
            (Relation.REQUEST, self._store.requesting),
        ):
            async for ids in slices(taking(read, user_id), EDGES_PER_CHANGE):
                yield [Edge(relation, user_id, one) for one in ids]
        async for ids in slices(taking(self._store.blocked_by, user_id), EDGES_PER_CHANGE):
            yield [Edge(Relation.BLOCK, one, user_id) for one in ids]
        async for ids in slices(taking(self._store.requesters, user_id), EDGES_PER_CHANGE):
            yield [Edge(Relation.REQUEST, one, user_id) for one in ids]

    async def _remove(self, user_id: int, edges: Sequence[Edge]) -> None:
        seen_by = {user_id} | {one for edge in edges for one in edge.viewers}

        def plan(_states: EdgeStates) -> PlannedChange:
            return PlannedChange((), tuple(edges), self._events.relations_changed(sorted(seen_by)))

        # What slips in between the reading and this is found by the walk after `SETTLE_MS`.
        await self._changes.make(edges, plan)

    def _stop_if(self, due: float, user_id: int) -> None:
        if self._monotonic() >= due:
            raise CallAgain(f"the erasure of user {user_id} goes on", after_s=0.0)
