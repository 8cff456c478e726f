"""The graph service as one that counts followers, over gRPC."""

from collections.abc import Sequence

import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc

from services.platform.rpc.rpc_client import RpcClient

__all__ = ["GraphClient"]


class GraphClient:
    """A client of `aviary.graph.v1.GraphService`; a `Followers`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)

    async def counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read how many follow each of up to 1000 users, by one call."""
        request = graph_service_pb2.LookupCountsRequest(user_ids=user_ids)
        answer = await self._rpc.call(self._stub.LookupCounts, request)
        return {each.user_id: each.follower_count for each in answer.counts}
