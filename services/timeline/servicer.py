"""TimelineService over gRPC; pages are spliced from encoded tweets, not built and serialised."""

from collections.abc import Iterator
from dataclasses import dataclass
from operator import add
from typing import Any, Final

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from grpc.aio import ServicerContext

from services.platform.drawing.drawing import Drawing, Drawn
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.end_user import reader_of
from services.platform.rpc.json_answers import JsonPieces, http_body, json_text
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.timeline.model import EncodedTweet
from services.timeline.page import Page, splice_json_page, splice_page
from services.timeline.service import TimelineService

__all__ = ["TimelineServicer"]

HOME, USER = "home", "user"
JSON_TWEETS: Final = 20_000
"""Tweets whose JSON is kept, those used last: about 13 MB. As many as a generation of theirs."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A page, and all that goes with it."""

    page: Page
    drawn: Drawn
    next_cursor: str


class TimelineServicer:
    """Translates requests and pages; answers are bytes of the response message."""

    def __init__(self, timelines: TimelineService, cursors: CursorCodec, drawing: Drawing) -> None:
        self._timelines = timelines
        self._cursors = cursors
        self._drawing = drawing
        self._json = JsonPieces(Tweet, JSON_TWEETS)

    async def GetHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read a page of a home timeline."""
        return self._encoded(await self._home(request, context))

    async def GetHomeTimelineJson(  # noqa: N802 - the RPC's name
        self, request: pb.GetHomeTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read the same page as JSON; the initial metadata says where the next one is."""
        answer = await self._home(request, context)
        await say_next_page(context, request, answer.next_cursor)
        return self._in_json(answer)

    async def GetUserTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read a page of one author's tweets."""
        return self._encoded(await self._user(request, context))

    async def GetUserTimelineJson(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read the same page as JSON; the initial metadata says where the next one is."""
        answer = await self._user(request, context)
        await say_next_page(context, request, answer.next_cursor)
        return self._in_json(answer)

    async def RebuildHomeTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.RebuildHomeTimelineRequest, _context: object
    ) -> pb.RebuildHomeTimelineResponse:
        """Build a home timeline anew."""
        await self._timelines.rebuild_home(request.user_id)
        return pb.RebuildHomeTimelineResponse()

    async def _home(
        self, request: pb.GetHomeTimelineRequest, context: ServicerContext[Any, Any]
    ) -> _Answer:
        viewer = request.user_id
        expansions = read_expansions(request.expansions)
        before = self._before(request.cursor, HOME, viewer)
        limit = page_limit(request.limit)
        page = await self._timelines.home(viewer, before, limit, request.since_id)
        drawn = await self._drawing.draw(
            page.tweets,
            viewer,
            expansions=expansions,
            mark=page.mark,
            withheld=withheld_from(context.invocation_metadata()),
        )
        return _Answer(page, drawn, self._next_cursor(page, HOME, viewer))

    async def _user(
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> _Answer:
        metadata = context.invocation_metadata()
        viewer, withheld = reader_of(metadata), withheld_from(metadata)
        expansions = read_expansions(request.expansions)
        before = self._before(request.cursor, USER, request.user_id)
        limit = page_limit(request.limit)
        page = await self._timelines.user(request.user_id, before, limit, request.since_id)
        drawn = await self._drawing.draw(
            page.tweets, viewer, expansions=expansions, withheld=withheld
        )
        return _Answer(page, drawn, self._next_cursor(page, USER, request.user_id))

    def _before(self, cursor: str, kind: str, owner: int) -> int | None:
        # An owner that cannot be packed is refused by the service, with a better message.
        return self._cursors.decode(cursor, kind, owner) if cursor and owner > 0 else None

    def _next_cursor(self, page: Page, kind: str, owner: int) -> str:
        if page.next_before is None:
            return ""
        return self._cursors.encode(kind, owner, page.next_before)

    def _encoded(self, answer: _Answer) -> bytes:
        bodies = (tweet.body for tweet in answer.page.tweets)
        added = (piece.encoded for piece in answer.drawn.pieces)
        return splice_page(map(add, bodies, added), answer.next_cursor, answer.drawn.includes)

    def _in_json(self, answer: _Answer) -> bytes:
        added = (piece.json for piece in answer.drawn.pieces)
        tweets = map(add, self._open_json(answer.page), added)
        cursor = json_text(answer.next_cursor).encode() if answer.next_cursor else b""
        return http_body(splice_json_page(tweets, cursor, answer.drawn.includes_json))

    def _open_json(self, page: Page) -> Iterator[bytes]:
        """Write each tweet without its closing brace."""
        return (tweet.open_json or self._json_of(tweet) for tweet in page.tweets)

    def _json_of(self, tweet: EncodedTweet) -> bytes:
        json = self._json.open_of(tweet.body)
        if self._json.keeps(tweet.body):
            tweet.keep_open_json(json)
        return json
