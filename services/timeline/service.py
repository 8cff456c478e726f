"""Reading timelines: skeleton → hydration → rules → page."""

import asyncio
import secrets
from collections.abc import Sequence

import structlog

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.observability.names import EVENT_CACHE_UNAVAILABLE
from services.platform.runtime.clock import Clock
from services.timeline.backfill import Backfill
from services.timeline.encoded import EncodedTweet
from services.timeline.model import (
    HotHome,
    Ids,
    Page,
    ViewerRelations,
    is_visible,
    merge_newest,
)
from services.timeline.ports import (
    AuthorLists,
    Celebrities,
    HomeTimelines,
    HotTimelines,
    Relations,
    Tweets,
)

__all__ = ["TimelineService"]

HOT_CAPACITY = 800  # ids loaded into a hot list
OVER_READ = 8  # ids read beyond the page, so that a few hidden tweets cost no second round
TOKEN_BYTES = 8  # random: no two warmers ever share one
TOUCH_MS = 86_400_000  # a viewer's last visit is noted once a day
_NOTHING = Ids((), ended=True)
_log = structlog.get_logger()


class TimelineService:
    """Home and user timelines."""

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        *,
        hot: HotTimelines,
        homes: HomeTimelines,
        authors: AuthorLists,
        tweets: Tweets,
        relations: Relations,
        celebrities: Celebrities,
        backfill: Backfill,
        clock: Clock,
    ) -> None:
        self._hot = hot
        self._homes = homes
        self._authors = authors
        self._tweets = tweets
        self._relations = relations
        self._celebrities = celebrities
        self._backfill = backfill
        self._clock = clock

    async def home(self, viewer: int, before: int | None, limit: int) -> Page:
        """Read a full page of tweets of the viewer and everybody they follow, newest first."""
        _positive(viewer)
        found: list[EncodedTweet] = []
        relations: ViewerRelations | None = None
        while True:
            wanted = limit - len(found) + OVER_READ
            hot = await self._hot_home(viewer, before, wanted)
            # One page is cut by one set of relations: a follow in between would leave a gap.
            relations = relations or hot.relations
            run = await self._skeleton(viewer, relations, hot.run, before, wanted)
            bodies = await self._tweets.get_many(run.ids)
            hydrated = [bodies[tweet_id] for tweet_id in run.ids if tweet_id in bodies]
            shown = relations.shown
            found += [tweet for tweet in hydrated if is_visible(tweet, viewer, shown)]
            if len(found) > limit or (run.ended and len(found) == limit):
                more = len(found) > limit
                return Page(found[:limit], found[limit - 1].tweet_id if more else None)
            if run.ended:
                return Page(found, None)
            before = run.ids[-1]

    async def user(self, author: int, before: int | None, limit: int) -> Page:
        """Read a full page of one author's tweets, newest first."""
        _positive(author)
        found: list[EncodedTweet] = []
        while True:
            (run,) = await self._author_runs([author], before, limit - len(found) + 1)
            bodies = await self._tweets.get_many(run.ids)
            hydrated = [bodies[tweet_id] for tweet_id in run.ids if tweet_id in bodies]
            # A hot list may hold what a made-up message put there.
            found += [one for one in hydrated if not one.deleted and one.author_id == author]
            if len(found) > limit:
                return Page(found[:limit], found[limit - 1].tweet_id)
            if run.ended:
                return Page(found, None)
            before = run.ids[-1]

    async def rebuild_home(self, viewer: int) -> None:
        """Store the viewer's timeline anew from the authors; the next read is cold, and right.

        Raises `UnavailableError`; repeating it is safe. No row is deleted: one that should not be
        there is hidden at read, and readers meanwhile find no less than before.
        """
        _positive(viewer)
        await self._backfill.build(viewer)
        # Rows first: whoever warms the list after it was dropped reads them complete.
        await self._hot.forget_home(viewer)

    async def _hot_home(self, viewer: int, before: int | None, count: int) -> HotHome:
        try:
            return await self._hot.home(viewer, before, count)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="home", viewer=viewer)
            return HotHome(await self._relations.fetch(viewer), run=None)

    async def _skeleton(
        self,
        viewer: int,
        relations: ViewerRelations,
        base: Ids | None,
        before: int | None,
        count: int,
    ) -> Ids:
        """Ids only: what was pushed, merged with what celebrities posted."""
        pulled = await self._celebrities.among(relations.shown)
        if base is None:
            base = await self._warm(viewer, before, count)
        elif len(base.ids) < count and not base.ended:
            last = base.ids[-1] if base.ids else before
            rest = await self._cold(viewer, relations, last, count - len(base.ids))
            base = Ids([*base.ids, *rest.ids], rest.ended)
        if not pulled:
            return base
        return merge_newest([base, *await self._author_runs(pulled, before, count)], count)

    async def _warm(self, viewer: int, before: int | None, count: int) -> Ids:
        """Read the persistent timeline, and fill the hot list from it on the way.

        All that is read for the list is read after it began to collect pushes: so what changes
        from then on either reaches the list or drops it.
        """
        token = secrets.token_bytes(TOKEN_BYTES)
        try:
            warming = await self._hot.begin_warm_home(viewer, token)
        except UnavailableError:
            warming = False
        await self._ensure_built(viewer)
        relations = await self._relations.fetch(viewer)
        if not warming:
            return await self._cold(viewer, relations, before, count)
        run = await self._cold(viewer, relations, None, HOT_CAPACITY)
        try:
            await self._hot.finish_warm_home(viewer, token, run)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="home", viewer=viewer)
        if before is None and len(run.ids) > count:
            return Ids(run.ids[:count], ended=False)
        if before is None and run.ended:
            return run
        return await self._cold(viewer, relations, before, count)

    async def _ensure_built(self, viewer: int) -> None:
        state = await self._homes.state(viewer)
        now_ms = self._clock.now_ms()
        if not self._backfill.is_current(state, now_ms):
            await self._backfill.build(viewer)
        elif state is not None and now_ms - state.seen_ms > TOUCH_MS:
            await self._homes.touch(viewer, now_ms)

    async def _cold(
        self, viewer: int, relations: ViewerRelations, before: int | None, count: int
    ) -> Ids:
        """Read the persistent timeline, and the viewer's own tweets from their list.

        The fan-out may be behind, and one's own tweets show at once. They are part of what is read
        here, not of one answer alone: so a list that is warmed from it has them too.
        """
        stored, (own,) = await asyncio.gather(
            self._stored(viewer, relations, before, count), self._lists([viewer], before, count)
        )
        return merge_newest([stored, own], count)

    async def _stored(
        self, viewer: int, relations: ViewerRelations, before: int | None, count: int
    ) -> Ids:
        """Read the persistent timeline, and below its floor merge from every author."""
        state = await self._homes.state(viewer)
        floor = self._backfill.floor(state, self._clock.now_ms())
        ids: list[int] = []
        if before is None or before > floor:
            ids = await self._homes.read(viewer, before, floor, count)
        if len(ids) >= count:
            return Ids(ids, ended=False)
        if floor == 0:
            return Ids(ids, ended=True)
        below = floor if before is None else min(before, floor)
        authors = [*relations.following, viewer]
        rest = await self._backfill.merge_authors(authors, below, count - len(ids))
        return Ids([*ids, *rest.ids], rest.ended)

    async def _author_runs(
        self, authors: Sequence[int], before: int | None, count: int
    ) -> list[Ids]:
        """Ids of each author: from the hot lists, else from the tweet service."""
        try:
            runs = await self._hot.authors(authors, before, count)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="author", authors=len(authors))
            return await self._lists(authors, before, count)
        cold = [author for author, run in zip(authors, runs, strict=True) if run is None]
        await asyncio.gather(*map(self._warm_author, cold))
        short = [
            author
            for author, run in zip(authors, runs, strict=True)
            if run is None or (len(run.ids) < count and not run.ended)
        ]
        listed = dict(zip(short, await self._lists(short, before, count), strict=True))
        return [listed.get(a) or run or _NOTHING for a, run in zip(authors, runs, strict=True)]

    async def _warm_author(self, author: int) -> None:
        token = secrets.token_bytes(TOKEN_BYTES)
        try:
            if await self._hot.begin_warm_author(author, token):
                (run,) = await self._lists([author], None, HOT_CAPACITY)
                await self._hot.finish_warm_author(author, token, run)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="author", author=author)

    async def _lists(self, authors: Sequence[int], before: int | None, count: int) -> list[Ids]:
        if not authors:
            return []
        lists = await self._authors.list_by_authors(authors, before, count)
        return [_run(lists[author], count) for author in authors]


def _run(ids: Sequence[int], count: int) -> Ids:
    return Ids(ids, ended=len(ids) < count)


def _positive(user_id: int) -> None:
    if user_id <= 0:
        raise InvalidArgumentError("user_id", f"must be positive, got {user_id}")
