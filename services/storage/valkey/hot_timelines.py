"""Hot timelines: the home and author lists that readers use and fanout writes."""

from collections.abc import Sequence

from services.storage import keys
from services.storage.valkey.hot_lists import HotLists
from services.timeline.model import Ids

__all__ = ["ValkeyHotTimelines"]


class ValkeyHotTimelines:
    """The lists of `HotLists`, by viewer and by author."""

    def __init__(self, lists: HotLists) -> None:
        self._lists = lists

    async def home(self, viewer: int, before: int | None, count: int) -> Ids | None:
        """Ids below `before`, or None where there is no list."""
        return await self._read(keys.home_list_key(viewer), before, count)

    async def author(self, author: int, before: int | None, count: int) -> Ids | None:
        """The same for the tweets of one author."""
        return await self._read(keys.author_list_key(author), before, count)

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

    async def _read(self, key: bytes, before: int | None, count: int) -> Ids | None:
        page = await self._lists.read(key, before, count)
        return None if page is None else Ids(page.ids, ended=page.reached_end)
