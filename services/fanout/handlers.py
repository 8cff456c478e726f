"""Bus messages in, use cases called, jobs out."""

from collections.abc import Sequence

from services.bus import topology
from services.bus.events import (
    FanoutJob,
    decode_fanout_job,
    decode_follow_changed,
    decode_tweet_changed,
    encode_fanout_job,
)
from services.bus.port import BusDriver, Message
from services.bus.tracing import with_trace_context
from services.fanout.service import FanoutService

__all__ = ["BusJobs", "FanoutHandlers"]


class BusJobs:
    """The queue of pages: one topic for each priority."""

    def __init__(self, driver: BusDriver) -> None:
        self._driver = driver

    async def enqueue(self, tweet_id: int, close: Sequence[int], rest: Sequence[int]) -> None:
        """Queue a job for each audience that is not empty."""
        for topic, audience in ((topology.FANOUT_CLOSE, close), (topology.FANOUT_REST, rest)):
            if audience:
                body = encode_fanout_job(FanoutJob(tweet_id, tuple(audience)))
                await self._driver.publish(topic, [Message(body, with_trace_context({}))])


class FanoutHandlers:
    """One method for each subscription."""

    def __init__(self, fanout: FanoutService) -> None:
        self._fanout = fanout

    async def tweet_changed(self, body: bytes) -> None:
        """Plan the fan-out of a new tweet, or hide a deleted one."""
        event = decode_tweet_changed(body)
        if event.deleted:
            await self._fanout.forget(event.user_id, event.tweet_id)
        else:
            await self._fanout.plan(event.user_id, event.tweet_id)

    async def follow_changed(self, body: bytes) -> None:
        """Bring one timeline in line with the graph."""
        event = decode_follow_changed(body)
        await self._fanout.follow_changed(
            event.follower_id, event.followee_id, following=event.following
        )

    async def push_page(self, body: bytes) -> None:
        """Push one page of followers."""
        job = decode_fanout_job(body)
        await self._fanout.push(job.tweet_id, job.follower_ids)
