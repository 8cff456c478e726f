"""Keeping counts of follows right: with each change, and by whoever has read a list anyway."""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Final

import structlog

from services.graph.model import Change, FollowCounts, Relation
from services.graph.ports import GraphStore
from services.graph.slices import slices, taking
from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_GRAPH_COUNT_OFF
from services.platform.runtime.lasting import Lasting

__all__ = ["COUNTERS_AT_ONCE", "FollowingCounts", "correct_count", "count_changes"]

COUNTERS_AT_ONCE: Final = 32
"""Counters written at the same time for one change: a thousand of them take some thirty round
trips, and leave the engine room for others."""
LISTS_AT_ONCE: Final = 16
"""Lists read to be counted at the same time."""
MAX_LOOKS: Final = 4
"""Reads of a list that changes from one to the next; who follows so fast is counted later."""
WAIT_S: Final = 0.2
"""For lists that were never counted, in seconds: nearly all are read in milliseconds."""

_log = structlog.get_logger()


async def correct_count(store: GraphStore, user_id: int, seen: int | None, exact: int) -> None:
    """Set a count that was `seen` before the followers were read; raises nothing."""
    try:
        await store.correct_follower_count(user_id, seen, exact)
    except UnavailableError as error:
        _log.warning(EVENT_GRAPH_COUNT_OFF, user_id=user_id, error=str(error))


async def count_changes(store: GraphStore, changes: Sequence[Change]) -> None:
    """Count the follows of committed changes, where commits do not; raises nothing.

    What fails leaves a count off, until somebody reads the list.
    """
    followers: Counter[int] = Counter()
    following: Counter[int] = Counter()
    for change in changes:
        for edges, by in ((change.made, 1), (change.removed, -1)):
            for edge in edges:
                if edge.relation is Relation.FOLLOW:
                    followers[edge.other_id] += by
                    following[edge.owner_id] += by
    room = asyncio.Semaphore(COUNTERS_AT_ONCE)

    async def add(to: Callable[[int, int], Awaitable[None]], user_id: int, delta: int) -> None:
        try:
            async with room:
                await to(user_id, delta)
        except UnavailableError as error:
            _log.warning(EVENT_GRAPH_COUNT_OFF, user_id=user_id, by=delta, error=str(error))

    sides = ((store.add_to_follower_count, followers), (store.add_to_following_count, following))
    await asyncio.gather(*(add(to, *each) for to, by in sides for each in by.items() if each[1]))


class FollowingCounts:
    """How many each user follows: counted from the list where the counter is off, or never was."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store
        self._counted = Lasting(self._count, at_once=LISTS_AT_ONCE)

    async def of(self, counts: Mapping[int, FollowCounts]) -> dict[int, int]:
        """How many each of these users follows, by their counters or, failing that, their lists.

        Without those whose lists take longer than `WAIT_S`: these are counted by a later call.
        """
        found = {
            user_id: each.following
            for user_id, each in counts.items()
            if each.listed and each.following is not None
        }
        return found | await self._counted.within(counts.keys() - found.keys(), WAIT_S)

    def listed(self, user_id: int, exact: int, seen: FollowCounts) -> None:
        """Have a list counted anew, later, that had `exact` users while its counter was `seen`.

        Of the two either may have been read first, so that they differ is no more than a suspicion.
        """
        if not seen.listed or exact != seen.following:
            self._counted.begin(user_id)

    async def _count(self, user_id: int) -> int | None:
        exact = None
        try:
            for _ in range(MAX_LOOKS):
                # Read before the list, so that a count changed meanwhile is noticed.
                seen = (await self._store.follow_counts([user_id]))[user_id]
                lists = slices(taking(self._store.following, user_id))
                exact = sum([len(ids) async for ids in lists])
                if seen.listed and seen.following == exact:
                    break
                if await self._store.correct_following_count(user_id, seen.following, exact):
                    break
        except UnavailableError as error:
            _log.warning(EVENT_GRAPH_COUNT_OFF, user_id=user_id, error=str(error))
        return exact
