"""Filling persistent timelines from the authors: first reads, long absences, new follows.

Why nothing is lost: a tweet is in its author's list before it is announced. A viewer is marked
active, or a follow is stored, before that list is read here. So a fanout worker that did not yet
see the viewer or the follow ran early enough for this reading to find the tweet; and one that did
see it has pushed the tweet itself.
"""

from collections.abc import Sequence

from services.platform.ids.snowflake_time import first_id_at
from services.platform.runtime.clock import Clock
from services.timeline.model import Ids, ViewerState, merge_newest
from services.timeline.ports import AuthorLists, HomeTimelines, Relations

__all__ = ["Backfill"]

BUILD_IDS = 800  # newest ids a build stores; older ones are merged at read
PER_AUTHOR = 100  # ids asked of each author in a build
FOLLOW_IDS = 800  # newest ids of one author that a follow stores
AUTHORS_PER_CALL = 1_000  # the tweet service's bound
DAY_MS = 86_400_000
ACTIVE_DAYS = 30  # pushes are stored for viewers who read within this time
# A reader builds anew a day before workers stop pushing, so that the two never disagree.
REBUILD_AFTER_MS = (ACTIVE_DAYS - 1) * DAY_MS


class Backfill:
    """Builds and extends persistent home timelines."""

    def __init__(
        self, homes: HomeTimelines, authors: AuthorLists, relations: Relations, clock: Clock
    ) -> None:
        self._homes = homes
        self._authors = authors
        self._relations = relations
        self._clock = clock

    def is_current(self, state: ViewerState | None, now_ms: int) -> bool:
        """Whether every push since the last build has been stored."""
        return state is not None and state.built and now_ms - state.seen_ms < REBUILD_AFTER_MS

    def floor(self, state: ViewerState | None, now_ms: int) -> int:
        """Oldest id from which the persistent timeline is complete.

        Retention drops cells after `ACTIVE_DAYS`, so ids older than that (less a day) don't count.
        """
        retained = first_id_at(now_ms - REBUILD_AFTER_MS)
        if state is None:
            return retained
        return max(state.floor, retained)

    async def build(self, viewer: int) -> None:
        """Store the newest tweets of everybody followed, for a first read or a long absence."""
        await self._homes.begin_build(viewer, self._clock.now_ms())
        # The muted too, so that unmuting shows their tweets again.
        authors = [*(await self._relations.fetch(viewer)).following, viewer]
        ids, floor = await self._newest(authors, PER_AUTHOR)
        await self._homes.add(viewer, ids)
        await self._homes.finish_build(viewer, floor)

    async def follow(self, viewer: int, authors: Sequence[int]) -> bool:
        """Store the authors' tweets after follows; false where the viewer has no timeline yet."""
        state = await self._homes.state(viewer)
        # A build in progress may have missed the follow, so only the inactive are left out.
        if state is None or self._clock.now_ms() - state.seen_ms >= REBUILD_AFTER_MS:
            return False
        ids, floor = await self._newest(authors, FOLLOW_IDS if len(authors) == 1 else PER_AUTHOR)
        await self._homes.add(viewer, ids)
        if floor:
            await self._homes.raise_floor(viewer, floor)
        return True

    async def merge_authors(self, authors: Sequence[int], before: int, count: int) -> Ids:
        """Newest ids of all authors below `before`: exact, and slow; for deep pages only."""
        lists = await self._lists(authors, before, count)
        return merge_newest([Ids(ids, ended=len(ids) < count) for ids in lists], count)

    async def _newest(self, authors: Sequence[int], per_author: int) -> tuple[Sequence[int], int]:
        """(newest ids of all authors, oldest id from which they are complete)."""
        lists = await self._lists(authors, None, per_author)
        merged = merge_newest([Ids(ids, ended=len(ids) < per_author) for ids in lists], BUILD_IDS)
        floor = max((ids[-1] for ids in lists if len(ids) >= per_author), default=0)
        if len(merged.ids) >= BUILD_IDS:
            floor = max(floor, merged.ids[-1])
        return merged.ids, floor

    async def _lists(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> list[list[int]]:
        lists: list[list[int]] = []
        for start in range(0, len(authors), AUTHORS_PER_CALL):
            chunk = authors[start : start + AUTHORS_PER_CALL]
            lists += (await self._authors.list_by_authors(chunk, before, limit)).values()
        return lists
