"""Retweets in timelines follow the edges here: each is placed, or taken back, as its edge stands.

Messages about an edge have no order, and it may change while what was read of it is passed on. So
whoever has passed it on asks again, and passes on what has changed since.
"""

from collections.abc import Collection, Sequence
from typing import Final

from services.engagement.model import Edge, Kind
from services.engagement.ports import EdgeStore, Retweets
from services.platform.errors import CallAgain

__all__ = ["Retweeting"]

ROUNDS: Final = 5
"""Times that an edge is passed on in one delivery; one that changes faster has to wait."""


class Retweeting:
    """Passes on how retweets stand. Idempotent; raises `UnavailableError`."""

    def __init__(self, store: EdgeStore, retweets: Retweets) -> None:
        self._store = store
        self._retweets = retweets

    async def follow(self, edges: Collection[Edge]) -> None:
        """Have timelines take in how those of the edges stand that are retweets."""
        wanted = _retweets(edges)
        states = await self._store.states(wanted) if wanted else {}
        for _ in range(ROUNDS):
            if not wanted:
                return
            await self._retweets.place({edge: states[edge].standing for edge in wanted})
            before, states = states, await self._store.states(wanted)
            wanted = [edge for edge in wanted if states[edge].standing != before[edge].standing]
        if wanted:
            raise CallAgain("retweets are made and taken back too fast", after_s=0.0)

    async def take_back(self, edges: Collection[Edge]) -> None:
        """Take those of the edges that are retweets out of timelines: their tweet is gone."""
        if wanted := _retweets(edges):
            await self._retweets.place(dict.fromkeys(wanted, False))


def _retweets(edges: Collection[Edge]) -> Sequence[Edge]:
    return [edge for edge in edges if edge.kind is Kind.RETWEET]
