"""A process that reads timelines, as far as tests of what it keeps of relations want it."""

from dataclasses import replace

from services.platform.valkey.cache_metrics import CacheMetrics
from services.timeline.hot_lists import HotLists
from services.timeline.hot_timelines import ValkeyHotTimelines
from services.timeline.model import HotHome
from services.timeline.ports import Relations
from services.timeline.relations_cache import RelationsCache

__all__ = ["Reader"]


class Reader(ValkeyHotTimelines):
    """Asks the graph for relations that are not cached, as a read of a home timeline does."""

    def __init__(
        self,
        lists: HotLists,
        relations: RelationsCache,
        graph: Relations,
        metrics: CacheMetrics | None = None,
    ) -> None:
        super().__init__(lists, relations, metrics)
        self._graph = graph

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        """What is in memory, and otherwise in the graph."""
        found = await super().home(viewer, before, count, warm=warm)
        if found.relations is not None:
            return found
        relations = await self._graph.fetch(viewer)
        await self.keep_relations(viewer, found.nonce, relations)
        return replace(found, relations=relations)
