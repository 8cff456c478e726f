"""The search service."""

import asyncio
from contextlib import suppress
from typing import Final

from aviary.search.v1 import search_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.drawing.opening import open_drawing
from services.platform.ids.known_ids import KnownIds
from services.platform.rpc.method_handlers import Servicer
from services.platform.runtime.arenas import share_one_arena
from services.platform.runtime.pace import Pace
from services.platform.valkey.announcements import AnnouncementListener
from services.search.clients import GraphClient, TweetClient, UserClient
from services.search.consumers import SearchConsumers
from services.search.folders import IndexFolder
from services.search.following import Following
from services.search.hidden import KnownHidden
from services.search.lag import SearchLag
from services.search.progress import FIRST_BUILD_S, BuildProgress, first_build
from services.search.service import SearchService
from services.search.servicer import SearchServicer
from services.search.spec import CHANGES_MAX_AGE_S, SPEC, TWEETS
from services.search.store import RowChanges, RowReports
from services.search.tantivy_index import TantivyIndex
from services.search.trends import Trends
from services.user.spec import GONE

__all__ = ["build"]

LOOK_EVERY_S: Final = 1.0
"""Between looks for what other processes have noted; what this one notes it looks for at once."""
COMMIT_EVERY_S: Final = 0.25
"""Between two commits of the index, each some 10 ms of CPU: tweets are found in half a second."""
AWAY_MS: Final = (CHANGES_MAX_AGE_S - 3_600) * 1_000
"""After so long some entries may be gone; an hour is for clocks that differ."""


async def build(deps: Dependencies) -> Served:
    """Keep an index of this process's own in line with the tweets, and search it.

    Returns when the first index is built, or after `FIRST_BUILD_S`.
    """
    # Tantivy merges segments in threads of its own.
    share_one_arena()
    rows = await deps.rows(SPEC.name, SPEC.tables)
    changes, reports = RowChanges(rows, deps.clock), RowReports(rows)
    folder = IndexFolder.claim(deps.settings.data_dir / SPEC.name)
    deps.stack.callback(folder.release)
    index = TantivyIndex(folder.index)
    deps.stack.push_async_callback(index.close)
    tweets = await deps.client("tweet", TweetClient)
    following = Following(
        folder.name,
        index=index,
        tweets=tweets,
        changes=changes,
        states=folder,
        reports=reports,
        lag=SearchLag(deps.clock),
        progress=BuildProgress(folder.name),
        clock=deps.clock,
        max_age_ms=AWAY_MS,
    )
    await following.begin(empty=await index.open())
    nudged = asyncio.Event()
    _follow(deps, following, nudged)
    consumers = SearchConsumers(changes, nudged.set)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    users = await deps.client("user", UserClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_node, GONE, known))
    service = SearchService(
        index=index,
        tweets=tweets,
        handles=users,
        readers=known,
        hidden=KnownHidden(await deps.client("graph", GraphClient)),
        changes=changes,
        reports=reports,
        clock=deps.clock,
    )
    drawing = await open_drawing(deps)
    # Whoever routes calls sends none to a process that does not listen yet.
    await first_build(folder.name, following.complete, FIRST_BUILD_S)
    servicer = SearchServicer(service, Trends(index, deps.clock), deps.cursors(), drawing)
    return [Servicer(service_of(search_service_pb2.DESCRIPTOR), servicer)]


def _follow(deps: Dependencies, following: Following, nudged: asyncio.Event) -> None:
    pace = Pace(COMMIT_EVERY_S)

    async def step() -> None:
        nudged.clear()
        await pace.wait()
        if await following.step():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await nudged.wait()

    deps.loops.run("search index", step)
