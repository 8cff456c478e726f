"""One flight for each key: what many want at once is got by one of them, in this process."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["Flights"]


class Flights:
    """Who is getting what; for one event loop.

    Nobody takes over what another got, as that was read before they asked, and may lack what they
    were promised to see. They wait, and look again where it was put.
    """

    def __init__(self) -> None:
        self._under_way: dict[int, asyncio.Future[None]] = {}

    async def waited(self, key: int) -> bool:
        """Wait for whoever is getting this, however that ends; false where nobody is."""
        landed = self._under_way.get(key)
        if landed is None:
            return False
        await asyncio.wait([landed])
        return True

    @contextmanager
    def flying(self, key: int) -> Iterator[None]:
        """Let others wait until the end of the block; not those who wait for another already."""
        landed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        first = self._under_way.setdefault(key, landed) is landed
        try:
            yield
        finally:
            if first:
                del self._under_way[key]
            landed.set_result(None)
