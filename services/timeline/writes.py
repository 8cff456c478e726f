"""The timeline's own store, for the siblings that write into it.

Each service owns its data; this is the one exception. The fan-out pushes a page of a thousand
timelines in one call of the store, and an RPC to the timeline service for it would cost more than
the push. The tweet service shows authors their own tweets before it replies, by the same writes;
and the graph service forgets, before it replies, what is cached of the relations that it changed,
as the engagement service does with what readers keep of a user's likes.
"""

from collections.abc import Collection, Mapping, Sequence

from opentelemetry import trace

from services.platform.composition.dependencies import Dependencies
from services.platform.observability import spans
from services.platform.observability.names import SCOPE, SPAN_TIMELINE_PUSH
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import Clock
from services.timeline.active_viewers import ActiveViewers
from services.timeline.ages import ACTIVE_DAYS, DAY_MS
from services.timeline.backfill import Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.clients import GraphClient, TweetClient
from services.timeline.hot_lists import HotLists
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.relations_cache import RelationsCache
from services.timeline.spec import SPEC
from services.timeline.stale_relations import StaleRelations
from services.timeline.store import RowHomeTimelines
from services.timeline.tweet_cache import TweetCache
from services.timeline.viewer_marks import ViewerMarks
from services.timeline.watched_homes import WatchedHomes

__all__ = [
    "TimelineWrites",
    "open_backfill",
    "open_celebrities",
    "open_pushes",
    "open_stale_relations",
    "open_timeline_rows",
    "open_viewer_marks",
]

_tracer = trace.get_tracer(SCOPE)


class TimelineWrites:
    """Both layers of the store, rows and hot lists; every method may be repeated.

    Rows come first: a list that is warmed in between then finds the push there. Every method raises
    `UnavailableError` where a layer does not answer. Last, pushes are announced to who watches.
    """

    def __init__(  # noqa: PLR0913 - one argument for each part of the store
        self,
        homes: RowHomeTimelines,
        lists: HotLists,
        tweets: TweetCache,
        relations: RelationsCache,
        clock: Clock,
        *,
        watched: WatchedHomes,
    ) -> None:
        self._watched = watched
        self._homes = homes
        self._lists = lists
        self._tweets = tweets
        self._relations = relations
        self._clock = clock
        self._active = ActiveViewers()

    async def push_homes(self, viewers: Mapping[int, Sequence[int]]) -> None:
        """Add tweets, each with its viewers, to timelines: rows of the active, then hot lists."""
        with spans.child(_tracer, SPAN_TIMELINE_PUSH):
            active = await self._active_of(frozenset[int]().union(*viewers.values()))
            if not active:
                return
            tweets: dict[int, list[int]] = {}
            # Rising, as the lists take them best.
            for tweet_id in sorted(viewers):
                for viewer in active.intersection(viewers[tweet_id]):
                    tweets.setdefault(viewer, []).append(tweet_id)
            await self._homes.push(tweets)
            await self._lists.push_many(
                {home_list_key(viewer): own for viewer, own in tweets.items()}
            )
        await self._watched.pushed(tweets)

    async def left_to_readers(self, authors: Mapping[int, int]) -> None:
        """Say that tweets, each with its author, are pushed to nobody; never raises."""
        await self._watched.unpushed(authors)

    async def push_authors(self, authors: Mapping[int, int]) -> None:
        """Add tweets, each with its author, to the authors' own lists that are hot."""
        tweets: dict[bytes, list[int]] = {}
        for tweet_id, author in authors.items():
            tweets.setdefault(author_list_key(author), []).append(tweet_id)
        await self._lists.push_many(tweets)

    async def _active_of(self, viewers: frozenset[int]) -> set[int]:
        """Those of the viewers for whom pushes are stored."""
        active = self._active.among(viewers)
        if unknown := viewers - active:
            since_ms = self._clock.now_ms() - ACTIVE_DAYS * DAY_MS
            found = await self._homes.active(list(unknown), since_ms)
            self._active.add(found)
            active.update(found)
        return active

    async def forget_tweet(self, author: int, tweet_id: int) -> None:
        """Put a tombstone where the body was cached, and drop the id from the author's list."""
        await self._tweets.put_tombstone(tweet_id)
        await self._lists.remove(author_list_key(author), tweet_id)

    async def relations_changed(self, viewers: Sequence[int]) -> None:
        """Forget whom the viewers are thought to follow and hide."""
        await self._relations.invalidate(viewers)

    async def drop_homes(self, viewers: Collection[int]) -> None:
        """Drop hot lists and any warming of them; the next reads fill them anew."""
        if viewers:
            await self._lists.drop(*map(home_list_key, viewers))

    async def show_own(self, authors: Mapping[int, int]) -> None:
        """Show authors their own tweets at once, in the hot lists they have."""
        tweets: dict[bytes, list[int]] = {}
        for tweet_id, author in authors.items():
            for key in (author_list_key(author), home_list_key(author)):
                tweets.setdefault(key, []).append(tweet_id)
        await self._lists.push_many(tweets)

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet at once."""
        await self.forget_tweet(user_id, tweet_id)

    async def hide(self, tweet_id: int) -> None:
        """Hide a tweet that stays in lists, as it may be shown again."""
        await self._tweets.put_tombstone(tweet_id)

    async def show(self, tweet_id: int) -> None:
        """Have a tweet read anew that was hidden; processes keep that it is for some seconds."""
        await self._tweets.forget(tweet_id)


async def open_timeline_rows(deps: Dependencies) -> RowStore:
    """Open the timeline's rows."""
    return await deps.rows(SPEC.name, SPEC.tables)


def open_pushes(deps: Dependencies, rows: RowStore) -> TimelineWrites:
    """Open both layers of the store, rows and hot lists, for writing."""
    valkey, metrics = deps.valkey(), deps.cache_metrics
    return TimelineWrites(
        RowHomeTimelines(rows, deps.clock),
        HotLists(valkey),
        TweetCache(valkey, metrics=metrics),
        RelationsCache(valkey, metrics=metrics),
        deps.clock,
        watched=WatchedHomes(valkey),
    )


async def open_stale_relations(deps: Dependencies) -> StaleRelations:
    """Open the cache of relations for who changes them."""
    stale = StaleRelations(RelationsCache(deps.valkey(), metrics=deps.cache_metrics))
    await deps.loops.opened("stale relations", stale)
    return stale


async def open_viewer_marks(deps: Dependencies) -> StaleRelations:
    """Open the marks of what viewers did with tweets, for who changes that."""
    stale = StaleRelations(ViewerMarks(deps.valkey()), name="viewer marks")
    await deps.loops.opened("stale viewer marks", stale)
    return stale


def open_celebrities(rows: RowStore) -> RowCelebrities:
    """Open the list of authors whose tweets are merged at read."""
    return RowCelebrities(rows)


async def open_backfill(deps: Dependencies, rows: RowStore) -> Backfill:
    """Open the filling of timelines after a follow; calls the tweet and graph services."""
    return Backfill(
        RowHomeTimelines(rows, deps.clock),
        await deps.client("tweet", TweetClient),
        await deps.client("graph", GraphClient),
        deps.clock,
    )
