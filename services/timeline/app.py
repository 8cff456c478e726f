"""The timeline service."""

from aviary.timeline.v1 import timeline_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.channels import USER_CHANGED
from services.platform.drawing.heard_values import HeardValues
from services.platform.drawing.opening import open_drawing
from services.platform.ids.known_ids import KnownIds
from services.platform.muting.messages import read_said
from services.platform.rpc.method_handlers import Servicer
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.timeline.backfill import Backfill
from services.timeline.celebrities import RowCelebrities
from services.timeline.clients import GraphClient, TweetClient, UserClient, read_tweet
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.hydration import CachedTweets, Hydration
from services.timeline.local_tweets import LocalTweets
from services.timeline.owners import KnownOwners
from services.timeline.protection import KnownProtection
from services.timeline.referenced import ReferencedTweets
from services.timeline.relations_cache import RelationsCache
from services.timeline.seeing import Seeing
from services.timeline.service import TimelineService
from services.timeline.servicer import TimelineServicer
from services.timeline.skeleton import IdSources
from services.timeline.spec import DELETED, SPEC
from services.timeline.store import RowHomeTimelines
from services.timeline.tweet_cache import TweetCache
from services.user.spec import GONE

__all__ = ["build"]

READ_TIMEOUT_S = 4.0
"""Of a call to a sibling. A read calls them in two rounds at most, each in nine tenths of what its
deadline leaves: so under load it waits its turn, and is not refused while there is time."""
OWNER_TIMEOUT_S = 0.5
"""To learn whether a user exists, which a read can do without."""


async def build(deps: Dependencies) -> Served:
    """Read the timeline store: hot lists first, then rows, then the authors."""
    rows = await deps.rows(SPEC.name, SPEC.tables)
    valkey = deps.valkey()
    counts = deps.cache_metrics
    graph = await deps.client("graph", GraphClient, timeout_s=READ_TIMEOUT_S)
    tweets = await deps.client("tweet", TweetClient, timeout_s=READ_TIMEOUT_S)
    users = await deps.client("user", UserClient, timeout_s=OWNER_TIMEOUT_S)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    homes = RowHomeTimelines(rows, deps.clock)
    local = LocalTweets()
    await deps.loops.opened("deletions", AnnouncementListener(deps.valkey_nodes(), DELETED, local))
    sources = IdSources(
        owners=KnownOwners(known),
        hot=ValkeyHotTimelines(HotLists(valkey), RelationsCache(valkey, metrics=counts), counts),
        homes=homes,
        authors=tweets,
        relations=graph,
        celebrities=RowCelebrities(rows),
        backfill=Backfill(homes, tweets, graph, deps.clock),
    )
    shared = TweetCache(valkey, metrics=counts, read_tweet=read_tweet)
    bodies = CachedTweets(local, shared, tweets)
    sights = await deps.client("graph", SightClient, timeout_s=READ_TIMEOUT_S)
    protected = HeardValues[bool]()
    await deps.loops.opened(
        "protected users", AnnouncementListener(deps.valkey_nodes(), USER_CHANGED, protected)
    )
    seeing = Seeing(sights, KnownProtection(sights, protected), bodies, read_said)
    service = TimelineService(sources, Hydration(bodies), seeing)
    drawing = await open_drawing(deps, referenced=ReferencedTweets(bodies))
    servicer = TimelineServicer(service, deps.cursors(), drawing)
    return [Servicer(service_of(timeline_service_pb2.DESCRIPTOR), servicer)]
