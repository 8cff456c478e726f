"""Bus messages in, use cases called: one call for all messages that have come meanwhile."""

from collections.abc import Sequence

from services.engagement.events import TweetEngaged, decode_engaged
from services.graph.events import (
    FollowChanged,
    FollowsAdded,
    RelationsChanged,
    decode_graph_event,
    decode_requests,
)
from services.notification.erasure import Erasure
from services.notification.model import Kind, TweetDeed
from services.notification.recording import Recording
from services.tweet.events import decode_tweet_changed
from services.user.events import decode_user_deleted

__all__ = ["NotificationConsumers"]


class NotificationConsumers:
    """One method for each subscription."""

    def __init__(self, recording: Recording, erasure: Erasure) -> None:
        self._recording = recording
        self._erasure = erasure

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Tell of new tweets, and forget deleted ones."""
        # Of retweets the edges tell, as of likes.
        changes = [each for each in map(decode_tweet_changed, bodies) if not each.retweet_of]
        created = [each for each in changes if not each.deleted]
        # Most have nobody to tell, and are not read for that.
        if telling := [each for each in created if each.refers_to.users or each.refers_to.tweets]:
            await self._recording.posted(list(dict.fromkeys(each.tweet_id for each in telling)))
        if deleted := {each.tweet_id: each.user_id for each in changes if each.deleted}:
            await self._recording.deleted(deleted)

    async def graph_changed(self, bodies: Sequence[bytes]) -> None:
        """Tell of follows and of requests for them, and take back those that ended."""
        follows: dict[tuple[int, int], None] = {}
        requests = {
            (each.requester_id, each.user_id): None
            for body in bodies
            for each in decode_requests(body)
        }
        seen_differently: dict[tuple[int, ...], None] = {}
        for event in map(decode_graph_event, bodies):
            match event:
                case FollowChanged():
                    follows[event.follower_id, event.followee_id] = None
                case FollowsAdded():
                    follows |= dict.fromkeys((event.follower_id, one) for one in event.followee_ids)
                case RelationsChanged():
                    seen_differently[event.user_ids] = None
        if follows:
            await self._recording.followed(follows)
        if requests:
            await self._recording.requested(requests)
        if seen_differently:
            await self._recording.related(seen_differently)

    async def engaged(self, bodies: Sequence[bytes]) -> None:
        """Tell of likes and retweets, and take back those that were taken back."""
        found = [event for body in bodies if (event := decode_engaged(body)) is not None]
        if found:
            await self._recording.engaged(list(map(_deed, found)))

    async def user_deleted(self, body: bytes) -> None:
        """Forget what a deleted user was told."""
        await self._erasure.erase(decode_user_deleted(body).user_id)


def _deed(event: TweetEngaged) -> TweetDeed:
    kind = Kind.LIKE if event.is_like else Kind.RETWEET
    return TweetDeed(kind, event.user_id, event.tweet_id, event.standing, event.at_ms)
