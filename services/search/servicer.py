"""`SearchService` over gRPC: translates, calls, translates."""

# ruff: noqa: N802 - names are those of the RPCs

import hashlib
from typing import Any

from aviary.search.v1 import search_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from grpc.aio import ServicerContext

from services.platform.drawing.drawing import Drawing
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.messages import draw_messages
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.timestamps import to_timestamp
from services.search.model import IndexReport
from services.search.service import SearchService
from services.search.trends import Trends

__all__ = ["SearchServicer"]


class SearchServicer:
    """The RPCs of `aviary.search.v1.SearchService`; domain errors pass through."""

    def __init__(
        self, service: SearchService, trends: Trends, cursors: CursorCodec, drawing: Drawing
    ) -> None:
        self._service = service
        self._drawing = drawing
        self._trends = trends
        self._cursors = cursors

    async def SearchTweets(
        self, request: pb.SearchTweetsRequest, context: ServicerContext[Any, Any]
    ) -> pb.SearchTweetsResponse:
        """Find a page of tweets."""
        limit, kind = page_limit(request.limit), _kind(request)
        expansions = read_expansions(request.expansions)
        # A reader that cannot be packed is refused by the use case, with a better message.
        is_on = bool(request.cursor) and request.user_id > 0
        resume = self._cursors.decode(request.cursor, kind, request.user_id) if is_on else None
        page = await self._service.search(
            request.user_id, request.query, request.sort, resume, limit
        )
        next_cursor = (
            None
            if page.resume is None
            else self._cursors.encode(kind, request.user_id, page.resume)
        )
        await say_next_page(context, request, next_cursor)
        tweets = list(map(Tweet.FromString, page.tweets))
        withheld = withheld_from(context.invocation_metadata())
        reader = request.user_id
        includes = await draw_messages(
            self._drawing, tweets, reader, expansions, withheld, words=page.words
        )
        return pb.SearchTweetsResponse(tweets=tweets, next_cursor=next_cursor, includes=includes)

    async def ListTrends(
        self, request: pb.ListTrendsRequest, _context: object
    ) -> pb.ListTrendsResponse:
        """List the strongest trends."""
        found = await self._trends.strongest(request.language, request.limit)
        return pb.ListTrendsResponse(
            trends=[pb.Trend(hashtag=each.hashtag, author_count=each.authors) for each in found]
        )

    async def RequestRebuild(
        self, _request: pb.RequestRebuildRequest, _context: object
    ) -> pb.RequestRebuildResponse:
        """Have each replica build its index anew."""
        await self._service.request_rebuild()
        return pb.RequestRebuildResponse()

    async def GetIndexStatus(
        self, _request: pb.GetIndexStatusRequest, _context: object
    ) -> pb.GetIndexStatusResponse:
        """Say how each index is."""
        return pb.GetIndexStatusResponse(indexes=map(_status, await self._service.reports()))


def _kind(request: pb.SearchTweetsRequest) -> str:
    """Name the list that a cursor is good for: this query in this order."""
    digest = hashlib.blake2b(request.query.encode(), digest_size=16).hexdigest()
    return f"search:{request.sort or 'newest'}:{digest}"


def _status(report: IndexReport) -> pb.IndexStatus:
    return pb.IndexStatus(
        replica=report.replica,
        tweets=report.tweets,
        rebuilding=report.rebuilding,
        percent=report.percent,
        caught_up_to=to_timestamp(report.seen_ms),
        reported_at=to_timestamp(report.reported_ms),
    )
