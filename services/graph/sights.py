"""Reading how readers stand to authors: what every read of tweets asks."""

import asyncio
from collections.abc import Sequence

from services.graph.model import Edge, Relation
from services.graph.ports import GraphStore
from services.graph.reads import MAX_IDS_PER_LOOKUP
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_ids, check_optional_id
from services.platform.visibility.rule import Sight

__all__ = ["Sights"]


class Sights:
    """The use case; raises `UnavailableError` where the store does not answer."""

    def __init__(self, store: GraphStore) -> None:
        self._store = store

    async def of(self, pairs: Sequence[tuple[int, int]]) -> list[Sight]:
        """How each reader (0: nobody), the first of a pair, stands to an author, in one read.

        1 to `MAX_IDS_PER_LOOKUP` pairs, in the order asked for. Raises `InvalidArgumentError`
        beyond the limits or for an id that is not positive.
        """
        if not 1 <= len(pairs) <= MAX_IDS_PER_LOOKUP:
            raise InvalidArgumentError("pairs", f"must be 1 to {MAX_IDS_PER_LOOKUP}")
        for reader_id, _ in pairs:
            check_optional_id("pairs", reader_id)
        authors = [author_id for _, author_id in pairs]
        check_ids("pairs", authors, most=MAX_IDS_PER_LOOKUP)
        edges = {edge for pair in pairs if pair[0] for edge in _edges(*pair)}
        standing, protected = await asyncio.gather(
            self._store.standing(edges), self._store.protected(frozenset(authors))
        )
        return [_sight(pair, standing, protected) for pair in pairs]


def _sight(pair: tuple[int, int], standing: frozenset[Edge], protected: frozenset[int]) -> Sight:
    following, blocking, blocked_by, muting = (edge in standing for edge in _edges(*pair))
    return Sight(following, blocking, blocked_by, muting, pair[1] in protected)


def _edges(reader_id: int, author_id: int) -> tuple[Edge, Edge, Edge, Edge]:
    """Give follow, both blocks, and mute."""
    return (
        Edge(Relation.FOLLOW, reader_id, author_id),
        Edge(Relation.BLOCK, reader_id, author_id),
        Edge(Relation.BLOCK, author_id, reader_id),
        Edge(Relation.MUTE, reader_id, author_id),
    )
