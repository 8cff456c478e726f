"""The tweet service."""

from aviary.tweet.v1 import tweet_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.opening import open_drawing
from services.platform.erasure import Settling
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.timeline.writes import open_pushes, open_timeline_rows
from services.tweet.backfill import RepliesBackfill
from services.tweet.clients import GraphClient, MediaClient, UserClient
from services.tweet.consumers import TweetConsumers
from services.tweet.conversation import Conversations
from services.tweet.deletion import Deletion
from services.tweet.erasure import LATE_TWEETS_MS, TweetErasure
from services.tweet.events import TweetEvents
from services.tweet.messages import OwnTweets
from services.tweet.own_timeline import JoinedOwnTimeline
from services.tweet.reply_rows import RowReplies
from services.tweet.retweet_store import RowRetweetStore
from services.tweet.retweets import Retweets
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer
from services.tweet.spec import ERASURE, OUTBOX, SPEC, TWEET_EVENTS
from services.tweet.store import RowTweetStore
from services.tweet.streaming import TweetStreaming
from services.user.spec import GONE

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep tweets in rows, with an outbox; show authors their own in the timeline store."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    outbox = await deps.outbox(rows, OUTBOX, TWEET_EVENTS)
    store = RowTweetStore(rows, outbox)
    own_timeline = JoinedOwnTimeline(open_pushes(deps, await open_timeline_rows(deps)))
    users, events = await deps.client("user", UserClient), TweetEvents()
    authors = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_node, GONE, authors))
    ids = await deps.ids()
    retweets = Retweets(
        store=RowRetweetStore(rows, outbox),
        tweets=store,
        ids=ids,
        own_timeline=own_timeline,
        events=events,
        clock=deps.clock,
    )
    service = TweetService(
        store=store,
        users=authors,
        media=await deps.client("media", MediaClient),
        ids=ids,
        own_timeline=own_timeline,
        events=events,
        clock=deps.clock,
    )
    deletion = Deletion(store, own_timeline, events, deps.clock)
    erasure = TweetErasure(store, deletion, Settling(LATE_TWEETS_MS, deps.clock))
    consumers = TweetConsumers(erasure, users)
    await deps.consume(ERASURE, consumers.user_deleted)
    replies = RowReplies(rows)
    servicer = TweetServicer(
        service,
        TweetStreaming(store),
        retweets,
        Conversations(store, replies, authors, await deps.client("graph", GraphClient)),
        RepliesBackfill(store, replies),
        deps.cursors(),
        await open_drawing(deps, referenced=OwnTweets(service)),
    )
    return [Servicer(service_of(tweet_service_pb2.DESCRIPTOR), servicer)]
