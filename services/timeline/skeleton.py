"""Skeleton: which ids a timeline has, newest first. The first of the four steps of a read.

A home timeline has the ids that were pushed (a hot list in memory, and below it the persistent
timeline) and those of celebrities, which are merged in here. A user's timeline has an author's own.
"""

import asyncio
import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, field
from operator import neg
from typing import Protocol

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.timeline.author_runs import author_runs, listed_runs
from services.timeline.backfill import Backfill
from services.timeline.flights import Flights
from services.timeline.model import (
    HotHome,
    IdRun,
    Skeleton,
    View,
    ViewerRelations,
    merge_newest,
)
from services.timeline.ports import (
    AuthorLists,
    Celebrities,
    HomeTimelines,
    HotTimelines,
    Owners,
    Relations,
)

__all__ = ["AuthorSkeletons", "HomeSkeletons", "IdSources", "Skeletons", "above"]

WARM_IDS = 200
"""Newest ids that fill a hot list at least: four pages of fifty, further than nearly all readers
scroll. What lies below is read from the persistent timeline, and pushes lengthen the list."""
SPARE_IDS = 7  # read beyond what is asked for, so that a few hidden tweets cost no second round
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class IdSources:
    """Where ids come from: memory, the persistent timelines, the authors; and whose there are."""

    owners: Owners
    hot: HotTimelines
    homes: HomeTimelines
    authors: AuthorLists
    relations: Relations
    celebrities: Celebrities
    backfill: Backfill
    builds: Flights = field(default_factory=Flights)
    """Of hot lists, by viewer."""


class Skeletons(Protocol):
    """The skeletons of one read, which may take several rounds to fill its page."""

    @property
    def mark(self) -> bytes:
        """What `HotHome` has of that name, in the first round; empty for none."""
        ...

    async def below(self, before: int | None, count: int) -> Skeleton:
        """Read at least `count` ids below `before` (None: the newest), or all that there are."""
        ...


