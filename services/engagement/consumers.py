"""Bus messages in, use cases called."""

from collections.abc import Callable, Sequence

from services.engagement.erasure import EngagementErasure
from services.engagement.model import Edge
from services.engagement.ports import Users, ViewerStates
from services.engagement.tweet_changes import TweetChanges
from services.platform.erasure import require_gone
from services.tweet.events import decode_tweet_changed
from services.user.events import decode_user_deleted

__all__ = ["EngagementConsumers"]


class EngagementConsumers:
    """One method for each subscription."""

    def __init__(
        self,
        decode: Callable[[bytes], Edge],
        tweets: TweetChanges,
        erasure: EngagementErasure,
        users: Users,
        viewers: ViewerStates,
    ) -> None:
        self._decode = decode
        self._tweets = tweets
        self._erasure = erasure
        self._users = users
        self._viewers = viewers

    async def engaged(self, bodies: Sequence[bytes]) -> None:
        """Count what came and went; an edge says by itself how it stands now."""
        edges = dict.fromkeys(map(self._decode, bodies))
        # Once more, for a process that died between its commit and this.
        await self._viewers.forget({edge.actor_id for edge in edges})
        await self._tweets.engaged(list(edges))

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Count answers and quotes, and remove what was done with deleted tweets."""
        # A retweet follows from an edge that is here already.
        changes = [each for each in map(decode_tweet_changed, bodies) if not each.retweet_of]
        created = [each for each in changes if not each.deleted]
        if referring := [each.tweet_id for each in created if each.refers_to.tweets]:
            await self._tweets.created(referring)
        if deleted := [each.tweet_id for each in changes if each.deleted]:
            await self._tweets.deleted(deleted)

    async def user_deleted(self, body: bytes) -> None:
        """Take back all that a deleted user did."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.erase(event.user_id, event.deleted_at_ms)
