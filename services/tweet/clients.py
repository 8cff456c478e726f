"""The sibling services over gRPC, as the tweet service's ports want them."""

from collections.abc import Sequence

import grpc
import grpc.aio
from aviary.graph.v1 import graph_service_pb2, graph_service_pb2_grpc
from aviary.media.v1 import media_service_pb2, media_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.rpc_client import RpcClient
from services.tweet.model import MediaRef

__all__ = ["GraphClient", "MediaClient", "UserClient"]


class UserClient:
    """A client of `aviary.user.v1.UserService`; the tweet service's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Give those of `ids` that name no user, by one call for all of them."""
        request = user_service_pb2.LookupUsersRequest(user_ids=ids)
        return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)


class GraphClient:
    """Whom a reader does not see, over gRPC; the tweet service's `Hidden`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = graph_service_pb2_grpc.GraphServiceStub(channel)

    async def among(self, reader: int, author_ids: Sequence[int]) -> frozenset[int]:
        """Ask for all of them by one call."""
        request = graph_service_pb2.LookupHiddenRequest(user_id=reader, author_ids=author_ids)
        try:
            answer = await self._rpc.call(self._stub.LookupHidden, request)
        except (PermissionDeniedError, grpc.aio.AioRpcError) as error:
            # A process of the release before does not know it, or lets nobody call it.
            if isinstance(error, PermissionDeniedError) or _is_unknown(error):
                raise UnavailableError("the graph service is of an older release") from error
            raise
        return frozenset(answer.hidden_ids)


def _is_unknown(error: grpc.aio.AioRpcError) -> bool:
    return bool(error.code() is grpc.StatusCode.UNIMPLEMENTED)


class MediaClient:
    """A client of `aviary.media.v1.MediaService`; the tweet service's `Media`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = media_service_pb2_grpc.MediaServiceStub(channel)

    async def attach(
        self, user_id: int, tweet_id: int, media_ids: Sequence[int]
    ) -> tuple[MediaRef, ...]:
        """Bind pictures to a tweet, by one call for all of them."""
        request = media_service_pb2.AttachMediaRequest(
            user_id=user_id, tweet_id=tweet_id, media_ids=media_ids
        )
        answer = await self._rpc.call(self._stub.AttachMedia, request)
        return tuple(
            MediaRef(
                media_id=each.media_id,
                content_type=each.content_type,
                width=each.width,
                height=each.height,
                blurhash=each.blurhash,
                alt_text=each.alt_text,
            )
            for each in answer.media_refs
        )
