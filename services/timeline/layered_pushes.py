"""Fanout's writes to the layered timeline store: the source first, then what is hot."""

from collections.abc import Sequence

from opentelemetry import trace

from services.platform.observability.names import SCOPE, SPAN_TIMELINE_PUSH
from services.platform.runtime.clock import Clock
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.relations_cache import RelationsCache
from services.timeline.spec import RETENTION_S
from services.timeline.store import RowHomeTimelines
from services.timeline.tweet_cache import TweetCache

__all__ = ["LayeredPushes"]

_tracer = trace.get_tracer(SCOPE)


class LayeredPushes:
    """What fanout writes. Persistent first: a list warmed in between then reads the push there."""

    def __init__(
        self,
        homes: RowHomeTimelines,
        hot: ValkeyHotTimelines,
        tweets: TweetCache,
        relations: RelationsCache,
        clock: Clock,
    ) -> None:
        self._homes = homes
        self._hot = hot
        self._tweets = tweets
        self._relations = relations
        self._clock = clock

    async def push_homes(self, viewers: Sequence[int], tweet_id: int) -> None:
        """Add to persistent timelines of the active, then to the hot lists that exist."""
        with _tracer.start_as_current_span(SPAN_TIMELINE_PUSH):
            since_ms = self._clock.now_ms() - RETENTION_S * 1_000
            active = await self._homes.active(viewers, since_ms)
            if active:
                await self._homes.push(active, tweet_id)
                await self._hot.push_homes(active, tweet_id)

    async def push_author(self, author: int, tweet_id: int) -> None:
        """Add to the author's own list, if it is hot."""
        await self._hot.push_author(author, tweet_id)

    async def forget_tweet(self, author: int, tweet_id: int) -> None:
        """Put a tombstone where the body was cached, and drop the id from the author's list."""
        await self._tweets.tombstone(tweet_id)
        await self._hot.remove_from_author(author, tweet_id)

    async def relations_changed(self, viewer: int) -> None:
        """Forget whom the viewer is thought to follow."""
        await self._relations.invalidate(viewer)

    async def drop_home(self, viewer: int) -> None:
        """Drop the hot list; the next read fills it anew."""
        await self._hot.drop_home(viewer)

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Show authors their own tweet at once, in the hot lists they have."""
        await self._hot.push_author(user_id, tweet_id)
        await self._hot.push_homes([user_id], tweet_id)

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet at once."""
        await self.forget_tweet(user_id, tweet_id)
