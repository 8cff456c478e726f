"""The tweet service."""

from aviary.tweet.v1 import tweet_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.opening import open_drawing
from services.platform.erasure import Settling
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.timeline.writes import open_pushes, open_timeline_rows
from services.tweet.author_counts import AuthorCounting
from services.tweet.backfill import RepliesBackfill
from services.tweet.blocked_urls import LOOK_EVERY_S, open_scanner
from services.tweet.clients import MediaClient, UserClient
from services.tweet.consumers import TweetConsumers
from services.tweet.conversation import Conversations
from services.tweet.count_store import RowAuthorCounts
from services.tweet.deletion import Deletion
from services.tweet.erasure import LATE_TWEETS_MS, TweetErasure
from services.tweet.events import TweetEvents, decode_tweet_changed
from services.tweet.messages import OwnTweets
from services.tweet.own_timeline import JoinedOwnTimeline
from services.tweet.quarantine import TweetQuarantine
from services.tweet.quarantine_store import RowQuarantines
from services.tweet.reply_rows import RowReplies
from services.tweet.retweet_store import RowRetweetStore
from services.tweet.retweets import Retweets
from services.tweet.scan_metrics import ScanMetrics
from services.tweet.scanning import Rescanning, Scanning
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer
from services.tweet.spec import ERASURE, OUTBOX, SCANNING, SPEC, TWEET_EVENTS
from services.tweet.store import RowTweetStore
from services.tweet.streaming import TweetStreaming
from services.user.spec import GONE

__all__ = ["build"]


async def build(deps: Dependencies) -> Served:
    """Keep tweets in rows, with an outbox; show authors their own in the timeline store."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    outbox = await deps.outbox(rows, OUTBOX, TWEET_EVENTS)
    store = RowTweetStore(rows, outbox)
    timelines = open_pushes(deps, await open_timeline_rows(deps))
    own_timeline = JoinedOwnTimeline(timelines)
    users, events = await deps.client("user", UserClient), TweetEvents()
    authors = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, authors))
    ids = await deps.ids()
    retweets = Retweets(
        store=RowRetweetStore(rows, outbox),
        tweets=store,
        ids=ids,
        own_timeline=own_timeline,
        events=events,
        clock=deps.clock,
    )
    sights = await deps.client("graph", SightClient)
    service = TweetService(
        store=store,
        users=authors,
        media=await deps.client("media", MediaClient),
        ids=ids,
        own_timeline=own_timeline,
        events=events,
        clock=deps.clock,
        sights=sights,
        handles=users,
    )
    deletion = Deletion(store, own_timeline, events, deps.clock)
    erasure = TweetErasure(store, deletion, Settling(LATE_TWEETS_MS, deps.clock))
    quarantines = RowQuarantines(rows, outbox)
    quarantine = TweetQuarantine(
        store=store,
        quarantines=quarantines,
        copies=timelines,
        ids=ids,
        events=events,
        clock=deps.clock,
    )
    scanner = open_scanner(deps.settings)
    scanning = Scanning(store, quarantine, scanner, ScanMetrics(deps.clock))
    counting = AuthorCounting(RowAuthorCounts(rows), deps.clock)
    consumers = TweetConsumers(
        erasure,
        users,
        scanning,
        counting,
        decode_tweet_changed,
    )
    await deps.consume(ERASURE, consumers.user_deleted)
    await deps.consume_batches(SCANNING, consumers.tweets_changed)
    if scanner is not None:
        deps.loops.run("blocked URLs", scanner.look, every_s=LOOK_EVERY_S)
        rescanning = Rescanning(quarantines, scanning, scanner, deps.clock)
        deps.loops.run("recent tweets", rescanning.step)
    replies = RowReplies(rows)
    servicer = TweetServicer(
        service,
        TweetStreaming(store),
        retweets,
        Conversations(store, replies, authors, sights),
        RepliesBackfill(store, replies),
        quarantine,
        deps.cursors(),
        await open_drawing(deps, referenced=OwnTweets(service)),
        counting,
    )
    return [Servicer(service_of(tweet_service_pb2.DESCRIPTOR), servicer)]
