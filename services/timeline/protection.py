"""Who is protected, kept in this process for as long as it hears of each change.

How a reader who hides very many stands to authors is asked each time, and kept by nobody.
"""

from collections.abc import Mapping, Sequence

from services.platform.drawing.heard_values import HeardValues
from services.platform.drawing.looked_up import LookedUp
from services.platform.drawing.outage import Spared
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import Sight

__all__ = ["KnownProtection"]


class KnownProtection:
    """A `Protection` that asks the graph for what it does not keep in `known`."""

    def __init__(self, sights: Sights, known: HeardValues[bool]) -> None:
        self._sights = sights
        # Of whom nothing is said nothing is shown.
        self._protected = LookedUp(known, self._look, absent=True)
        self._asking = Spared("protected")
        self._asking_by_name = Spared("hidden")

    def kept(self, authors: Sequence[int]) -> Sequence[bool] | None:
        """Say it of each, where all are here."""
        return self._protected.kept(authors)

    async def ask(self, authors: Sequence[int]) -> Sequence[bool] | None:
        """Say it of each; one call for all who ask in the same moment."""
        return await self._asking.ask(lambda: self._protected.get_many(authors))

    async def ask_by_name(self, reader: int, authors: Sequence[int]) -> Mapping[int, Sight] | None:
        """Ask how a reader stands to each: of this nothing is kept."""
        return await self._asking_by_name.ask(lambda: self._sights.of(reader, authors))

    async def _look(self, authors: Sequence[int]) -> Mapping[int, bool]:
        found = await self._sights.of(0, authors)
        return {author: sight.protected for author, sight in found.items()}
