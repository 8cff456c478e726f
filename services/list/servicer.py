"""The list service over gRPC: translates between messages and the use cases."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from typing import Any, Final, TypeAlias

from aviary.list.v1 import list_pb2
from aviary.list.v1 import list_service_pb2 as pb
from aviary.list.v1.list_service_pb2_grpc import ListServiceServicer
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1.user_pb2 import User
from grpc.aio import ServicerContext

from services.list.members import Members
from services.list.model import UserList
from services.list.service import Lists
from services.list.timeline import ListTimelines
from services.platform.drawing.drawing import Drawing
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.messages import draw_messages
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.created import location
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.timestamps import to_timestamp

__all__ = ["ListServicer"]

LISTS: Final = "lists"

_Context: TypeAlias = "ServicerContext[Any, Any]"


class ListServicer(ListServiceServicer):
    """`aviary.list.v1.ListService`. Domain errors pass through."""

    def __init__(
        self,
        lists: Lists,
        members: Members,
        timelines: ListTimelines,
        *,
        cursors: CursorCodec,
        drawing: Drawing,
    ) -> None:
        self._lists = lists
        self._members = members
        self._timelines = timelines
        self._cursors = cursors
        self._drawing = drawing

    async def CreateList(
        self, request: pb.CreateListRequest, context: _Context
    ) -> pb.CreateListResponse:
        """Make a list. The initial metadata says where it is."""
        made = await self._lists.create(
            request.user_id,
            request.name,
            request.description,
            private=request.private,
            request_id=request.request_id,
        )
        await context.send_initial_metadata((location("lists", made.list_id),))
        return pb.CreateListResponse(list=_list(made))

    async def GetList(self, request: pb.GetListRequest, context: _Context) -> pb.GetListResponse:
        """Read a list."""
        found = await self._lists.get(request.user_id, request.list_id)
        return pb.GetListResponse(list=_list(found))

    async def UpdateList(
        self, request: pb.UpdateListRequest, context: _Context
    ) -> pb.UpdateListResponse:
        """Change a list."""
        changed = await self._lists.update(
            request.user_id,
            request.list_id,
            name=request.name if request.HasField("name") else None,
            description=request.description if request.HasField("description") else None,
            private=request.private if request.HasField("private") else None,
        )
        return pb.UpdateListResponse(list=_list(changed))

    async def DeleteList(
        self, request: pb.DeleteListRequest, context: _Context
    ) -> pb.DeleteListResponse:
        """Delete a list."""
        await self._lists.delete(request.user_id, request.list_id)
        return pb.DeleteListResponse()

    async def ListLists(
        self, request: pb.ListListsRequest, context: _Context
    ) -> pb.ListListsResponse:
        """Read a page of a user's own lists."""
        limit = page_limit(request.limit)
        at = self._cursors.position(request.cursor, LISTS, request.user_id)
        page = await self._lists.owned(request.user_id, at.below, limit, after=at.above)
        next_cursor = self._encoded(page.next_before, LISTS, request.user_id)
        previous = self._newer(page.previous_after, LISTS, request.user_id)
        await say_next_page(context, request, next_cursor, previous=previous)
        return pb.ListListsResponse(
            lists=map(_list, page.lists), next_cursor=next_cursor, previous_cursor=previous
        )

    async def AddListMember(
        self, request: pb.AddListMemberRequest, context: _Context
    ) -> pb.AddListMemberResponse:
        """Put a user in a list."""
        await self._members.add(request.user_id, request.list_id, request.member_id)
        return pb.AddListMemberResponse()

    async def RemoveListMember(
        self, request: pb.RemoveListMemberRequest, context: _Context
    ) -> pb.RemoveListMemberResponse:
        """Take a user out of a list."""
        await self._members.remove(request.user_id, request.list_id, request.member_id)
        return pb.RemoveListMemberResponse()

    async def ListListMembers(
        self, request: pb.ListListMembersRequest, context: _Context
    ) -> pb.ListListMembersResponse:
        """Read a page of a list's members."""
        limit, kind = page_limit(request.limit), f"list-members:{request.list_id}"
        after = self._decoded(request.cursor, kind, request.user_id)
        page = await self._members.page(request.user_id, request.list_id, after, limit)
        next_cursor = self._encoded(page.next_after, kind, request.user_id)
        await say_next_page(context, request, next_cursor, in_path="list_id")
        return pb.ListListMembersResponse(
            users=map(User.FromString, page.users), next_cursor=next_cursor
        )

    async def GetListTimeline(
        self, request: pb.GetListTimelineRequest, context: _Context
    ) -> pb.GetListTimelineResponse:
        """Read a page of what a list's members post."""
        limit, kind = page_limit(request.limit), f"list-timeline:{request.list_id}"
        expansions = read_expansions(request.expansions)
        withheld = withheld_from(context.invocation_metadata())
        at = self._cursors.position(request.cursor, kind, request.user_id)
        page = await self._timelines.page(
            request.user_id, request.list_id, at.below, limit, after=at.above
        )
        next_cursor = self._encoded(page.next_before, kind, request.user_id)
        previous = self._newer(page.previous_after, kind, request.user_id)
        await say_next_page(context, request, next_cursor, in_path="list_id", previous=previous)
        tweets = [Tweet.FromString(tweet.body) for tweet in page.tweets]
        reader = request.user_id
        includes = await draw_messages(
            self._drawing, tweets, reader, expansions, withheld, words=page.words
        )
        return pb.GetListTimelineResponse(
            tweets=tweets, next_cursor=next_cursor, previous_cursor=previous, includes=includes
        )

    def _decoded(self, cursor: str, kind: str, reader_id: int) -> int | None:
        # A reader that cannot be packed is refused by the use case, with a better message.
        return self._cursors.decode(cursor, kind, reader_id) if cursor and reader_id > 0 else None

    def _newer(self, first_id: int, kind: str, reader_id: int) -> str:
        return self._cursors.encode(kind, reader_id, first_id, newer=True)

    def _encoded(self, last_id: int | None, kind: str, reader_id: int) -> str | None:
        return None if last_id is None else self._cursors.encode(kind, reader_id, last_id)


def _list(found: UserList) -> list_pb2.List:
    return list_pb2.List(
        list_id=found.list_id,
        owner_id=found.owner_id,
        name=found.name,
        description=found.description or None,
        private=found.private,
        member_count=len(found.members),
        created_at=to_timestamp(found.created_at_ms),
    )
