"""The graph service over gRPC: translates between messages and `GraphService`."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from collections.abc import AsyncIterator
from typing import Any, TypeAlias

from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceServicer
from grpc.aio import ServicerContext

from services.graph.service import GraphService

__all__ = ["GraphServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"


class GraphServicer(GraphServiceServicer):
    """`aviary.graph.v1.GraphService`. Domain errors pass through."""

    def __init__(self, service: GraphService) -> None:
        self._service = service

    async def Follow(self, request: pb.FollowRequest, context: _Context) -> pb.FollowResponse:
        """Follow a user."""
        await self._service.follow(request.follower_id, request.followee_id)
        return pb.FollowResponse()

    async def Unfollow(self, request: pb.UnfollowRequest, context: _Context) -> pb.UnfollowResponse:
        """Stop following a user."""
        await self._service.unfollow(request.follower_id, request.followee_id)
        return pb.UnfollowResponse()

    async def GetRelations(
        self, request: pb.GetRelationsRequest, context: _Context
    ) -> pb.GetRelationsResponse:
        """Read everybody a user follows."""
        following = await self._service.relations(request.user_id)
        return pb.GetRelationsResponse(following_ids=following)

    async def StreamFollowers(
        self, request: pb.StreamFollowersRequest, context: _Context
    ) -> AsyncIterator[pb.StreamFollowersResponse]:
        """Stream a user's followers in pages."""
        async for page in self._service.stream_followers(request.user_id, request.page_size):
            yield pb.StreamFollowersResponse(
                close_friend_ids=page.close_friend_ids, follower_ids=page.other_ids
            )

    async def LookupCounts(
        self, request: pb.LookupCountsRequest, context: _Context
    ) -> pb.LookupCountsResponse:
        """Count users' followers."""
        counts = await self._service.counts(request.user_ids)
        return pb.LookupCountsResponse(
            counts=[
                pb.RelationCounts(user_id=one.user_id, follower_count=one.followers)
                for one in counts
            ]
        )
