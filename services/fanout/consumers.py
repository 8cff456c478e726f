"""Bus messages in, use cases called."""

from services.fanout.jobs import decode_fanout_job, decode_plan_continuation
from services.fanout.lag import FanoutLag
from services.fanout.service import FanoutService
from services.graph.events import FollowChanged, FollowsAdded, RelationsChanged, decode_graph_event
from services.tweet.events import decode_tweet_changed

__all__ = ["FanoutConsumers"]


class FanoutConsumers:
    """One method for each subscription."""

    def __init__(self, fanout: FanoutService, lag: FanoutLag) -> None:
        self._fanout = fanout
        self._lag = lag

    async def plan(self, body: bytes) -> None:
        """Plan the fan-out of a new tweet."""
        event = decode_tweet_changed(body)
        if not event.deleted:
            pushed = await self._fanout.plan(event.user_id, event.tweet_id)
            self._lag.planned(event.tweet_id, pushed=pushed)

    async def tweet_changed(self, body: bytes) -> None:
        """Show authors their new tweet, or hide a deleted one from everybody."""
        event = decode_tweet_changed(body)
        if event.deleted:
            await self._fanout.forget(event.user_id, event.tweet_id)
        else:
            await self._fanout.show_author(event.user_id, event.tweet_id)

    async def plan_on(self, body: bytes) -> None:
        """Go on with the plan of a tweet."""
        continuation = decode_plan_continuation(body)
        await self._fanout.plan_from(
            continuation.user_id, continuation.tweet_id, continuation.after_follower_id
        )

    async def relations_changed(self, body: bytes) -> None:
        """Bring timelines in line with the graph."""
        match decode_graph_event(body):
            case FollowChanged(viewer, author, following=True):
                await self._fanout.followed(viewer, [author])
            case FollowChanged(viewer):
                await self._fanout.relations_changed([viewer])
            case FollowsAdded(viewer, authors):
                await self._fanout.followed(viewer, authors)
            case RelationsChanged(viewers):
                await self._fanout.relations_changed(viewers)

    async def push_page(self, body: bytes) -> None:
        """Push one page of followers."""
        job = decode_fanout_job(body)
        await self._fanout.push(job.tweet_id, job.follower_ids)
        self._lag.pushed(job.tweet_id)
