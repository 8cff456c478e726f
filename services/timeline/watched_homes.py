"""Pushes to home timelines that somebody watches, announced to whoever streams them.

An announcement only says when to look, and may be lost: who streams looks now and then anyhow. So
nothing here fails a push.
"""

from collections.abc import Mapping, Sequence
from itertools import chain

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.platform.valkey.announcements import announce
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.watched_ids import WatchedIds
from services.timeline.spec import PUSHED, UNPUSHED, WATCHED

__all__ = ["WatchedHomes"]

_PAIRS_PER_MESSAGE = 1_000
"""16 kB."""

_log = structlog.get_logger()


class WatchedHomes:
    """Announces what comes to home timelines, over one Valkey node or a cluster."""

    def __init__(self, client: ValkeyClient) -> None:
        self._client = client
        self._watched = WatchedIds(client, WATCHED)

    async def pushed(self, tweets: Mapping[int, Sequence[int]]) -> None:
        """Announce entries, by their viewers, to those who are watched; never raises."""
        try:
            watched = await self._watched.among(tweets)
            await self._announce(
                PUSHED, [(viewer, one) for viewer in watched for one in tweets[viewer]]
            )
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="watched", viewers=len(tweets))

    async def unpushed(self, authors: Mapping[int, int]) -> None:
        """Announce tweets, each with its author, that readers merge by themselves; never raises."""
        try:
            await self._announce(UNPUSHED, [(author, one) for one, author in authors.items()])
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="watched", tweets=len(authors))

    async def _announce(self, channel: bytes, pairs: Sequence[tuple[int, int]]) -> None:
        for start in range(0, len(pairs), _PAIRS_PER_MESSAGE):
            some = pairs[start : start + _PAIRS_PER_MESSAGE]
            await announce(self._client, channel, *chain.from_iterable(some))
