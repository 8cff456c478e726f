"""The engagement service over gRPC: translates between messages and the use cases."""

# ruff: noqa: N802, ARG002 - names and signatures are those of the proto

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

from aviary.engagement.v1 import engagement_service_pb2 as pb
from aviary.engagement.v1.engagement_service_pb2_grpc import EngagementServiceServicer
from aviary.tweet.v1 import tweet_pb2
from aviary.user.v1 import user_pb2
from grpc.aio import ServicerContext

from services.engagement.backfill import ReferencesBackfill
from services.engagement.counting import Counting
from services.engagement.engaging import Engaging
from services.engagement.model import Kind, TweetCounts, UserProfile
from services.engagement.reads import Reads
from services.engagement.reconciling import Reconciling
from services.platform.drawing.drawing import Drawing
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.messages import draw_messages
from services.platform.drawing.withheld import withheld_from
from services.platform.rpc.end_user import reader_of
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.timestamps import to_timestamp
from services.platform.visibility.encoded import EncodedTweet

__all__ = ["EngagementServicer"]

LIKERS, RETWEETERS, LIKES, BOOKMARKS = "likers", "retweeters", "likes", "bookmarks"

_KINDS = {
    Kind.LIKE: pb.ENGAGEMENT_KIND_LIKE,
    Kind.RETWEET: pb.ENGAGEMENT_KIND_RETWEET,
    Kind.BOOKMARK: pb.ENGAGEMENT_KIND_BOOKMARK,
    Kind.REPLY: pb.ENGAGEMENT_KIND_REPLY,
    Kind.QUOTE: pb.ENGAGEMENT_KIND_QUOTE,
}

_Context: TypeAlias = "ServicerContext[Any, Any]"


