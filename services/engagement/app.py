"""The engagement service."""

from typing import Final

from aviary.engagement.v1 import engagement_service_pb2

from services.engagement.admission import Admission
from services.engagement.backfill import ReferencesBackfill
from services.engagement.changes import Changes
from services.engagement.clients import TweetClient, UserClient
from services.engagement.consumers import EngagementConsumers
from services.engagement.count_cache import ValkeyCounts
from services.engagement.count_store import RowCounts
from services.engagement.counting import Counting
from services.engagement.engaging import Engaging
from services.engagement.erasure import SETTLE_MS, EngagementErasure
from services.engagement.events import EngagementEvents, decode_changed_edge
from services.engagement.job_store import RowJobs
from services.engagement.own_figures import OwnFigures
from services.engagement.reads import Reads
from services.engagement.reconciling import STEP_EVERY_S, Reconciling
from services.engagement.recount import RowRecount
from services.engagement.retweeting import Retweeting
from services.engagement.servicer import EngagementServicer
from services.engagement.spec import COUNTS, ENGAGEMENT_EVENTS, ERASURE, OUTBOX, SPEC, TWEETS
from services.engagement.store import RowEdgeStore
from services.engagement.tweet_changes import TweetChanges
from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.opening import open_drawing
from services.platform.erasure import Settling
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.timeline.writes import open_viewer_marks
from services.user.spec import GONE

__all__ = ["build"]


STEP_STALE_S: Final = 600.0
"""A step of the reconciliation counts all likes of its last tweet, and there may be millions."""


async def build(deps: Dependencies) -> Served:
    """Keep edges in rows, with an outbox; count them behind it, in rows and in the cache."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    outbox = await deps.outbox(rows, OUTBOX, ENGAGEMENT_EVENTS)
    store = RowEdgeStore(rows, outbox, EngagementEvents())
    tweets = await deps.client("tweet", TweetClient)
    users = await deps.client("user", UserClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    viewers = await open_viewer_marks(deps)
    sights = await deps.client("graph", SightClient)
    admission = Admission(tweets, sights)
    changes = Changes(store, await deps.ids(), admission, known, viewers)
    counts = RowCounts(rows)
    counting = Counting(counts, ValkeyCounts(deps.valkey(), deps.cache_metrics))
    reconciling = Reconciling(
        RowRecount(rows, counts), counting, RowJobs(rows), deps.clock, deps.unique
    )
    deps.loops.run(
        "reconciliation", reconciling.step, every_s=STEP_EVERY_S, stale_after_s=STEP_STALE_S
    )
    tweet_changes = TweetChanges(store, counting, tweets, Retweeting(store, tweets))
    consumers = EngagementConsumers(
        decode_changed_edge,
        tweet_changes,
        EngagementErasure(store, changes, Settling(SETTLE_MS, deps.clock)),
        users,
        viewers,
    )
    await deps.consume_batches(COUNTS, consumers.engaged)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    await deps.consume(ERASURE, consumers.user_deleted)
    reads = Reads(store, tweets, users, known, sights)
    own = OwnFigures(counting, reads)
    servicer = EngagementServicer(
        engaging=Engaging(changes),
        reads=reads,
        counting=counting,
        reconciling=reconciling,
        backfill=ReferencesBackfill(tweets, tweet_changes),
        cursors=deps.cursors(),
        drawing=await open_drawing(deps, counts=own, engaged=own),
    )
    return [Servicer(service_of(engagement_service_pb2.DESCRIPTOR), servicer)]
