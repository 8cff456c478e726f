"""How readers stand to authors, asked of the graph service."""

from collections.abc import Collection, Mapping, Sequence
from contextlib import aclosing
from itertools import chain
from typing import Final

import grpc.aio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.platform.muting.clients import words_of
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.rpc.earlier_release import EarlierReleaseError, of_any_release
from services.platform.rpc.parts import paged
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.gathering import Gathering
from services.platform.visibility.rule import Regard, Sight

__all__ = ["SightClient"]

PAIRS_PER_CALL: Final = 1_000
"""What the graph service takes at once."""
READERS_AT_ONCE: Final = 16
"""Readers who ask together: pages of 50 authors come to 800 pairs, which are one call."""

_Pair = tuple[int, int]
_Found = tuple[Mapping[_Pair, Sight], Mapping[int, MutedWords]]


class SightClient:
    """A client of `aviary.graph.v1.GraphService`; a `Sights`.

    Who asks in the same moment shares a call with others.
    """

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = GraphServiceStub(channel)
        self._looks = Gathering(self._look_for_all, most=READERS_AT_ONCE)
        self._regards = Gathering(self._look_for_regards, most=READERS_AT_ONCE)

    async def of(self, reader: int, author_ids: Collection[int]) -> dict[int, Sight]:
        """How a reader stands to each of the authors."""
        found = await self.of_pairs([(reader, author_id) for author_id in author_ids])
        return {author_id: found[reader, author_id] for author_id in author_ids}

    async def unasked(self, reader: int, author_ids: Collection[int]) -> Regard:
        """How a reader stands to each of the authors, and what they have muted, by one call."""
        pairs = [(reader, author_id) for author_id in author_ids]
        if not pairs:
            return Regard({})
        found, words = await self._regards.get(pairs)
        sights = {author_id: found[reader, author_id] for author_id in author_ids}
        return Regard(sights, words.get(reader, NOTHING_MUTED))

    async def of_pairs(self, pairs: Collection[_Pair]) -> Mapping[_Pair, Sight]:
        """How each reader stands to each author."""
        return await self._looks.get(list(pairs)) if pairs else {}

    async def _look_for_all(self, wanted: Sequence[Sequence[_Pair]]) -> list[Mapping[_Pair, Sight]]:
        found, _ = await self._look(list(dict.fromkeys(chain(*wanted))), with_words=False)
        return [found] * len(wanted)

    async def _look_for_regards(self, wanted: Sequence[Sequence[_Pair]]) -> list[_Found]:
        return [await self._look(list(dict.fromkeys(chain(*wanted))), with_words=True)] * len(
            wanted
        )

    async def _look(self, pairs: Sequence[_Pair], *, with_words: bool) -> _Found:
        found: dict[_Pair, Sight] = {}
        words: dict[int, MutedWords] = {}
        for page in paged(pairs, PAIRS_PER_CALL):
            request = pb.LookupSightsRequest(
                pairs=[pb.ReaderAndAuthor(reader_id=one, author_id=other) for one, other in page],
                with_muted_words=with_words,
            )
            try:
                with of_any_release():
                    answer = await self._rpc.call(self._stub.LookupSights, request)
            except EarlierReleaseError:
                found |= await self._as_before(page)
                continue
            found |= zip(page, map(_sight, answer.sights), strict=True)
            words |= words_of(answer.muted_words)
        return found, words

    async def _as_before(self, pairs: Sequence[_Pair]) -> dict[_Pair, Sight]:
        """Ask a process of a release before, which protects nobody, and tells no block from mute.

        So what it hides is hidden where nobody asked for it, and tweets by id are shown as before.
        """
        found: dict[_Pair, Sight] = {}
        for reader in {one for one, _ in pairs}:
            following, hidden = await self._relations(reader) if reader else (set(), set())
            found |= {
                pair: Sight(following=pair[1] in following, muting=pair[1] in hidden)
                for pair in pairs
                if pair[0] == reader
            }
        return found

    async def _relations(self, reader: int) -> tuple[set[int], set[int]]:
        request = pb.StreamRelationsRequest(user_id=reader)
        following, hidden = set[int](), set[int]()
        with of_any_release():
            async with aclosing(self._rpc.stream(self._stub.StreamRelations, request)) as pages:
                async for page in pages:
                    following.update(page.following_ids)
                    hidden.update(page.hidden_ids)
        return following, hidden


def _sight(found: pb.Sight) -> Sight:
    return Sight(
        following=found.following,
        blocking=found.blocking,
        blocked_by=found.blocked_by,
        muting=found.muting,
        protected=found.protected,
    )
