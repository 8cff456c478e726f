"""The timeline's own store, for the two siblings that write into it.

Each service owns its data; this is the one exception. The fan-out pushes a page of a thousand
timelines in one call of the store, and an RPC to the timeline service for it would cost more than
the push. The tweet service shows authors their own tweets before it replies, by the same writes.
"""

from services.platform.composition.dependencies import Dependencies
from services.platform.rows.port import RowStore
from services.timeline.backfill import Backfill
from services.timeline.clients import GraphClient, TweetClient
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.layered_pushes import LayeredPushes
from services.timeline.relations_cache import RelationsCache
from services.timeline.spec import SPEC
from services.timeline.store import RowCelebrities, RowHomeTimelines
from services.timeline.tweet_cache import TweetCache

__all__ = ["open_backfill", "open_celebrities", "open_pushes", "open_timeline_rows"]


async def open_timeline_rows(deps: Dependencies) -> RowStore:
    """Open the timeline's rows."""
    return await deps.rows(SPEC.name, SPEC.tables)


def open_pushes(deps: Dependencies, rows: RowStore) -> LayeredPushes:
    """Open both layers of the store, rows and hot lists, for writing."""
    valkey, metrics = deps.valkey(), deps.cache_metrics
    return LayeredPushes(
        RowHomeTimelines(rows, deps.clock),
        ValkeyHotTimelines(HotLists(valkey), metrics),
        TweetCache(valkey, metrics=metrics),
        RelationsCache(valkey, metrics=metrics),
        deps.clock,
    )


def open_celebrities(rows: RowStore) -> RowCelebrities:
    """Open the list of authors whose tweets are merged at read."""
    return RowCelebrities(rows)


async def open_backfill(deps: Dependencies, rows: RowStore) -> Backfill:
    """Open the filling of timelines after a follow; calls the tweet and graph services."""
    return Backfill(
        RowHomeTimelines(rows, deps.clock),
        await deps.client("tweet", TweetClient),
        await deps.client("graph", GraphClient),
        deps.clock,
    )
