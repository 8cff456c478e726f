"""`TweetService` over gRPC: translates, calls, translates."""

import hashlib
from collections.abc import AsyncIterator
from typing import Any, Final

from aviary.tweet.v1 import tweet_service_pb2
from grpc.aio import ServicerContext

from services.platform.drawing.drawing import Drawing
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.messages import draw_messages
from services.platform.drawing.withheld import withheld_from
from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_optional_id, listed_ids
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY, content_digest
from services.platform.rpc.created import location
from services.platform.rpc.end_user import reader_of
from services.platform.rpc.next_page import say_next_page
from services.platform.rpc.paging import CursorCodec, page_limit
from services.platform.rpc.partial_errors import partial_errors
from services.tweet.author_counts import AuthorCounting
from services.tweet.backfill import RepliesBackfill
from services.tweet.conversation import Conversations
from services.tweet.messages import (
    to_message,
    to_quarantine,
    to_quarantined,
    to_reply,
    tweets_of,
)
from services.tweet.model import Delivery, RetweetPair
from services.tweet.quarantine import TweetQuarantine
from services.tweet.retweets import Retweets
from services.tweet.service import TweetService
from services.tweet.streaming import TweetStreaming

__all__ = ["TweetServicer"]

ETAG_BYTES: Final = 12
"""Of a digest of what is answered: two answers of a tweet never have the same."""
MAX_ANSWER_BYTES: Final = 3_000_000
"""Of tweets by ids: a channel takes 4 MiB of an answer, and so does the edge, which makes JSON of
it. Only tweets with the longest URLs come so far."""

_DELIVERIES = {
    tweet_service_pb2.DELIVERY_PUSH: Delivery.PUSH,
    tweet_service_pb2.DELIVERY_PULL: Delivery.PULL,
}
_DELIVERY_NUMBERS = {delivery: number for number, delivery in _DELIVERIES.items()}


