"""The timeline service."""

from aviary.timeline.v1 import timeline_service_pb2

from services.bootstrap.parts import Parts, Served, service_of
from services.peers.tweets import is_tweet
from services.rpc.handlers import Servicer
from services.storage import timelines as tables
from services.storage.local_tweets import LocalTweets
from services.storage.valkey.deletions import DeletionListener
from services.storage.valkey.hot_lists import HotLists
from services.storage.valkey.hot_timelines import ValkeyHotTimelines
from services.storage.valkey.layered_reads import CachedTweets, LayeredHotTimelines
from services.storage.valkey.relations_cache import RelationsCache
from services.storage.valkey.tweet_cache import TweetCache
from services.timeline.backfill import Backfill
from services.timeline.service import TimelineService
from services.timeline.servicer import TimelineServicer

__all__ = ["build"]


async def build(parts: Parts) -> Served:
    """Read the timeline store: hot lists first, then rows, then the authors."""
    rows = await parts.rows("timeline", tables.TABLES)
    valkey, graph, tweets = parts.valkey(), await parts.graph(), await parts.tweets()
    homes = tables.RowHomeTimelines(rows, parts.clock)
    local, counts = LocalTweets(), parts.cache_metrics
    deletions = DeletionListener(parts.valkey_node, local)
    deletions.start()
    parts.loops.opened("deletions", deletions)
    service = TimelineService(
        hot=LayeredHotTimelines(
            ValkeyHotTimelines(HotLists(valkey), counts),
            RelationsCache(valkey, metrics=counts),
            graph,
        ),
        homes=homes,
        authors=tweets,
        tweets=CachedTweets(local, TweetCache(valkey, metrics=counts, is_tweet=is_tweet), tweets),
        relations=graph,
        celebrities=tables.RowCelebrities(rows),
        backfill=Backfill(homes, tweets, graph, parts.clock),
        clock=parts.clock,
    )
    servicer = TimelineServicer(service, parts.cursors())
    return [Servicer(service_of(timeline_service_pb2.DESCRIPTOR), servicer)]
