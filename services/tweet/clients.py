"""The sibling services over gRPC, as the tweet service's ports want them."""

from collections.abc import Sequence

import grpc.aio
from aviary.media.v1 import media_service_pb2, media_service_pb2_grpc
from aviary.user.v1 import user_service_pb2, user_service_pb2_grpc

from services.platform.rpc.rpc_client import RpcClient
from services.tweet.model import MediaRef

__all__ = ["MediaClient", "UserClient"]


class UserClient:
    """A client of `aviary.user.v1.UserService`; the tweet service's `UserDirectory`."""

    def __init__(self, channel: grpc.aio.Channel, rpc: RpcClient) -> None:
        self._rpc = rpc
        self._stub = user_service_pb2_grpc.UserServiceStub(channel)

    async def missing(self, ids: Sequence[int]) -> list[int]:
        """Give those of `ids` that name no user, by one call for all of them."""
        request = user_service_pb2.LookupUsersRequest(user_ids=ids)
        return list((await self._rpc.call(self._stub.LookupUsers, request)).missing_ids)

    async def owners(self, handles: Sequence[str]) -> frozenset[int]:
        """Give the users who have handles, by one call; also this client's `Handles`."""
        request = user_service_pb2.LookupUsersByHandleRequest(handles=handles)
        answer = await self._rpc.call(self._stub.LookupUsersByHandle, request)
        return frozenset(user.user_id for user in answer.users)


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
