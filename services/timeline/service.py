"""Reading timelines: skeleton → hydration → rules → page."""

import secrets
from collections.abc import Sequence

import structlog

from services.clock import Clock
from services.errors import InvalidArgumentError, UnavailableError
from services.timeline.backfill import Backfill
from services.timeline.encoded import EncodedTweet
from services.timeline.model import Ids, Page, is_visible, merge_newest
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
TOUCH_MS = 86_400_000  # a viewer's last visit is noted once a day
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
        following = await self._relations.following(viewer)
        found: list[EncodedTweet] = []
        while True:
            run = await self._skeleton(viewer, following, before, limit - len(found) + OVER_READ)
            bodies = await self._tweets.get_many(run.ids)
            hydrated = [bodies[tweet_id] for tweet_id in run.ids if tweet_id in bodies]
            found += [tweet for tweet in hydrated if is_visible(tweet, viewer, following)]
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
            run = await self._author_run(author, before, limit - len(found) + 1)
            bodies = await self._tweets.get_many(run.ids)
            hydrated = [bodies[tweet_id] for tweet_id in run.ids if tweet_id in bodies]
            found += [tweet for tweet in hydrated if not tweet.deleted]
            if len(found) > limit:
                return Page(found[:limit], found[limit - 1].tweet_id)
            if run.ended:
                return Page(found, None)
            before = run.ids[-1]

    async def _skeleton(
        self, viewer: int, following: frozenset[int], before: int | None, count: int
    ) -> Ids:
        """Ids only: what was pushed, merged with what celebrities posted."""
        pulled = await self._celebrities.among(following)
        base = await self._hot_home(viewer, before, count)
        if base is None:
            base = await self._warm(viewer, following, before, count)
            # A tweet of one's own may not have reached the persistent timeline yet.
            pulled = [*pulled, viewer]
        elif len(base.ids) < count and not base.ended:
            last = base.ids[-1] if base.ids else before
            rest = await self._cold(viewer, following, last, count - len(base.ids))
            base = Ids([*base.ids, *rest.ids], rest.ended)
        runs = [await self._author_run(author, before, count) for author in pulled]
        return merge_newest([base, *runs], count)

    async def _hot_home(self, viewer: int, before: int | None, count: int) -> Ids | None:
        try:
            return await self._hot.home(viewer, before, count)
        except UnavailableError:
            _log.warning("hot timeline unavailable", viewer=viewer)
            return None

    async def _warm(
        self, viewer: int, following: frozenset[int], before: int | None, count: int
    ) -> Ids:
        """Read the persistent timeline, and fill the hot list from it on the way."""
        await self._ensure_built(viewer)
        token = secrets.token_bytes(8)
        try:
            warming = await self._hot.begin_warm_home(viewer, token)
        except UnavailableError:
            warming = False
        if warming:
            run = await self._cold(viewer, following, None, HOT_CAPACITY)
            try:
                await self._hot.finish_warm_home(viewer, token, run)
            except UnavailableError:
                _log.warning("hot timeline unavailable", viewer=viewer)
        return await self._cold(viewer, following, before, count)

    async def _ensure_built(self, viewer: int) -> None:
        state = await self._homes.state(viewer)
        now_ms = self._clock.now_ms()
        if not self._backfill.is_current(state, now_ms):
            await self._backfill.build(viewer)
        elif state is not None and now_ms - state.seen_ms > TOUCH_MS:
            await self._homes.touch(viewer, now_ms)

    async def _cold(
        self, viewer: int, following: frozenset[int], before: int | None, count: int
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
        rest = await self._backfill.merge_authors([*following, viewer], below, count - len(ids))
        return Ids([*ids, *rest.ids], rest.ended)

    async def _author_run(self, author: int, before: int | None, count: int) -> Ids:
        """Ids of one author: from the hot list, else from the tweet service."""
        try:
            run = await self._hot.author(author, before, count)
            if run is None:
                await self._warm_author(author)
            elif len(run.ids) >= count or run.ended:
                return run
        except UnavailableError:
            _log.warning("hot timeline unavailable", author=author)
        return _run(await self._list(author, before, count), count)

    async def _warm_author(self, author: int) -> None:
        token = secrets.token_bytes(8)
        if await self._hot.begin_warm_author(author, token):
            run = _run(await self._list(author, None, HOT_CAPACITY), HOT_CAPACITY)
            await self._hot.finish_warm_author(author, token, run)

    async def _list(self, author: int, before: int | None, count: int) -> Sequence[int]:
        return (await self._authors.list_by_authors([author], before, count))[author]


def _run(ids: Sequence[int], count: int) -> Ids:
    return Ids(ids, ended=len(ids) < count)


def _positive(user_id: int) -> None:
    if user_id <= 0:
        raise InvalidArgumentError("user_id", f"must be positive, got {user_id}")