class EngagementServicer(EngagementServiceServicer):
    """`aviary.engagement.v1.EngagementService`. Domain errors pass through."""

    def __init__(  # noqa: PLR0913 - one argument per group of use cases, and what answers need
        self,
        *,
        engaging: Engaging,
        reads: Reads,
        counting: Counting,
        reconciling: Reconciling,
        backfill: ReferencesBackfill,
        cursors: CursorCodec,
        drawing: Drawing,
    ) -> None:
        self._engaging = engaging
        self._reads = reads
        self._counting = counting
        self._reconciling = reconciling
        self._backfill = backfill
        self._cursors = cursors
        self._drawing = drawing

    async def Like(self, request: pb.LikeRequest, context: _Context) -> pb.LikeResponse:
        """Like a tweet."""
        await self._engaging.engage(Kind.LIKE, request.user_id, request.tweet_id)
        return pb.LikeResponse()

    async def Unlike(self, request: pb.UnlikeRequest, context: _Context) -> pb.UnlikeResponse:
        """Take a like back."""
        await self._engaging.disengage(Kind.LIKE, request.user_id, request.tweet_id)
        return pb.UnlikeResponse()

    async def Retweet(self, request: pb.RetweetRequest, context: _Context) -> pb.RetweetResponse:
        """Retweet a tweet."""
        await self._engaging.engage(Kind.RETWEET, request.user_id, request.tweet_id)
        return pb.RetweetResponse()

    async def Unretweet(
        self, request: pb.UnretweetRequest, context: _Context
    ) -> pb.UnretweetResponse:
        """Take a retweet back."""
        await self._engaging.disengage(Kind.RETWEET, request.user_id, request.tweet_id)
        return pb.UnretweetResponse()

    async def Bookmark(self, request: pb.BookmarkRequest, context: _Context) -> pb.BookmarkResponse:
        """Bookmark a tweet."""
        await self._engaging.engage(Kind.BOOKMARK, request.user_id, request.tweet_id)
        return pb.BookmarkResponse()

    async def Unbookmark(
        self, request: pb.UnbookmarkRequest, context: _Context
    ) -> pb.UnbookmarkResponse:
        """Remove a bookmark."""
        await self._engaging.disengage(Kind.BOOKMARK, request.user_id, request.tweet_id)
        return pb.UnbookmarkResponse()

    async def ListLikers(
        self, request: pb.ListLikersRequest, context: _Context
    ) -> pb.ListLikersResponse:
        """Read a page of who likes a tweet."""
        tweet_id, limit = request.tweet_id, page_limit(request.limit)
        after = self._after(request.cursor, LIKERS, tweet_id)
        page = await self._reads.users_of(Kind.LIKE, tweet_id, _reader(context), after, limit)
        next_cursor = self._next_cursor(page.next_after, LIKERS, tweet_id)
        await say_next_page(context, request, next_cursor, in_path="tweet_id")
        return pb.ListLikersResponse(users=map(_user, page.users), next_cursor=next_cursor)

    async def ListRetweeters(
        self, request: pb.ListRetweetersRequest, context: _Context
    ) -> pb.ListRetweetersResponse:
        """Read a page of who has retweeted a tweet."""
        tweet_id, limit = request.tweet_id, page_limit(request.limit)
        after = self._after(request.cursor, RETWEETERS, tweet_id)
        page = await self._reads.users_of(Kind.RETWEET, tweet_id, _reader(context), after, limit)
        next_cursor = self._next_cursor(page.next_after, RETWEETERS, tweet_id)
        await say_next_page(context, request, next_cursor, in_path="tweet_id")
        return pb.ListRetweetersResponse(users=map(_user, page.users), next_cursor=next_cursor)

    async def ListLikes(
        self, request: pb.ListLikesRequest, context: _Context
    ) -> pb.ListLikesResponse:
        """Read a page of the tweets that a user likes."""
        user_id, limit = request.user_id, page_limit(request.limit)
        expansions = read_expansions(request.expansions)
        at = self._cursors.position(request.cursor, LIKES, user_id)
        page = await self._reads.tweets_of(Kind.LIKE, user_id, at.below, limit, above=at.above)
        next_cursor = self._next_cursor(page.next_after, LIKES, user_id)
        previous = self._cursors.encode(LIKES, user_id, page.previous_after, newer=True)
        await say_next_page(context, request, next_cursor, in_path="user_id", previous=previous)
        tweets = list(map(_tweet, page.tweets))
        withheld = withheld_from(context.invocation_metadata())
        includes = await draw_messages(self._drawing, tweets, user_id, expansions, withheld)
        return pb.ListLikesResponse(
            tweets=tweets, next_cursor=next_cursor, previous_cursor=previous, includes=includes
        )

    async def ListBookmarks(
        self, request: pb.ListBookmarksRequest, context: _Context
    ) -> pb.ListBookmarksResponse:
        """Read a page of the tweets that a user has bookmarked."""
        user_id, limit = request.user_id, page_limit(request.limit)
        expansions = read_expansions(request.expansions)
        at = self._cursors.position(request.cursor, BOOKMARKS, user_id)
        page = await self._reads.tweets_of(Kind.BOOKMARK, user_id, at.below, limit, above=at.above)
        next_cursor = self._next_cursor(page.next_after, BOOKMARKS, user_id)
        previous = self._cursors.encode(BOOKMARKS, user_id, page.previous_after, newer=True)
        await say_next_page(context, request, next_cursor, previous=previous)
        tweets = list(map(_tweet, page.tweets))
        withheld = withheld_from(context.invocation_metadata())
        includes = await draw_messages(self._drawing, tweets, user_id, expansions, withheld)
        return pb.ListBookmarksResponse(
            tweets=tweets, next_cursor=next_cursor, previous_cursor=previous, includes=includes
        )

    async def LookupCounts(
        self, request: pb.LookupCountsRequest, context: _Context
    ) -> pb.LookupCountsResponse:
        """Count for many tweets."""
        found = await self._counting.lookup(request.tweet_ids)
        return pb.LookupCountsResponse(counts=map(_counts, found))

    async def LookupEngaged(
        self, request: pb.LookupEngagedRequest, context: _Context
    ) -> pb.LookupEngagedResponse:
        """Say what a user did with many tweets."""
        found = await self._reads.engaged(request.user_id, request.tweet_ids)
        return pb.LookupEngagedResponse(engaged=_engaged(found))

    async def ListNewestEngaged(
        self, request: pb.ListNewestEngagedRequest, context: _Context
    ) -> pb.ListNewestEngagedResponse:
        """Say what a user did with the newest tweets."""
        newest = await self._reads.newest_engaged(request.user_id)
        return pb.ListNewestEngagedResponse(
            engaged=_engaged(newest.by_kind), floor_tweet_id=newest.floor
        )

    async def Reconcile(
        self, request: pb.ReconcileRequest, context: _Context
    ) -> pb.ReconcileResponse:
        """Put counts right."""
        drifts = await self._reconciling.reconcile(request.tweet_ids)
        return pb.ReconcileResponse(
            drifts=[
                pb.CountDrift(
                    tweet_id=one.tweet_id,
                    kind=_KINDS[one.kind],
                    counted=one.counted,
                    exact=one.exact,
                )
                for one in drifts
            ]
        )

    async def BackfillReferences(
        self, request: pb.BackfillReferencesRequest, context: _Context
    ) -> pb.BackfillReferencesResponse:
        """Count answers and quotes of before."""
        found = await self._backfill.backfill(request.after_tweet_id, request.limit)
        return pb.BackfillReferencesResponse(
            references=found.references,
            resume_after_tweet_id=found.resume_after,
            percent=found.percent,
        )

    def _after(self, cursor: str, kind: str, owner: int) -> int | None:
        # An owner that cannot be packed is refused by the use case, with a better message.
        return self._cursors.decode(cursor, kind, owner) if cursor and owner > 0 else None

    def _next_cursor(self, next_after: int | None, kind: str, owner: int) -> str | None:
        return None if next_after is None else self._cursors.encode(kind, owner, next_after)


def _reader(context: _Context) -> int:
    return reader_of(context.invocation_metadata())


def _user(profile: UserProfile) -> user_pb2.User:
    return user_pb2.User(
        user_id=profile.user_id,
        handle=profile.handle,
        display_name=profile.display_name,
        created_at=to_timestamp(profile.created_at_ms),
        bio=profile.bio or None,
        protected=profile.protected or None,
    )


def _tweet(tweet: EncodedTweet) -> tweet_pb2.Tweet:
    return tweet_pb2.Tweet.FromString(tweet.body)


def _engaged(found: Mapping[Kind, Sequence[int]]) -> pb.Engaged:
    return pb.Engaged(
        liked_ids=found[Kind.LIKE],
        retweeted_ids=found[Kind.RETWEET],
        bookmarked_ids=found[Kind.BOOKMARK],
    )


def _counts(counts: TweetCounts) -> pb.TweetCounts:
    # A decrement that is counted before its increment leaves a count below 0 for a moment.
    found = {kind: max(0, counts.by_kind.get(kind, 0)) for kind in Kind}
    return pb.TweetCounts(
        tweet_id=counts.tweet_id,
        like_count=found[Kind.LIKE],
        retweet_count=found[Kind.RETWEET],
        bookmark_count=found[Kind.BOOKMARK],
        reply_count=found[Kind.REPLY],
        quote_count=found[Kind.QUOTE],
    )
