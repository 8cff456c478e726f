"""What readers need of the hot lists: homes, each with its viewer's relations, and authors."""

import random
import time
from collections.abc import Sequence

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.platform.valkey.cache_metrics import CacheMetrics
from services.timeline.author_copies import AuthorCopies
from services.timeline.hot_lists import HotLists
from services.timeline.keys import author_list_key, home_list_key
from services.timeline.model import HotHome, IdRun, ViewerRelations
from services.timeline.relations_cache import (
    NONCE_BYTES,
    RELATIONS,
    LocalRelations,
    RelationsCache,
)

__all__ = ["ValkeyHotTimelines"]

# Names of the hot lists in metrics.
HOME = "home"
AUTHOR = "author"
_log = structlog.get_logger()


class ValkeyHotTimelines:
    """Hot timelines, each home with its viewer's relations: one Valkey call for both.

    Relations stay in this process under their nonce, which each call checks: so they are never
    staler than what Valkey has, and travel only after a change.
    """

    def __init__(
        self,
        lists: HotLists,
        relations: RelationsCache,
        metrics: CacheMetrics | None = None,
    ) -> None:
        self._lists = lists
        self._relations = relations
        self._metrics = metrics or CacheMetrics()
        self._local = LocalRelations()
        self._copies = AuthorCopies(lists)
        self._nonces = random.Random()  # noqa: S311 - unlike any other, not secret

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        """Read the viewer's relations and the ids below `before`, in one look."""
        known = self._local.get(viewer)
        nonce = known[0] if known else b""
        entry = self._relations.entry(viewer, nonce, self._nonces.randbytes(NONCE_BYTES))
        asked_s = time.monotonic()
        token = entry.new_nonce if warm else b""
        key = home_list_key(viewer)
        found, run, warming, mark = await self._lists.read_beside(entry, key, before, count, token)
        self._count(HOME, run)
        token = token if warming else b""
        if known and not found:
            self._relations.unchanged()
            return HotHome(known[1], run, asked_s=asked_s, token=token, mark=mark)
        nonce, relations = self._relations.parse(found)
        if relations is not None:
            self._local.put(viewer, nonce, relations)
        return HotHome(relations, run, nonce, asked_s, token, mark)

    async def keep_relations(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> None:
        """Keep what was fetched since `home` gave this nonce, unless it was invalidated."""
        if await self._fill(viewer, nonce, relations):
            self._local.put(viewer, nonce, relations)

    async def _fill(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> bool:
        # What was fetched is as good without the cache: its loss here must not fetch it again.
        try:
            return await self._relations.fill(viewer, nonce, relations)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache=RELATIONS, viewer=viewer)
            return False

    async def authors(
        self,
        authors: Sequence[int],
        before: int | None,
        count: int,
        since_s: float | None = None,
    ) -> list[IdRun | None]:
        """Read the ids of each author below `before`; None where there is no list.

        Those who ask for the same authors again and again say since when it must be right.
        """
        if not authors:
            return []
        if since_s is None:
            lists = [author_list_key(author) for author in authors]
            runs = await self._lists.read_many(lists, before, count)
        else:
            runs = await self._copies.read(authors, before, count, since_s)
        hits = sum(run is not None for run in runs)
        self._metrics.hit(AUTHOR, hits)
        self._metrics.miss(AUTHOR, len(runs) - hits)
        return runs

    async def finish_warm_home(self, viewer: int, token: bytes, run: IdRun) -> None:
        """Fill a home list with what was read since; a list dropped meanwhile stays so."""
        key = home_list_key(viewer)
        await self._lists.finish_warm(key, token, run.ids, complete=run.ended)

    async def begin_warm_author(self, author: int, token: bytes) -> bool:
        """Have an author's list collect pushes; false when it exists or is being warmed."""
        return await self._lists.begin_warm(author_list_key(author), token)

    async def finish_warm_author(self, author: int, token: bytes, run: IdRun) -> None:
        """Fill an author's list with what was read since; a list dropped meanwhile stays so."""
        key = author_list_key(author)
        await self._lists.finish_warm(key, token, run.ids, complete=run.ended)

    async def forget_home(self, viewer: int) -> None:
        """Forget the viewer's relations and list, and any fetch or warming of them under way."""
        # In this order: a list that is warmed in between was read under the relations as they are.
        await self._relations.invalidate([viewer])
        await self._lists.drop(home_list_key(viewer))

    def _count(self, cache: str, run: IdRun | None) -> None:
        if run is None:
            self._metrics.miss(cache)
        else:
            self._metrics.hit(cache)
