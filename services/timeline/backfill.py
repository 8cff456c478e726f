"""Filling persistent timelines from the authors: first reads, long absences, new follows.

Why nothing is lost: a tweet is in its author's list before it is announced. A viewer is marked
active, or a follow is stored, before that list is read here. So a fanout worker that did not yet
see the viewer or the follow ran early enough for this reading to find the tweet; and one that did
see it has pushed the tweet itself.
"""

import asyncio
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from services.platform.ids.snowflake_time import first_id_at
from services.platform.runtime.clock import Clock
from services.timeline.ages import ACTIVE_DAYS, DAY_MS
from services.timeline.model import (
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
        authors = [*relations.following, viewer]
        lists = await self._authors.list_by_authors(authors, None, PER_AUTHOR)
        ids, floor = _merged(lists.values(), PER_AUTHOR)
        await self._homes.add(viewer, ids)
        await self._homes.finish_build(viewer, floor)
        return Floor(floor, relations)

    async def follow(self, follows: Mapping[int, Sequence[int]]) -> Collection[int]:
        """Store the authors' tweets after follows, of many viewers; gives those with a timeline.

        The others have none yet that could be filled.
        """
        states, now_ms = await self._homes.states(list(follows)), self._clock.now_ms()
        # A build in progress may have missed the follow, so only the inactive are left out.
        active = {
            viewer: follows[viewer]
            for viewer, state in states.items()
            if now_ms - state.seen_ms < REBUILD_AFTER_MS
        }
        deep = {each[0] for each in active.values() if len(each) == 1}
        wide = {author for each in active.values() if len(each) > 1 for author in each}
        deep_lists, wide_lists = await asyncio.gather(
            self._authors.list_by_authors(list(deep), None, WINDOW_IDS),
            self._authors.list_by_authors(list(wide), None, PER_AUTHOR),
        )
        tweets, floors = dict[int, Sequence[int]](), dict[int, int]()
        for viewer, authors in active.items():
            if len(authors) == 1:
                tweets[viewer], floor = _merged([deep_lists[authors[0]]], WINDOW_IDS)
            else:
                tweets[viewer], floor = _merged([wide_lists[one] for one in authors], PER_AUTHOR)
            if floor:
                floors[viewer] = floor
        await self._homes.push(tweets)
        await self._homes.raise_floors(floors)
        return active.keys()

    async def merge_authors(self, authors: Sequence[int], before: int, count: int) -> IdRun:
        """Newest ids of all authors below `before`: exact, and slow; for deep pages only."""
        lists = await self._authors.list_by_authors(authors, before, count)
        return merge_newest(_runs(lists.values(), count), count)

    def _floor(self, stored: int) -> int:
        """Raise a floor to what retention keeps.

        It drops cells after `ACTIVE_DAYS`, so ids older than that, less a day, do not count.
        """
        return max(stored, first_id_at(self._clock.now_ms() - REBUILD_AFTER_MS))


def _merged(lists: Iterable[Sequence[int]], per_author: int) -> tuple[Sequence[int], int]:
    """(newest ids of all authors, oldest id from which they are complete)."""
    lists = list(lists)
    merged = merge_newest(_runs(lists, per_author), WINDOW_IDS)
    floor = max((ids[-1] for ids in lists if len(ids) >= per_author), default=0)
    if len(merged.ids) >= WINDOW_IDS:
        floor = max(floor, merged.ids[-1])
    return merged.ids, floor


def _runs(lists: Iterable[Sequence[int]], count: int) -> list[IdRun]:
    return [IdRun(ids, ended=len(ids) < count) for ids in lists]
