"""TimelineService over gRPC; pages are spliced from encoded tweets, not built and serialised."""

from aviary.timeline.v1 import timeline_service_pb2 as pb

from services.platform.rpc.paging import CursorCodec, page_limit
from services.timeline.page import Page, splice_page
from services.timeline.service import TimelineService

__all__ = ["TimelineServicer"]

HOME, USER = "home", "user"


class TimelineServicer:
    """Translates requests and pages; answers are bytes of the response message."""

    def __init__(self, timelines: TimelineService, cursors: CursorCodec) -> None:
        self._timelines = timelines
        self._cursors = cursors

    async def GetHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, _context: object
    ) -> bytes:
        """Read a page of a home timeline."""
        before = self._before(request.cursor, HOME, request.user_id)
        page = await self._timelines.home(request.user_id, before, page_limit(request.limit))
        return self._encode(page, HOME, request.user_id)

    async def GetUserTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, _context: object
    ) -> bytes:
        """Read a page of one author's tweets."""
        before = self._before(request.cursor, USER, request.user_id)
        page = await self._timelines.user(request.user_id, before, page_limit(request.limit))
        return self._encode(page, USER, request.user_id)

    async def RebuildHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.RebuildHomeTimelineRequest, _context: object
    ) -> pb.RebuildHomeTimelineResponse:
        """Build a home timeline anew."""
        await self._timelines.rebuild_home(request.user_id)
        return pb.RebuildHomeTimelineResponse()

    def _before(self, cursor: str, kind: str, owner: int) -> int | None:
        # An owner that cannot be packed is refused by the service, with a better message.
        return self._cursors.decode(cursor, kind, owner) if cursor and owner > 0 else None

    def _encode(self, page: Page, kind: str, owner: int) -> bytes:
        cursor = ""
        if page.next_before is not None:
            cursor = self._cursors.encode(kind, owner, page.next_before)
        return splice_page((tweet.body for tweet in page.tweets), cursor)
