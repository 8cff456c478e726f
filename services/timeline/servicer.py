"""TimelineService over gRPC; pages are spliced from encoded tweets, not built and serialised."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from operator import add
from typing import Any, Final

from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1.tweet_pb2 import RetweetedBy, Tweet
from grpc.aio import ServicerContext

from services.platform.drawing.drawing import Drawing, Drawn
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.end_user import reader_of
from services.platform.rpc.json_answers import JsonPieces, http_body, json_text, json_writer
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.timeline.model import EncodedTweet, Retweet
from services.timeline.page import Page, splice_json_page, splice_page
from services.timeline.service import TimelineService

__all__ = ["TimelineServicer"]

HOME, USER = "home", "user"
JSON_TWEETS: Final = 14_000
"""Tweets whose JSON is kept, those used last: about 9 MB. As many as a generation of theirs."""


@dataclass(frozen=True, slots=True)
class _Answer:
    """A page, and all that goes with it."""

    page: Page
    drawn: Drawn
    next_cursor: str
    previous_cursor: str


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
        """Read the same page as JSON; the initial metadata says where those beside it are."""
        answer = await self._home(request, context)
        await say_next_page(context, request, answer.next_cursor, previous=answer.previous_cursor)
        return self._in_json(answer)

    async def GetUserTimeline(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read a page of one author's tweets."""
        return self._encoded(await self._user(request, context))

    async def GetUserTimelineJson(  # noqa: N802 - the RPC's name
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> bytes:
        """Read the same page as JSON; the initial metadata says where those beside it are."""
        answer = await self._user(request, context)
        await say_next_page(context, request, answer.next_cursor, previous=answer.previous_cursor)
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
        at = self._cursors.position(request.cursor, HOME, viewer)
        limit = page_limit(request.limit)
        page = await self._timelines.home(
            viewer,
            at.below,
            limit,
            request.since_id,
            after=at.above,
            first_retweet=at.first_id,
        )
        drawn = await self._drawing.draw(
            page.tweets,
            viewer,
            expansions=expansions,
            mark=page.mark,
            words=page.words,
            withheld=withheld_from(context.invocation_metadata()),
            named=_retweeters(page),
        )
        return self._answer(page, drawn, HOME, viewer)

    async def _user(
        self, request: pb.GetUserTimelineRequest, context: ServicerContext[Any, Any]
    ) -> _Answer:
        metadata = context.invocation_metadata()
        viewer, withheld = reader_of(metadata), withheld_from(metadata)
        expansions = read_expansions(request.expansions)
        at = self._cursors.position(request.cursor, USER, request.user_id)
        limit = page_limit(request.limit)
        page = await self._timelines.user(
            request.user_id, viewer, at.below, limit, request.since_id, after=at.above
        )
        drawn = await self._drawing.draw(
            page.tweets,
            viewer,
            expansions=expansions,
            withheld=withheld,
            named=_retweeters(page),
        )
        return self._answer(page, drawn, USER, request.user_id)

    def _answer(self, page: Page, drawn: Drawn, kind: str, owner: int) -> _Answer:
        # An older release, which reads these too in a rolling upgrade, knows those of one id.
        first, encode = page.first_retweet, self._cursors.encode
        next_cursor = (
            "" if page.next_before is None else encode(kind, owner, page.next_before, first)
        )
        previous_cursor = encode(kind, owner, page.previous_after, first, newer=True)
        return _Answer(page, drawn, next_cursor, previous_cursor)

    def _encoded(self, answer: _Answer) -> bytes:
        bodies = (_body(tweet, answer.page) for tweet in answer.page.tweets)
        added = (piece.encoded for piece in answer.drawn.pieces)
        return splice_page(
            map(add, bodies, added),
            answer.next_cursor,
            answer.drawn.includes,
            answer.previous_cursor,
        )

    def _in_json(self, answer: _Answer) -> bytes:
        added = (piece.json for piece in answer.drawn.pieces)
        tweets = map(add, self._open_json(answer.page), added)
        cursor = json_text(answer.next_cursor).encode() if answer.next_cursor else b""
        previous = json_text(answer.previous_cursor).encode()
        return http_body(splice_json_page(tweets, cursor, answer.drawn.includes_json, previous))

    def _open_json(self, page: Page) -> Iterator[bytes]:
        """Write each tweet without its closing brace."""
        return (
            (tweet.open_json or self._json_of(tweet)) + _retweeted_by_json(tweet, page)
            for tweet in page.tweets
        )

    def _json_of(self, tweet: EncodedTweet) -> bytes:
        json = self._json.open_of(tweet.body)
        if self._json.keeps(tweet.body):
            tweet.keep_open_json(json)
        return json


def _body(tweet: EncodedTweet, page: Page) -> bytes:
    """Append who retweeted a tweet, where that brought it: an appended field is part of it."""
    if tweet.retweet is None:
        return tweet.body
    retweeted_by = _retweeted_by(tweet.retweet, page.retweeters[tweet.tweet_id])
    return tweet.body + Tweet(retweeted_by=retweeted_by).SerializeToString()


def _retweeted_by_json(tweet: EncodedTweet, page: Page) -> bytes:
    """Write the same as what goes behind the last field of a tweet in JSON; mostly nothing."""
    if tweet.retweet is None:
        return b""
    said = _retweeted_by_text(_retweeted_by(tweet.retweet, page.retweeters[tweet.tweet_id]))
    return b',"retweeted_by":' + said.encode()


def _retweeted_by(retweet: Retweet, user_ids: Sequence[int]) -> RetweetedBy:
    return RetweetedBy(retweet_id=retweet.retweet_id, user_ids=user_ids)


def _retweeters(page: Page) -> Iterable[int]:
    return chain.from_iterable(page.retweeters.values())


_retweeted_by_text: Final = json_writer(RetweetedBy.DESCRIPTOR)
"""It is of one answer alone, so that nothing of it is kept."""
