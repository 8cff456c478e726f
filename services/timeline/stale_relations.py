"""Relations that have changed, forgotten in the cache before the change is answered.

A cache that does not answer cannot be made to forget, and may come back with what it had. Its
readers ask the graph meanwhile. What is left over is forgotten as soon as it answers, by this
process; and by the consumer of the event about the change, if this process ends before.
"""

import asyncio
from collections.abc import Collection
from itertools import islice
from typing import Final, Protocol

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.platform.runtime.background import IDLE_S, Background
from services.timeline.relations_cache import RELATIONS

__all__ = ["RETRY_EVERY_S", "Invalidated", "StaleRelations"]

RETRY_EVERY_S: Final = 0.25
"""Between tries to forget what is left over, in seconds: as often as a cache that is gone is
probed, so that what it comes back with is seen for half a second at most."""
MAX_LEFT: Final = 100_000
"""Viewers left over, of whom there is room for 10 MB; those beyond wait for the event."""
AT_ONCE: Final = 1_000
"""Viewers forgotten in one round trip."""

_log = structlog.get_logger()


class Invalidated(Protocol):
    """What is cached of viewers; `RelationsCache`, or `ViewerMarks`."""

    async def invalidate(self, viewer_ids: Collection[int], /) -> None:
        """Forget it of these viewers; raises `UnavailableError`."""
        ...


class StaleRelations:
    """Makes reads of a viewer's timeline look at the graph again. For one event loop.

    The same for other things that are cached by viewer, which `name` names in logs.
    """

    def __init__(
        self,
        cache: Invalidated,
        *,
        retry_every_s: float = RETRY_EVERY_S,
        name: str = RELATIONS,
    ) -> None:
        self._cache = cache
        self._name = name
        self._retry_every_s = retry_every_s
        # Each with its last change, as another may come while one is being forgotten.
        self._left: dict[int, object] = {}
        self._are_left = asyncio.Event()
        self._retrying = Background(f"stale {name}", self._retry)

    @property
    def left(self) -> Collection[int]:
        """Viewers of whom the cache may still have what is no longer so."""
        return self._left.keys()

    async def forget(self, viewers: Collection[int]) -> None:
        """Forget what is cached of up to a thousand viewers; call it when the change is durable.

        Never raises for a cache that is gone: on return either no read finds what was cached before
        the call, or the cache did not answer, and it is forgotten when it does.
        """
        try:
            await self._cache.invalidate(viewers)
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache=self._name, viewers=len(viewers))
            change = object()
            for viewer in viewers:
                if viewer in self._left or len(self._left) < MAX_LEFT:
                    self._left[viewer] = change
            self._are_left.set()

    async def start(self) -> None:
        """Begin to look after what is left over."""
        self._retrying.start()

    async def stop(self) -> None:
        """End; what is still left over waits for the event."""
        await self._retrying.stop()

    def holds(self) -> bool:
        """Whether it goes on as it should, or is not meant to."""
        return self._retrying.holds()

    async def _retry(self) -> float:
        """Wait until something is left over, and try to forget it; give the pause after that."""
        try:
            async with asyncio.timeout(IDLE_S):
                await self._are_left.wait()
        except TimeoutError:
            return 0.0
        self._are_left.clear()
        while left := dict(islice(self._left.items(), AT_ONCE)):
            try:
                await self._cache.invalidate(left)
            except UnavailableError:
                self._are_left.set()
                break
            for viewer, change in left.items():
                if self._left[viewer] is change:
                    del self._left[viewer]
        return self._retry_every_s