class HomeSkeletons:
    """Skeletons of one read of a home timeline; what holds for all of its page is kept here.

    That is one set of relations, as a follow between two rounds would leave a gap, and one floor of
    the persistent timeline, which is looked up when a round needs it.
    """

    def __init__(self, sources: IdSources, viewer: int) -> None:
        self._sources = sources
        self._viewer = viewer
        self._relations: ViewerRelations | None = None
        self._floor: int | None = None
        self.mark = b""

    async def below(self, before: int | None, count: int) -> Skeleton:
        """Merge what was pushed with what celebrities posted."""
        count += SPARE_IDS
        sources = self._sources
        hot = await self._hot(before, count)
        if hot is not None:
            self.mark = self.mark or hot.mark
        await self._check_owner(hot)
        missed = hot is not None and hot.run is None and self._floor is None and not hot.token
        if missed and await sources.builds.waited(self._viewer):
            hot = await self._hot(before, count)
        if hot is None:
            relations = await self._without_cache()
            run = await self._cold(relations, before, count)
        elif hot.run is None and self._floor is None:
            with sources.builds.flying(self._viewer):
                relations, run = await self._missed(hot, before, count)
        else:
            relations = self._relations or hot.relations or await self._fetch(hot)
            self._relations = relations
            run = await self._pushed(relations, hot.run, before, count)
        if celebrities := await sources.celebrities.among(relations.shown):
            since_s = math.inf if hot is None else hot.asked_s
            posted = await author_runs(
                sources.hot, sources.authors, celebrities, before, count, since_s=since_s
            )
            run = merge_newest([run, *posted], count)
        return Skeleton(run, relations.view(self._viewer))

    async def _check_owner(self, hot: HotHome | None) -> None:
        """Make sure, once a read, that the viewer exists: but not where the cache says all.

        It was filled for somebody who existed, and the relations of who does no more are forgotten.
        """
        is_first = self._relations is None and self._floor is None
        if is_first and (hot is None or hot.run is None or hot.relations is None):
            await self._sources.owners.check(self._viewer)

    async def _hot(self, before: int | None, count: int) -> HotHome | None:
        """Look into the cache; None while it is gone.

        A read that knows its floor from an earlier round warms no list; see `_missed`.
        """
        warm = self._floor is None
        try:
            return await self._sources.hot.home(self._viewer, before, count, warm=warm)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="home", viewer=self._viewer)
            return None

    async def _fetch(self, hot: HotHome) -> ViewerRelations:
        """Ask for the relations that the cache has not, and have it keep them."""
        relations = await self._sources.relations.fetch(self._viewer)
        await self._sources.hot.keep_relations(self._viewer, hot.nonce, relations)
        return relations

    async def _without_cache(self) -> ViewerRelations:
        """Find out the floor and the relations, each once a read, whatever it takes of rounds.

        A build, if there must be one, fetches relations by itself, and they are the newest.
        """
        if self._floor is None:
            state = await self._sources.homes.state(self._viewer)
            floor = await self._sources.backfill.current_floor(self._viewer, state)
            self._floor = floor.oldest
            self._relations = self._relations or floor.built_by
        if self._relations is None:
            self._relations = await self._sources.relations.fetch(self._viewer)
        return self._relations

    async def _pushed(
        self, relations: ViewerRelations, hot: IdRun | None, before: int | None, count: int
    ) -> IdRun:
        """Continue the hot list, where it ends early, with the persistent timeline."""
        if hot is None:
            return await self._cold(relations, before, count)
        missing = count - len(hot.ids)
        if missing <= 0 or hot.ended:
            return hot
        rest = await self._cold(relations, hot.ids[-1] if hot.ids else before, missing)
        return IdRun([*hot.ids, *rest.ids], rest.ended)

    async def _missed(
        self, hot: HotHome, before: int | None, count: int
    ) -> tuple[ViewerRelations, IdRun]:
        """Read the persistent timeline, and fill the hot list from it on the way.

        All that is read for the list is read after it began to collect pushes: so what changes
        from then on either reaches the list or drops it. A read that knows its floor from an
        earlier round therefore fills no list. Relations that are fetched for the read are, for the
        same reason, good for its list too.
        """
        known, fetched = self._relations or hot.relations, None
        wanted = (None, max(count, WARM_IDS)) if hot.token else (before, count)
        current = self._current(*wanted)
        if known is None:
            (run, built_by), fetched = await asyncio.gather(current, self._fetch(hot))
            known = fetched
        else:
            run, built_by = await current
        self._relations = known
        if not hot.token:
            return known, await self._filled(run, known, before, count)
        if before is None and len(run.ids) < count and not run.ended:
            now_following = built_by or fetched or await self._sources.relations.fetch(self._viewer)
            run = await self._filled(run, now_following, None, count)
        await self._finish_warm(hot.token, run)
        if before is not None:
            return known, await self._cold(known, before, count)
        return known, IdRun(run.ids[:count], run.ended and len(run.ids) <= count)

    async def _finish_warm(self, token: bytes, window: IdRun) -> None:
        try:
            await self._sources.hot.finish_warm_home(self._viewer, token, window)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="home", viewer=self._viewer)

    async def _current(
        self, before: int | None, count: int
    ) -> tuple[IdRun, ViewerRelations | None]:
        """Read the timeline above its floor, built first if some pushes were not stored.

        Gives also whom the viewer followed when it was built just now.
        """
        sources, viewer = self._sources, self._viewer
        own = listed_runs(sources.authors, [viewer], before, count)
        (state, ids), (own_run,) = await asyncio.gather(
            sources.homes.read_with_state(viewer, before, count), own
        )
        floor = await sources.backfill.current_floor(viewer, state)
        self._floor = floor.oldest
        if floor.built_by is not None:
            ids = await sources.homes.read(viewer, before, floor.oldest, count)
        return _above(floor.oldest, ids, own_run, count), floor.built_by

    async def _cold(self, relations: ViewerRelations, before: int | None, count: int) -> IdRun:
        """Read the persistent timeline, and the viewer's own tweets from their list.

        The fan-out may be behind, and one's own tweets show at once. They are part of what is read
        here, not of one answer alone: so a list that is warmed from it has them too.
        """
        stored, (own,) = await asyncio.gather(
            self._stored(before, count),
            listed_runs(self._sources.authors, [self._viewer], before, count),
        )
        floor, ids = stored
        return await self._filled(_above(floor, ids, own, count), relations, before, count)

    async def _stored(self, before: int | None, count: int) -> tuple[int, Sequence[int]]:
        """Read (the floor, what is stored above it)."""
        sources, viewer = self._sources, self._viewer
        if self._floor is not None:
            return self._floor, await sources.homes.read(viewer, before, self._floor, count)
        state, ids = await sources.homes.read_with_state(viewer, before, count)
        self._floor = sources.backfill.floor(state)
        return self._floor, ids

    async def _filled(
        self, run: IdRun, relations: ViewerRelations, before: int | None, count: int
    ) -> IdRun:
        """Go on below the floor, where the run ends early, with a merge from every author."""
        floor, missing = self._floor or 0, count - len(run.ids)
        if missing <= 0 or run.ended:
            return run
        below = floor if before is None else min(before, floor)
        authors = [*relations.following, self._viewer]
        rest = await self._sources.backfill.merge_authors(authors, below, missing)
        return IdRun([*run.ids, *rest.ids], rest.ended)


def _above(floor: int, stored: Sequence[int], own: IdRun, count: int) -> IdRun:
    """Merge what is stored with the viewer's own; below the floor neither is complete."""
    runs = [
        IdRun([one for one in ids if one >= floor], ended=len(ids) < count)
        for ids in (stored, own.ids)
    ]
    merged = merge_newest(runs, count)
    return IdRun(merged.ids, ended=merged.ended and floor == 0)


class AuthorSkeletons:
    """Skeletons of one read of a user's timeline, which shows nobody else."""

    def __init__(self, sources: IdSources, view: View) -> None:
        """`view` says whose timeline it is, and who reads."""
        self._sources = sources
        self._author = view.owner
        self._view = view
        self.mark = b""

    async def below(self, before: int | None, count: int) -> Skeleton:
        """Read the author's own ids."""
        sources = self._sources
        (run,) = await author_runs(sources.hot, sources.authors, [self._author], before, count)
        return Skeleton(run, self._view)


def above(skeleton: Skeleton, since: int) -> Skeleton:
    """Cut a skeleton behind the ids above `since` (0: nowhere): it ends there."""
    ids = skeleton.run.ids
    if not since or not ids or ids[-1] > since:
        return skeleton
    # Newest first, so that what is kept is a beginning.
    kept = ids[: bisect_left(ids, -since, key=neg)]
    return Skeleton(IdRun(kept, ended=True), skeleton.view)
