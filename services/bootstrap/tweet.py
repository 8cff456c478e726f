"""The tweet service."""

from aviary.tweet.v1 import tweet_service_pb2

from services.bootstrap.parts import Parts, Served, service_of
from services.bus.events import TweetEvents
from services.rpc.handlers import Servicer
from services.settling import Settling
from services.storage import timelines as timeline_tables
from services.storage import tweets as tables
from services.tweet.deletion import Deletion
from services.tweet.erasure import LATE_TWEETS_MS, Erasure
from services.tweet.handlers import TweetHandlers
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Keep tweets in rows, with an outbox; show authors their own in the timeline store."""
    rows = await parts.rows("tweet", [*tables.TABLES, tables.OUTBOX])
    store = tables.RowTweetStore(rows, await parts.outbox(rows, tables.OUTBOX))
    own_timeline = parts.pushes(await parts.rows("timeline", timeline_tables.TABLES))
    users, events = await parts.users(), TweetEvents()
    service = TweetService(
        store=store,
        users=users,
        ids=await parts.ids("tweet"),
        own_timeline=own_timeline,
        events=events,
        clock=parts.clock,
    )
    deletion = Deletion(store, own_timeline, events, parts.clock)
    erasure = Erasure(store, deletion, Settling(LATE_TWEETS_MS, parts.clock))
    handlers = TweetHandlers(erasure, users)
    parts.consume(parts.bus(), "tweet.erasure", handlers.user_deleted)
    return [Servicer(service_of(tweet_service_pb2.DESCRIPTOR), TweetServicer(service))]
