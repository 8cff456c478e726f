"""The live service."""

import asyncio
from typing import Final

from aviary.live.v1 import live_service_pb2

from services.live.clients import EngagementClient, GraphClient, TimelineClient, TweetClient
from services.live.hearers import Hearing, PairHearer, TweetHearer
from services.live.live_metrics import LiveMetrics
from services.live.servicer import LiveServicer
from services.live.sources import StreamSources
from services.live.store import ValkeySeats
from services.live.streams import TOLD_S, Streams
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.channels import COUNTED
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener, ListListener
from services.platform.valkey.watched_ids import WatchedIds
from services.timeline.spec import DELETED, PUSHED, UNPUSHED, WATCHED

__all__ = ["build"]

READS_AT_ONCE: Final = 32
"""Reads of all streams together that are under way: more than keep a timeline service busy."""
SLOW_LOOK_S: Final = 2.0
READ_TIMEOUT_S: Final = 4.0
"""Of a call to a sibling, which under load waits its turn."""


async def build(deps: Dependencies) -> Served:
    """Stream what changes: announcements say when to look, and reads of the siblings what is so."""
    valkey = deps.valkey()
    sources = StreamSources(
        homes=await deps.client("timeline", TimelineClient, timeout_s=READ_TIMEOUT_S),
        tweets=await deps.client("tweet", TweetClient, timeout_s=READ_TIMEOUT_S),
        figures=await deps.client("engagement", EngagementClient, timeout_s=READ_TIMEOUT_S),
        clock=deps.clock,
        room=asyncio.Semaphore(READS_AT_ONCE),
    )
    hearing = Hearing()
    streams = Streams(
        sources,
        audience=await deps.client("graph", GraphClient, timeout_s=READ_TIMEOUT_S),
        seats=ValkeySeats(valkey, deps.clock),
        watched=WatchedIds(valkey, WATCHED),
        metrics=LiveMetrics(deps.clock),
        hears=hearing.heard_all,
    )
    hearing.missed = streams.missed
    for name, channel, take in (
        ("pushes", PUSHED, streams.pushed),
        ("posts that are not pushed", UNPUSHED, streams.posted),
    ):
        pairs = PairHearer(name, hearing, take)
        await deps.loops.opened(name, ListListener(deps.valkey_nodes(), channel, pairs))
    for name, channel, gone in (
        ("deletions", DELETED, streams.deleted),
        ("counts", COUNTED, streams.counted),
    ):
        tweets = TweetHearer(name, hearing, gone)
        await deps.loops.opened(name, AnnouncementListener(deps.valkey_nodes(), channel, tweets))
    deps.loops.run("changed counts", streams.count)
    deps.loops.run("followers of posts", streams.look_up)
    deps.loops.run("open streams", streams.tell, every_s=TOLD_S)
    deps.loops.run("slow readers", streams.cut_slow, every_s=SLOW_LOOK_S)
    servicer = LiveServicer(streams, deps.cursors())
    return [
        Servicer(service_of(live_service_pb2.DESCRIPTOR), servicer, drain=streams.end),
    ]
