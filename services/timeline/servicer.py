"""TimelineService over gRPC; pages are spliced from encoded tweets, not built and serialised."""

from typing import Any, Final

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from grpc.aio import ServicerContext

from services.platform.rpc.json_answers import JsonPieces, http_body, json_text
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.timeline.model import EncodedTweet
from services.timeline.page import Page, splice_json_page, splice_page
from services.timeline.service import TimelineService

__all__ = ["TimelineServicer"]

HOME, USER = "home", "user"
JSON_TWEETS: Final = 14_000
"""Tweets whose JSON is kept, those used last: about 9 MB. As many as a generation of theirs."""


class TimelineServicer:
    """Translates requests and pages; answers are bytes of the response message."""

    def __init__(self, timelines: TimelineService, cursors: CursorCodec) -> None:
        self._timelines = timelines
        self._cursors = cursors
        self._json = JsonPieces(Tweet, JSON_TWEETS)

    async def GetHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, _context: object
    ) -> bytes:
        """Read a page of a home timeline."""
        return self._encoded(*await self._home(request))

    async def GetHomeTimelineJson(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read the same page as JSON; the initial metadata says where the next one is."""
        page, next_cursor = await self._home(request)
        await say_next_page(context, request, next_cursor)
        return self._in_json(page, next_cursor)

    async def GetUserTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, _context: object
    ) -> bytes:
        """Read a page of one author's tweets."""
        return self._encoded(*await self._user(request))

    async def GetUserTimelineJson(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read the same page as JSON; the initial metadata says where the next one is."""
        page, next_cursor = await self._user(request)
        await say_next_page(context, request, next_cursor)
        return self._in_json(page, next_cursor)

    async def RebuildHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.RebuildHomeTimelineRequest, _context: object
    ) -> pb.RebuildHomeTimelineResponse:
        """Build a home timeline anew."""
        await self._timelines.rebuild_home(request.user_id)
        return pb.RebuildHomeTimelineResponse()

    async def _home(self, request: pb.GetHomeTimelineRequest) -> tuple[Page, str]:
        """(the page, its next_cursor)."""
        before = self._before(request.cursor, HOME, request.user_id)
        limit = page_limit(request.limit)
        page = await self._timelines.home(request.user_id, before, limit, request.since_id)
        return page, self._next_cursor(page, HOME, request.user_id)

    async def _user(self, request: pb.GetUserTimelineRequest) -> tuple[Page, str]:
        """(the page, its next_cursor)."""
        before = self._before(request.cursor, USER, request.user_id)
        limit = page_limit(request.limit)
        page = await self._timelines.user(request.user_id, before, limit, request.since_id)
        return page, self._next_cursor(page, USER, request.user_id)

    def _before(self, cursor: str, kind: str, owner: int) -> int | None:
        # An owner that cannot be packed is refused by the service, with a better message.
        return self._cursors.decode(cursor, kind, owner) if cursor and owner > 0 else None

    def _next_cursor(self, page: Page, kind: str, owner: int) -> str:
        if page.next_before is None:
            return ""
        return self._cursors.encode(kind, owner, page.next_before)

    def _encoded(self, page: Page, next_cursor: str) -> bytes:
        return splice_page((tweet.body for tweet in page.tweets), next_cursor)

    def _in_json(self, page: Page, next_cursor: str) -> bytes:
        tweets = [tweet.json or self._json_of(tweet) for tweet in page.tweets]
        cursor = json_text(next_cursor).encode() if next_cursor else b""
        return http_body(splice_json_page(tweets, cursor))

    def _json_of(self, tweet: EncodedTweet) -> bytes:
        json = self._json.of(tweet.body)
        if self._json.keeps(tweet.body):
            tweet.keep_json(json)
        return json
