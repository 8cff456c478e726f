"""The graph service as fanout and timeline see it."""

from collections.abc import AsyncIterator

import grpc.aio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.rpc.channels import Caller

__all__ = ["GraphPeer"]

FOLLOWERS_PER_PAGE = 1_000  # one fanout job each


class GraphPeer:
    """A client of `aviary.graph.v1.GraphService`; raises domain errors."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = GraphServiceStub(channel)
        self._caller = caller

    async def following(self, viewer: int) -> list[int]:
        """Whom the viewer follows, as of now."""
        request = pb.GetRelationsRequest(user_id=viewer)
        return list((await self._caller.call(self._stub.GetRelations, request)).following_ids)

    async def count(self, author: int) -> int:
        """Followers of the author, nearly exact."""
        request = pb.LookupCountsRequest(user_ids=[author])
        answer = await self._caller.call(self._stub.LookupCounts, request)
        return answer.counts[0].follower_count

    async def pages(self, author: int) -> AsyncIterator[tuple[list[int], list[int]]]:
        """All followers in bounded pages: (close friends, the rest)."""
        request = pb.StreamFollowersRequest(user_id=author, page_size=FOLLOWERS_PER_PAGE)
        async for page in self._caller.stream(self._stub.StreamFollowers, request):
            yield list(page.close_friend_ids), list(page.follower_ids)
