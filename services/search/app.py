"""The search service."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from typing import Final

from aviary.search.v1 import search_service_pb2

from services.platform.composition.dependencies import Dependencies, Served, service_of
from services.platform.config.settings import SettingsError
from services.platform.drawing.opening import open_drawing
from services.platform.ids.known_ids import KnownIds
from services.platform.muting.messages import read_said
from services.platform.rpc.method_handlers import Servicer
from services.platform.runtime.arenas import share_one_arena
from services.platform.runtime.pace import Pace
from services.platform.valkey.announcements import AnnouncementListener
from services.platform.visibility.clients import SightClient
from services.search.clients import GraphClient, TweetClient, UserClient
from services.search.consumers import SearchConsumers
from services.search.folders import IndexFolder
from services.search.following import Following
from services.search.hidden import KnownHidden
from services.search.keeping import Kept, MakeFollowing
from services.search.lag import SearchLag
from services.search.openness import MarkedTweets
from services.search.progress import FIRST_BUILD_S, BuildProgress, first_build
from services.search.service import SearchService
from services.search.servicer import SearchServicer
from services.search.shared_following import SharedFollowing
from services.search.shared_index import open_shared
from services.search.spec import CHANGES_MAX_AGE_S, SEARCH_URL, SPEC, TWEETS
from services.search.store import RowChanges, RowReports
from services.search.tantivy_index import TantivyIndex
from services.search.trends import Trends
from services.user.spec import GONE

__all__ = ["build"]

LOOK_EVERY_S: Final = 1.0
"""Between looks for what other processes have noted; what this one notes it looks for at once."""
COMMIT_EVERY_S: Final = 0.75
"""Between two commits of the index, each some 10 ms of CPU: a tweet is found in a second."""
AWAY_MS: Final = (CHANGES_MAX_AGE_S - 3_600) * 1_000
"""After so long some entries may be gone; an hour is for clocks that differ."""


async def build(deps: Dependencies) -> Served:
    """Keep an index in line with the tweets, of this process's own or a shared one, and search it.

    Returns when the first index is built, or after `FIRST_BUILD_S`.
    """
    # Tantivy merges segments in threads of its own.
    share_one_arena()
    rows = await deps.rows(SPEC.name, SPEC.tables)
    changes, reports = RowChanges(rows, deps.clock), RowReports(rows)
    tweets = await deps.client("tweet", TweetClient)
    sights = await deps.client("graph", SightClient)
    following = partial(
        Following,
        tweets=MarkedTweets(tweets, sights),
        changes=changes,
        reports=reports,
        lag=SearchLag(deps.clock),
        clock=deps.clock,
        max_age_ms=AWAY_MS,
    )
    deps.declared.secret(SEARCH_URL)
    url = deps.settings.search_url
    kept = await _own_index(deps, following) if url is None else _shared_index(deps, url, following)
    nudged = asyncio.Event()
    _follow(deps, kept.step, nudged)
    consumers = SearchConsumers(changes, nudged.set)
    await deps.consume_batches(TWEETS, consumers.tweets_changed)
    users = await deps.client("user", UserClient)
    known = KnownIds(users.missing)
    await deps.loops.opened("gone users", AnnouncementListener(deps.valkey_nodes(), GONE, known))
    service = SearchService(
        index=kept.index,
        tweets=tweets,
        handles=users,
        readers=known,
        hidden=KnownHidden(await deps.client("graph", GraphClient)),
        sights=sights,
        changes=changes,
        reports=reports,
        clock=deps.clock,
        read_said=read_said,
    )
    drawing = await open_drawing(deps)
    # Whoever routes calls sends none to a process that does not listen yet.
    await first_build(kept.name, kept.complete, FIRST_BUILD_S)
    servicer = SearchServicer(service, Trends(kept.index, deps.clock), deps.cursors(), drawing)
    return [Servicer(service_of(search_service_pb2.DESCRIPTOR), servicer)]


async def _own_index(deps: Dependencies, make: MakeFollowing) -> Kept:
    """Open an index of this process's own, in a folder."""
    folder = IndexFolder.claim(deps.settings.data_dir / SPEC.name)
    deps.stack.callback(folder.release)
    index = TantivyIndex(folder.index)
    deps.stack.push_async_callback(index.close)
    following = make(folder.name, index=index, states=folder, progress=BuildProgress(folder.name))
    await following.begin(empty=await index.open())
    return Kept(folder.name, index, following.step, following.complete)


def _shared_index(deps: Dependencies, url: str, make: MakeFollowing) -> Kept:
    """Open the index that all replicas search, and one of them keeps."""
    try:
        shared = open_shared(url, deps.clock, deps.stack)
    except OSError as error:
        wanted = f"a file of certificates as ssl_ca_certs; {error.strerror or 'it has none'}"
        raise SettingsError(SEARCH_URL, got=None, wanted=wanted) from error
    progress = BuildProgress(shared.name)
    following = SharedFollowing(
        shared.index,
        shared.state,
        shared.state,
        lambda: make(shared.name, index=shared.index, states=shared.state, progress=progress),
    )
    return Kept(shared.name, shared.index, following.step, following.complete)


def _follow(
    deps: Dependencies, follow: Callable[[], Awaitable[bool]], nudged: asyncio.Event
) -> None:
    pace = Pace(COMMIT_EVERY_S)

    async def step() -> None:
        nudged.clear()
        await pace.wait()
        if await follow():
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY_S):
                await nudged.wait()

    deps.loops.run("search index", step)
