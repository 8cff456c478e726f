"""Hot timelines: the home and author lists that readers use and fanout writes."""

from collections.abc import Sequence

from services.platform.valkey.cache_metrics import AUTHOR, HOME, CacheMetrics
from services.timeline import keys
from services.timeline.hot_lists import GuardedEntry, HotLists, HotPage
from services.timeline.model import Ids

__all__ = ["ValkeyHotTimelines"]


class ValkeyHotTimelines:
    """The lists of `HotLists`, by viewer and by author."""

    def __init__(self, lists: HotLists, metrics: CacheMetrics | None = None) -> None:
        self._lists = lists
        self._metrics = metrics or CacheMetrics()

    async def home(
        self, entry: GuardedEntry, viewer: int, before: int | None, count: int
    ) -> tuple[bytes, Ids | None]:
        """(what the entry has, ids below `before` or None where there is no list)."""
        key = keys.home_list_key(viewer)
        found, page = await self._lists.read_beside(entry, key, before, count)
        return found, self._counted(HOME, page)

    async def authors(
        self, authors: Sequence[int], before: int | None, count: int
    ) -> list[Ids | None]:
        """Ids of each author below `before`, or None where there is no list."""
        if not authors:
            return []
        lists = [keys.author_list_key(author) for author in authors]
        pages = await self._lists.read_many(lists, before, count)
        return [self._counted(AUTHOR, page) for page in pages]

    async def begin_warm_home(self, viewer: int, token: bytes) -> bool:
        """Start collecting pushes; false when somebody else is warming or the list exists."""
        return await self._lists.begin_warm(keys.home_list_key(viewer), token)

    async def finish_warm_home(self, viewer: int, token: bytes, run: Ids) -> None:
        """Put in what was read since; nothing happens if the list was dropped meanwhile."""
        key = keys.home_list_key(viewer)
        await self._lists.finish_warm(key, token, run.ids, complete=run.ended)

    async def begin_warm_author(self, author: int, token: bytes) -> bool:
        """As `begin_warm_home`."""
        return await self._lists.begin_warm(keys.author_list_key(author), token)

    async def finish_warm_author(self, author: int, token: bytes, run: Ids) -> None:
        """As `finish_warm_home`."""
        key = keys.author_list_key(author)
        await self._lists.finish_warm(key, token, run.ids, complete=run.ended)

    async def push_homes(self, viewers: Sequence[int], tweet_id: int) -> None:
        """Add an id to the home lists that exist."""
        await self._lists.push([keys.home_list_key(viewer) for viewer in viewers], tweet_id)

    async def push_author(self, author: int, tweet_id: int) -> None:
        """Add an id to the author's list, if it exists."""
        await self._lists.push([keys.author_list_key(author)], tweet_id)

    async def remove_from_author(self, author: int, tweet_id: int) -> None:
        """Take a deleted tweet out of its author's list."""
        await self._lists.remove(keys.author_list_key(author), tweet_id)

    async def drop_home(self, viewer: int) -> None:
        """Drop the list and any warm of it; the next read is a miss."""
        await self._lists.drop(keys.home_list_key(viewer))

    def _counted(self, cache: str, page: HotPage | None) -> Ids | None:
        if page is None:
            self._metrics.miss(cache)
            return None
        self._metrics.hit(cache)
        return Ids(page.ids, ended=page.reached_end)
