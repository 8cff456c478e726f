"""The user service over gRPC: translates between messages and `UserService`."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, TypeAlias

from aviary.user.v1 import user_pb2
from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceServicer
from grpc.aio import ServicerContext

from services.platform.error_reasons import Reason
from services.platform.ids.arguments import listed_ids
from services.platform.rpc.created import location
from services.platform.rpc.partial_errors import partial_errors
from services.platform.rpc.timestamps import to_timestamp
from services.user.model import User
from services.user.service import UserService

__all__ = ["UserServicer"]

_Context: TypeAlias = "ServicerContext[Any, Any]"


class UserServicer(UserServiceServicer):
    """`aviary.user.v1.UserService`. Domain errors pass through."""

    def __init__(self, service: UserService) -> None:
        self._service = service

    async def CreateUser(
        self, request: pb.CreateUserRequest, context: _Context
    ) -> pb.CreateUserResponse:
        """Make a user. The initial metadata says where it is."""
        user = await self._service.create(
            request.handle, request.display_name, request_id=request.request_id
        )
        await context.send_initial_metadata((location("users", user.user_id),))
        return pb.CreateUserResponse(user=_to_proto(user))

    async def GetUser(self, request: pb.GetUserRequest, context: _Context) -> pb.GetUserResponse:
        """Read a user."""
        return pb.GetUserResponse(user=_to_proto(await self._service.get(request.user_id)))

    async def GetMe(self, request: pb.GetMeRequest, context: _Context) -> pb.GetMeResponse:
        """Read the caller."""
        return pb.GetMeResponse(user=_to_proto(await self._service.get(request.user_id)))

    async def GetUsers(self, request: pb.GetUsersRequest, context: _Context) -> pb.GetUsersResponse:
        """Read those of many users that there are."""
        found, missing = await self._service.lookup(listed_ids("ids", request.ids))
        return pb.GetUsersResponse(
            users=map(_to_proto, found), errors=partial_errors(missing, Reason.USER_NOT_FOUND)
        )

    async def GetUserByHandle(
        self, request: pb.GetUserByHandleRequest, context: _Context
    ) -> pb.GetUserByHandleResponse:
        """Read a user by handle."""
        user = await self._service.get_by_handle(request.handle)
        return pb.GetUserByHandleResponse(user=_to_proto(user))

    async def UpdateUser(
        self, request: pb.UpdateUserRequest, context: _Context
    ) -> pb.UpdateUserResponse:
        """Change a user."""
        user = await self._service.update(
            request.user_id,
            handle=request.handle if request.HasField("handle") else None,
            display_name=request.display_name if request.HasField("display_name") else None,
            bio=request.bio if request.HasField("bio") else None,
            request_id=request.request_id,
        )
        return pb.UpdateUserResponse(user=_to_proto(user))

    async def DeleteUser(
        self, request: pb.DeleteUserRequest, context: _Context
    ) -> pb.DeleteUserResponse:
        """Delete a user."""
        await self._service.delete(request.user_id, request_id=request.request_id)
        return pb.DeleteUserResponse()

    async def LookupUsers(
        self, request: pb.LookupUsersRequest, context: _Context
    ) -> pb.LookupUsersResponse:
        """Read many users."""
        found, missing = await self._service.lookup(request.user_ids)
        return pb.LookupUsersResponse(users=map(_to_proto, found), missing_ids=missing)

    async def LookupHandles(
        self, request: pb.LookupHandlesRequest, context: _Context
    ) -> pb.LookupHandlesResponse:
        """Read whose many handles are."""
        found = await self._service.lookup_handles(request.handles)
        return pb.LookupHandlesResponse(
            owners=[
                pb.HandleOwner(handle=handle, user_id=user.user_id)
                for handle, user in found.items()
            ]
        )


def _to_proto(user: User) -> user_pb2.User:
    return user_pb2.User(
        user_id=user.user_id,
        handle=user.handle,
        display_name=user.display_name,
        created_at=to_timestamp(user.created_at_ms),
        bio=user.bio or None,
    )
