"""Filling persistent timelines from the authors: first reads, long absences, new follows.

Why nothing is lost: a tweet is in its author's list before it is announced. A viewer is marked
active, or a follow is stored, before that list is read here. So a fanout worker that did not yet
see the viewer or the follow ran early enough for this reading to find the tweet; and one that did
see it has pushed the tweet itself.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from services.platform.ids.snowflake_time import first_id_at
from services.platform.runtime.clock import Clock
from services.timeline.model import (
    ACTIVE_DAYS,
    DAY_MS,
    WINDOW_IDS,
    IdRun,
    ViewerRelations,
    ViewerState,
    merge_newest,
)
from services.timeline.ports import AuthorLists, HomeTimelines, Relations

__all__ = ["Backfill", "Floor"]

PER_AUTHOR = 100  # ids asked of each of many authors, whose newest together make a window
# A reader builds anew a day before workers stop pushing, so that the two never disagree.
REBUILD_AFTER_MS = (ACTIVE_DAYS - 1) * DAY_MS
TOUCH_MS = DAY_MS  # a viewer's last visit is recorded once a day


@dataclass(frozen=True, slots=True)
class Floor:
    """The oldest id from which a persistent timeline is complete."""

    oldest: int
    built_by: ViewerRelations | None = None
    """Whom the viewer followed when it was built just now; None where it was there."""


class Backfill:
    """Builds and extends persistent home timelines, and knows from where they are complete."""

    def __init__(
        self, homes: HomeTimelines, authors: AuthorLists, relations: Relations, clock: Clock
    ) -> None:
        self._homes = homes
        self._authors = authors
        self._relations = relations
        self._clock = clock

    def floor(self, state: ViewerState | None) -> int:
        """Tell the oldest id from which the persistent timeline, as it is, is complete."""
        return self._floor(0 if state is None else state.floor)

    async def current_floor(self, viewer: int, state: ViewerState | None) -> Floor:
        """As `floor`, of a timeline that has every push: built first, if some were not stored.

        Records the visit, for which further pushes are stored. Where nothing is built, what was
        read of the timeline with the state, or after it, is what the floor is of.
        """
        now_ms = self._clock.now_ms()
        if state is None or not state.built or now_ms - state.seen_ms >= REBUILD_AFTER_MS:
            built = await self.build(viewer)
            return replace(built, oldest=self._floor(built.oldest))
        if now_ms - state.seen_ms > TOUCH_MS:
            await self._homes.touch(viewer, now_ms)
        return Floor(self._floor(state.floor))

    async def build(self, viewer: int) -> Floor:
        """Store the newest tweets of everybody followed; returns from where they are complete."""
        await self._homes.begin_build(viewer, self._clock.now_ms())
        # The muted too, so that unmuting shows their tweets again.
        relations = await self._relations.fetch(viewer)
        ids, floor = await self._newest([*relations.following, viewer], PER_AUTHOR)
        await self._homes.add(viewer, ids)
        await self._homes.finish_build(viewer, floor)
        return Floor(floor, relations)

    async def follow(self, viewer: int, authors: Sequence[int]) -> bool:
        """Store the authors' tweets after follows; false where the viewer has no timeline yet."""
        state = await self._homes.state(viewer)
        # A build in progress may have missed the follow, so only the inactive are left out.
        if state is None or self._clock.now_ms() - state.seen_ms >= REBUILD_AFTER_MS:
            return False
        ids, floor = await self._newest(authors, WINDOW_IDS if len(authors) == 1 else PER_AUTHOR)
        await self._homes.add(viewer, ids)
        if floor:
            await self._homes.raise_floor(viewer, floor)
        return True

    async def merge_authors(self, authors: Sequence[int], before: int, count: int) -> IdRun:
        """Newest ids of all authors below `before`: exact, and slow; for deep pages only."""
        lists = await self._authors.list_by_authors(authors, before, count)
        return merge_newest(_runs(lists.values(), count), count)

    def _floor(self, stored: int) -> int:
        """Raise a floor to what retention keeps.

        It drops cells after `ACTIVE_DAYS`, so ids older than that, less a day, do not count.
        """
        return max(stored, first_id_at(self._clock.now_ms() - REBUILD_AFTER_MS))

    async def _newest(self, authors: Sequence[int], per_author: int) -> tuple[Sequence[int], int]:
        """(newest ids of all authors, oldest id from which they are complete)."""
        lists = (await self._authors.list_by_authors(authors, None, per_author)).values()
        merged = merge_newest(_runs(lists, per_author), WINDOW_IDS)
        floor = max((ids[-1] for ids in lists if len(ids) >= per_author), default=0)
        if len(merged.ids) >= WINDOW_IDS:
            floor = max(floor, merged.ids[-1])
        return merged.ids, floor


def _runs(lists: Iterable[Sequence[int]], count: int) -> list[IdRun]:
    return [IdRun(ids, ended=len(ids) < count) for ids in lists]
