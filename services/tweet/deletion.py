"""The end of a tweet: asked for by itself, or met by the erasure of its author."""

from collections.abc import Awaitable

import structlog

from services.platform.error_reasons import Reason
from services.platform.errors import AviaryError, PermissionDeniedError
from services.platform.observability.log_events import EVENT_TWEET_OWN_TIMELINE_FAILED
from services.platform.runtime.clock import Clock
from services.tweet.model import Tweet
from services.tweet.ports import OwnTimeline, TweetEvents, TweetStore

__all__ = ["Deletion", "best_effort", "check_author"]

_log = structlog.get_logger()


class Deletion:
    """Deletes tweets for good, and publishes that they are gone."""

    def __init__(
        self, store: TweetStore, own_timeline: OwnTimeline, events: TweetEvents, clock: Clock
    ) -> None:
        self._store = store
        self._own_timeline = own_timeline
        self._events = events
        self._clock = clock

    async def delete(self, tweet: Tweet) -> None:
        """Delete a tweet; on return that is durable and will be announced. Idempotent."""
        media_ids = [each.media_id for each in tweet.media_refs]
        event = self._events.deleted(tweet.tweet_id, tweet.user_id, media_ids)
        await self._store.delete(tweet, self._clock.now_ms(), event)
        hidden = self._own_timeline.deleted(tweet.tweet_id, tweet.user_id)
        await best_effort("deleted", tweet.tweet_id, hidden)


def check_author(tweet: Tweet, user_id: int) -> None:
    """Raise `PermissionDeniedError` (`NOT_THE_AUTHOR`) unless `user_id` (0: anybody) wrote it."""
    if user_id not in (0, tweet.user_id):
        raise PermissionDeniedError(
            f"tweet {tweet.tweet_id} is not yours to delete",
            reason=Reason.NOT_THE_AUTHOR,
            metadata={"tweet_id": str(tweet.tweet_id)},
        )


async def best_effort(change: str, tweet_id: int, done: Awaitable[None]) -> None:
    """Wait for a change of the author's own timeline, and log its failure."""
    try:
        await done
    except AviaryError as error:
        _log.warning(
            EVENT_TWEET_OWN_TIMELINE_FAILED, change=change, tweet_id=tweet_id, error=str(error)
        )
