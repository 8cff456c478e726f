"""Bus messages in, use cases called: a batch of messages is one call."""

from collections.abc import Sequence

from services.fanout.audiences import Audiences
from services.fanout.jobs import decode_fanout_job, decode_plan_continuation
from services.fanout.planning import Planning
from services.fanout.service import FanoutService
from services.graph.events import FollowChanged, FollowsAdded, RelationsChanged, decode_graph_event
from services.tweet.events import decode_tweet_changed

__all__ = ["FanoutConsumers"]

MAX_FOLLOWEES = 1_000
"""Authors whose tweets are fetched for one viewer at once; those of further follows come after."""


class FanoutConsumers:
    """One method for each subscription."""

    def __init__(self, planning: Planning, fanout: FanoutService, audiences: Audiences) -> None:
        self._planning = planning
        self._audiences = audiences
        self._fanout = fanout

    async def plan(self, bodies: Sequence[bytes]) -> None:
        """Plan the fan-out of new tweets; lists name those that were hidden meanwhile as well."""
        events = [decode_tweet_changed(body) for body in bodies]
        made = {
            each.tweet_id: each.user_id
            for each in events
            if not (each.deleted or each.again) and each.audience is None
        }
        if made:
            await self._planning.plan(made)
        for_few = {
            each.tweet_id: (each.user_id, each.audience)
            for each in events
            if each.audience is not None
        }
        if for_few:
            await self._audiences.push(for_few)

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Show authors their new tweets, and hide deleted ones from everybody."""
        events = [decode_tweet_changed(body) for body in bodies]
        gone = {each.tweet_id: each.user_id for each in events if each.deleted}
        made = {each.tweet_id: each.user_id for each in events if not each.deleted}
        await self._fanout.show_authors(made)
        # After it was shown, in case one was made and deleted within the batch.
        if gone:
            await self._fanout.forget(gone)

    async def plan_on(self, body: bytes) -> None:
        """Plan a tweet of an author with many followers, or go on with that."""
        continuation = decode_plan_continuation(body)
        await self._planning.plan_from(
            continuation.user_id, continuation.tweet_id, continuation.after_follower_id
        )

    async def relations_changed(self, bodies: Sequence[bytes]) -> None:
        """Bring timelines in line with the graph. The order of events decides nothing.

        What a follow adds is shown only while the follow stands, so that one that has ended
        meanwhile adds nothing that is seen.
        """
        follows: dict[int, dict[int, None]] = {}
        changed: dict[int, None] = {}
        for body in bodies:
            match decode_graph_event(body):
                case FollowChanged(viewer, author, following=True):
                    follows.setdefault(viewer, {})[author] = None
                case FollowChanged(viewer):
                    changed[viewer] = None
                case FollowsAdded(viewer, authors):
                    follows.setdefault(viewer, {}).update(dict.fromkeys(authors))
                case RelationsChanged(viewers):
                    changed |= dict.fromkeys(viewers)
        while follows:
            await self._fanout.followed(
                {viewer: list(authors)[:MAX_FOLLOWEES] for viewer, authors in follows.items()}
            )
            left = {viewer: list(authors)[MAX_FOLLOWEES:] for viewer, authors in follows.items()}
            follows = {viewer: dict.fromkeys(each) for viewer, each in left.items() if each}
        if changed:
            await self._fanout.relations_changed(list(changed))

    async def push_pages(self, bodies: Sequence[bytes]) -> None:
        """Push pages of followers."""
        jobs = [decode_fanout_job(body) for body in bodies]
        await self._fanout.push([(job.tweet_id, job.follower_ids) for job in jobs])
