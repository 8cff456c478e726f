"""The graph service as fanout and timeline see it."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

import grpc.aio
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.rpc.channels import Caller
from services.timeline.model import ViewerRelations

__all__ = ["GraphPeer"]

FOLLOWERS_PER_PAGE = 1_000
"""One fanout job each."""

FOLLOWERS_IDLE_S = 3.0
"""Between two pages, which a healthy graph service reads in 10 ms."""

FOLLOWERS_TIMEOUT_S = 20.0
"""For a whole stream, with what the reader does in between. Well below the 30 s in which a bus
delivery must be done, and well above the time after which a fan-out plan leaves off by itself."""


class GraphPeer:
    """A client of `aviary.graph.v1.GraphService`; raises domain errors."""

    def __init__(self, channel: grpc.aio.Channel, caller: Caller) -> None:
        self._stub = GraphServiceStub(channel)
        self._caller = caller

    async def fetch(self, viewer: int) -> ViewerRelations:
        """Whom the viewer follows and does not see, as of now."""
        request = pb.GetRelationsRequest(user_id=viewer)
        answer = await self._caller.call(self._stub.GetRelations, request)
        return ViewerRelations(frozenset(answer.following_ids), frozenset(answer.hidden_ids))

    async def count(self, author: int) -> int:
        """Followers of the author, nearly exact."""
        request = pb.LookupCountsRequest(user_ids=[author])
        answer = await self._caller.call(self._stub.LookupCounts, request)
        return answer.counts[0].follower_count

    async def pages(
        self, author: int, after: int | None
    ) -> AsyncGenerator[tuple[list[int], list[int]], None]:
        """Followers with id > `after` (None: all) in bounded pages: (close friends, the rest)."""
        request = pb.StreamFollowersRequest(
            user_id=author, page_size=FOLLOWERS_PER_PAGE, after_follower_id=after or 0
        )
        stream = self._caller.stream(
            self._stub.StreamFollowers,
            request,
            timeout_s=FOLLOWERS_TIMEOUT_S,
            idle_s=FOLLOWERS_IDLE_S,
        )
        # A reader that leaves off ends the call at once, not when the collector comes.
        async with aclosing(stream) as pages:
            async for page in pages:
                yield list(page.close_friend_ids), list(page.follower_ids)
