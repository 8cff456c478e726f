"""The user service over gRPC: translates between messages and `UserService`."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

import asyncio
from collections.abc import Sequence
from typing import Any, Final, TypeAlias

from aviary.user.v1 import user_pb2
from aviary.user.v1 import user_service_pb2 as pb
from aviary.user.v1.user_service_pb2_grpc import UserServiceServicer
from grpc.aio import ServicerContext

from services.platform.error_reasons import Reason
from services.platform.ids.arguments import listed_ids
from services.platform.rpc.created import location
from services.platform.rpc.end_user import reader_of
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.partial_errors import partial_errors
from services.platform.rpc.timestamps import to_timestamp
from services.user.counting import Counting
from services.user.model import User
from services.user.name_index import NameIndex
from services.user.pinning import Pinning
from services.user.service import UserService

__all__ = ["UserServicer"]

MAX_COUNT: Final = (1 << 31) - 1
"""Of any count that is shown."""

_Context: TypeAlias = "ServicerContext[Any, Any]"


class UserServicer(UserServiceServicer):
    """`aviary.user.v1.UserService`. Domain errors pass through."""

    def __init__(
        self,
        service: UserService,
        names: NameIndex,
        counting: Counting,
        pinning: Pinning,
        cursors: CursorCodec,
    ) -> None:
        self._service = service
        self._names = names
        self._counting = counting
        self._pinning = pinning
        self._cursors = cursors

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
        user = await self._service.get(request.user_id)
        return pb.GetUserResponse(user=await self._shown(user, _reader(context)))

    async def GetMe(self, request: pb.GetMeRequest, context: _Context) -> pb.GetMeResponse:
        """Read the caller."""
        user = await self._service.get(request.user_id)
        return pb.GetMeResponse(user=await self._shown(user, request.user_id))

    async def GetUsers(self, request: pb.GetUsersRequest, context: _Context) -> pb.GetUsersResponse:
        """Read those of many users that there are."""
        found, missing = await self._service.lookup(listed_ids("ids", request.ids))
        return pb.GetUsersResponse(
            users=await self._all_shown(found, _reader(context)),
            errors=partial_errors(missing, Reason.USER_NOT_FOUND),
        )

    async def GetUserByHandle(
        self, request: pb.GetUserByHandleRequest, context: _Context
    ) -> pb.GetUserByHandleResponse:
        """Read a user by handle."""
        user = await self._service.get_by_handle(request.handle)
        return pb.GetUserByHandleResponse(user=await self._shown(user, _reader(context)))

    async def SearchUsers(
        self, request: pb.SearchUsersRequest, context: _Context
    ) -> pb.SearchUsersResponse:
        """Find a page of users."""
        limit, kind = page_limit(request.limit), f"users:{request.query}"
        after = self._cursors.decode_place(request.cursor, kind) if request.cursor else None
        page = await self._names.search(request.query, after, limit)
        next_cursor = (
            None
            if page.resume_after is None
            else self._cursors.encode_place(kind, page.resume_after)
        )
        await say_next_page(context, request, next_cursor)
        users = await self._all_shown(page.users, _reader(context))
        return pb.SearchUsersResponse(users=users, next_cursor=next_cursor)

    async def BackfillNames(
        self, request: pb.BackfillNamesRequest, context: _Context
    ) -> pb.BackfillNamesResponse:
        """List names of before."""
        found = await self._names.backfill(request.after_user_id, request.limit)
        return pb.BackfillNamesResponse(users=found.users, resume_after_user_id=found.resume_after)

    async def UpdateUser(
        self, request: pb.UpdateUserRequest, context: _Context
    ) -> pb.UpdateUserResponse:
        """Change a user."""
        user = await self._service.update(
            request.user_id,
            handle=request.handle if request.HasField("handle") else None,
            display_name=request.display_name if request.HasField("display_name") else None,
            bio=request.bio if request.HasField("bio") else None,
            protected=request.protected if request.HasField("protected") else None,
            request_id=request.request_id,
        )
        return pb.UpdateUserResponse(user=_to_proto(user))

    async def PinTweet(self, request: pb.PinTweetRequest, context: _Context) -> pb.PinTweetResponse:
        """Pin a tweet to a profile."""
        await self._pinning.pin(request.user_id, request.tweet_id)
        return pb.PinTweetResponse()

    async def UnpinTweet(
        self, request: pb.UnpinTweetRequest, context: _Context
    ) -> pb.UnpinTweetResponse:
        """Take a pinned tweet off a profile."""
        await self._pinning.unpin(request.user_id, request.tweet_id)
        return pb.UnpinTweetResponse()

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

    async def LookupUsersByHandle(
        self, request: pb.LookupUsersByHandleRequest, context: _Context
    ) -> pb.LookupUsersByHandleResponse:
        """Read many users by handle."""
        found = await self._service.lookup_by_handle(request.handles)
        return pb.LookupUsersByHandleResponse(users=map(_to_proto, found))

    async def _shown(self, user: User, reader: int) -> user_pb2.User:
        (shown,) = await self._all_shown([user], reader)
        return shown

    async def _all_shown(self, users: Sequence[User], reader: int) -> list[user_pb2.User]:
        """Add what is counted of each, and what they have pinned for the reader (0: nobody).

        Where nobody says so in time, they go without.
        """
        shown = list(map(_to_proto, users))
        counts, pinned = await asyncio.gather(
            self._counting.of([user.user_id for user in users]), self._pinning.shown(reader, users)
        )
        for user in shown:
            if user.user_id in pinned:
                user.pinned_tweet_id = pinned[user.user_id]
            counted = counts[user.user_id]
            if (followers := counted.follows.followers) is not None:
                user.followers_count = min(followers, MAX_COUNT)
            if (following := counted.follows.following) is not None:
                user.following_count = min(following, MAX_COUNT)
            if counted.tweets is not None:
                user.tweet_count = min(counted.tweets, MAX_COUNT)
        return shown


def _reader(context: _Context) -> int:
    return reader_of(context.invocation_metadata())


def _to_proto(user: User) -> user_pb2.User:
    return user_pb2.User(
        user_id=user.user_id,
        handle=user.handle,
        display_name=user.display_name,
        created_at=to_timestamp(user.created_at_ms),
        bio=user.bio or None,
        protected=user.protected or None,
    )