class TweetServicer:
    """The RPCs of `aviary.tweet.v1.TweetService`; domain errors pass through."""

    def __init__(  # noqa: PLR0913, PLR0917 - one argument per group of use cases
        self,
        service: TweetService,
        streaming: TweetStreaming,
        retweets: Retweets,
        conversations: Conversations,
        backfill: RepliesBackfill,
        quarantine: TweetQuarantine,
        cursors: CursorCodec,
        drawing: Drawing,
        counting: AuthorCounting,
    ) -> None:
        self._service = service
        self._drawing = drawing
        self._counting = counting
        self._streaming = streaming
        self._retweets = retweets
        self._conversations = conversations
        self._backfill = backfill
        self._quarantine = quarantine
        self._cursors = cursors

    async def CreateTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.CreateTweetRequest, context: ServicerContext[Any, Any]
    ) -> tweet_service_pb2.CreateTweetResponse:
        """Make a tweet. The initial metadata has its path, and a digest of its text."""
        tweet = await self._service.create(
            request.user_id,
            request.text,
            in_reply_to=request.in_reply_to_tweet_id,
            quote=request.quote_tweet_id,
            request_id=request.request_id,
            language=request.language,
            media_ids=request.media_ids,
            visibility=request.visibility,
        )
        await context.send_initial_metadata(
            (
                (CONTENT_DIGEST_KEY, content_digest(tweet.text)),
                location("tweets", tweet.tweet_id),
            )
        )
        answer = to_message(tweet)
        return tweet_service_pb2.CreateTweetResponse(
            tweet=answer, tweet_id=answer.tweet_id, created_at=answer.created_at
        )

    async def GetTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.GetTweetRequest, context: ServicerContext[Any, Any]
    ) -> tweet_service_pb2.GetTweetResponse:
        """Read a tweet. The `etag` in the initial metadata names the answer for HTTP clients."""
        expansions = read_expansions(request.expansions)
        metadata = context.invocation_metadata()
        reader, withheld = reader_of(metadata), withheld_from(metadata)
        found = await self._service.get(request.tweet_id, reader)
        tweet = to_message(found)
        includes = await draw_messages(self._drawing, [tweet], reader, expansions, withheld)
        answer = tweet_service_pb2.GetTweetResponse(
            tweet=tweet, includes=includes, quarantine=to_quarantine(found)
        )
        await context.send_initial_metadata((("etag", _etag(answer)),))
        return answer

    async def GetTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.GetTweetsRequest, context: ServicerContext[Any, Any]
    ) -> tweet_service_pb2.GetTweetsResponse:
        """Read those of many tweets that there are."""
        expansions = read_expansions(request.expansions)
        metadata = context.invocation_metadata()
        reader, withheld = reader_of(metadata), withheld_from(metadata)
        asked = listed_ids("ids", request.ids)
        found = await self._service.get_many(asked, reader)
        known = {tweet.tweet_id for tweet in found}
        # To clients one that cannot be read is as one that there is not.
        missing = [each for each in asked if each not in known]
        answer = tweet_service_pb2.GetTweetsResponse(
            tweets=map(to_message, found), errors=partial_errors(missing, Reason.TWEET_NOT_FOUND)
        )
        if answer.ByteSize() > MAX_ANSWER_BYTES:
            raise InvalidArgumentError("ids", "name tweets too large for one answer: ask for fewer")
        includes = await draw_messages(self._drawing, answer.tweets, reader, expansions, withheld)
        if includes is not None:
            answer.includes.CopyFrom(includes)
        return answer

    async def GetConversation(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.GetConversationRequest, context: ServicerContext[Any, Any]
    ) -> tweet_service_pb2.GetConversationResponse:
        """Read a tweet with what it answers and a page of its replies."""
        expansions = read_expansions(request.expansions)
        tweet_id, limit = request.tweet_id, page_limit(request.limit)
        kind = f"conversation:{request.user_id}"
        # A tweet that cannot be packed is refused by the use case, with a better message.
        is_on = bool(request.cursor) and tweet_id > 0
        before = self._cursors.decode(request.cursor, kind, tweet_id) if is_on else None
        page = await self._conversations.read(tweet_id, request.user_id, before, limit)
        next_cursor = (
            None
            if page.resume_before is None
            else self._cursors.encode(kind, tweet_id, page.resume_before)
        )
        await say_next_page(context, request, next_cursor, in_path="tweet_id")
        answer = tweet_service_pb2.GetConversationResponse(
            tweet=to_message(page.tweet),
            ancestors=map(to_message, page.ancestors),
            replies=map(to_reply, page.threads),
            next_cursor=next_cursor,
        )
        tweets = [answer.tweet, *answer.ancestors, *tweets_of(answer.replies)]
        withheld = withheld_from(context.invocation_metadata())
        reader = request.user_id
        includes = await draw_messages(self._drawing, tweets, reader, expansions, withheld)
        if includes is not None:
            answer.includes.CopyFrom(includes)
        return answer

    async def BackfillReplies(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.BackfillRepliesRequest, _context: object
    ) -> tweet_service_pb2.BackfillRepliesResponse:
        """List replies of before they were listed."""
        found = await self._backfill.backfill(request.after_tweet_id, request.limit)
        return tweet_service_pb2.BackfillRepliesResponse(
            replies=found.replies,
            resume_after_tweet_id=found.resume_after,
            percent=found.percent,
        )

    async def ListQuarantinedTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.ListQuarantinedTweetsRequest, _context: object
    ) -> tweet_service_pb2.ListQuarantinedTweetsResponse:
        """List what is hidden."""
        found = await self._quarantine.listed(request.after_tweet_id, request.limit)
        return tweet_service_pb2.ListQuarantinedTweetsResponse(tweets=map(to_quarantined, found))

    async def QuarantineTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.QuarantineTweetRequest, _context: object
    ) -> tweet_service_pb2.QuarantineTweetResponse:
        """Hide a tweet."""
        await self._quarantine.hide(request.tweet_id, request.reason)
        return tweet_service_pb2.QuarantineTweetResponse()

    async def ClearTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.ClearTweetRequest, _context: object
    ) -> tweet_service_pb2.ClearTweetResponse:
        """Show a tweet again."""
        await self._quarantine.clear(request.tweet_id)
        return tweet_service_pb2.ClearTweetResponse()

    async def DeleteTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.DeleteTweetRequest, _context: object
    ) -> tweet_service_pb2.DeleteTweetResponse:
        """Delete a tweet."""
        await self._service.delete(
            request.tweet_id, user_id=request.user_id, request_id=request.request_id
        )
        return tweet_service_pb2.DeleteTweetResponse()

    async def LookupTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.LookupTweetsRequest, _context: object
    ) -> tweet_service_pb2.LookupTweetsResponse:
        """Read many tweets, and retweets if they are asked for."""
        found, missing = await self._service.lookup(request.tweet_ids)
        retweets = await self._retweets.lookup(missing) if request.with_retweets else []
        known = {each.retweet_id for each in retweets}
        return tweet_service_pb2.LookupTweetsResponse(
            tweets=map(to_message, found),
            missing_ids=[each for each in missing if each not in known],
            retweets=[
                tweet_service_pb2.Retweet(
                    retweet_id=each.retweet_id, user_id=each.user_id, tweet_id=each.tweet_id
                )
                for each in retweets
            ],
        )

    async def PlaceRetweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.PlaceRetweetsRequest, _context: object
    ) -> tweet_service_pb2.PlaceRetweetsResponse:
        """Have retweets stand in timelines, or not."""
        await self._retweets.place(
            {RetweetPair(each.user_id, each.tweet_id): each.standing for each in request.retweets}
        )
        return tweet_service_pb2.PlaceRetweetsResponse()

    async def ListAuthorTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.ListAuthorTweetsRequest, _context: object
    ) -> tweet_service_pb2.ListAuthorTweetsResponse:
        """List the newest tweets of authors."""
        authors = await self._service.list_by_authors(
            request.user_ids, before=request.before_tweet_id, limit=request.limit
        )
        return tweet_service_pb2.ListAuthorTweetsResponse(
            authors=[
                tweet_service_pb2.AuthorTweets(user_id=author.user_id, tweet_ids=author.tweet_ids)
                for author in authors
            ]
        )

    async def LookupSeenTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.LookupSeenTweetsRequest, _context: object
    ) -> tweet_service_pb2.LookupSeenTweetsResponse:
        """Tell which tweets a reader may see."""
        check_optional_id("reader_user_id", request.reader_user_id)
        found = await self._service.get_many(request.tweet_ids, request.reader_user_id)
        seen = tweet_service_pb2.SeenTweet
        return tweet_service_pb2.LookupSeenTweetsResponse(
            tweets=[seen(tweet_id=tweet.tweet_id, user_id=tweet.user_id) for tweet in found]
        )

    async def LookupAuthorCounts(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.LookupAuthorCountsRequest, _context: object
    ) -> tweet_service_pb2.LookupAuthorCountsResponse:
        """Count the tweets of authors."""
        found = await self._counting.lookup(request.user_ids)
        count = tweet_service_pb2.AuthorCount
        return tweet_service_pb2.LookupAuthorCountsResponse(
            counts=[count(user_id=who, tweet_count=number) for who, number in found.items()]
        )

    async def DecideDelivery(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.DecideDeliveryRequest, _context: object
    ) -> tweet_service_pb2.DecideDeliveryResponse:
        """Keep how a tweet is delivered; a number that is not known here counts as unspecified."""
        wanted = _DELIVERIES.get(request.delivery, Delivery.UNSPECIFIED)
        decided = await self._service.decide_delivery(request.tweet_id, wanted)
        return tweet_service_pb2.DecideDeliveryResponse(delivery=_DELIVERY_NUMBERS[decided])

    async def StreamTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.StreamTweetsRequest, _context: object
    ) -> AsyncIterator[tweet_service_pb2.StreamTweetsResponse]:
        """Stream all tweets in pages."""
        async for page in self._streaming.pages(request.after_tweet_id, request.limit):
            yield tweet_service_pb2.StreamTweetsResponse(
                tweets=map(to_message, page.tweets),
                resume_after_tweet_id=page.resume_after,
                percent=page.percent,
            )


def _etag(answer: tweet_service_pb2.GetTweetResponse) -> str:
    # The tweet itself never changes; what is counted of it, and who its author is, does.
    content = answer.SerializeToString(deterministic=True)
    return f'"{hashlib.blake2b(content, digest_size=ETAG_BYTES).hexdigest()}"'
