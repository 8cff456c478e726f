"""`TweetService` over gRPC: translates, calls, translates."""

from collections.abc import AsyncIterator
from typing import Any, Final

from aviary.media.v1 import media_ref_pb2
from aviary.tweet.v1 import entities_pb2, tweet_pb2, tweet_service_pb2
from grpc.aio import ServicerContext

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import listed_ids
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY, content_digest
from services.platform.rpc.created import location
from services.platform.rpc.partial_errors import partial_errors
from services.platform.rpc.timestamps import to_timestamp
from services.platform.text.entities import NO_ENTITIES, Entities
from services.tweet.model import Delivery, Tweet
from services.tweet.service import TweetService
from services.tweet.streaming import TweetStreaming

__all__ = ["TweetServicer"]

FORM: Final = 3
"""Of what is said of a tweet: rises when that changes, so that nobody goes on with what an earlier
release answered. The first had no entities, and a 0 for no tweet; the second had no pictures."""
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

    def __init__(self, service: TweetService, streaming: TweetStreaming) -> None:
        self._service = service
        self._streaming = streaming

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
        )
        await context.send_initial_metadata(
            (
                (CONTENT_DIGEST_KEY, content_digest(tweet.text)),
                location("tweets", tweet.tweet_id),
            )
        )
        answer = _to_proto(tweet)
        return tweet_service_pb2.CreateTweetResponse(
            tweet=answer, tweet_id=answer.tweet_id, created_at=answer.created_at
        )

    async def GetTweet(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.GetTweetRequest, context: ServicerContext[Any, Any]
    ) -> tweet_service_pb2.GetTweetResponse:
        """Read a tweet. The `etag` in the initial metadata names the answer for HTTP clients."""
        tweet = await self._service.get(request.tweet_id)
        await context.send_initial_metadata((("etag", _etag(tweet)),))
        return tweet_service_pb2.GetTweetResponse(tweet=_to_proto(tweet))

    async def GetTweets(  # noqa: N802 - the name of the RPC
        self, request: tweet_service_pb2.GetTweetsRequest, _context: object
    ) -> tweet_service_pb2.GetTweetsResponse:
        """Read those of many tweets that there are."""
        found, missing = await self._service.lookup(listed_ids("ids", request.ids))
        answer = tweet_service_pb2.GetTweetsResponse(
            tweets=map(_to_proto, found), errors=partial_errors(missing, Reason.TWEET_NOT_FOUND)
        )
        if answer.ByteSize() > MAX_ANSWER_BYTES:
            raise InvalidArgumentError("ids", "name tweets too large for one answer: ask for fewer")
        return answer

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
        """Read many tweets."""
        found, missing = await self._service.lookup(request.tweet_ids)
        return tweet_service_pb2.LookupTweetsResponse(
            tweets=map(_to_proto, found), missing_ids=missing
        )

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
                tweets=map(_to_proto, page.tweets),
                resume_after_tweet_id=page.resume_after,
                percent=page.percent,
            )


def _etag(tweet: Tweet) -> str:
    # A tweet never changes, so its id and the form say all. What does change, such as a counter,
    # would have to be in here too, or stay out of the answer.
    return f'"{tweet.tweet_id}.{FORM}"'


def _to_proto(tweet: Tweet) -> tweet_pb2.Tweet:
    return tweet_pb2.Tweet(
        tweet_id=tweet.tweet_id,
        user_id=tweet.user_id,
        text=tweet.text,
        created_at=to_timestamp(tweet.created_at_ms),
        in_reply_to_tweet_id=tweet.in_reply_to_tweet_id or None,
        quote_tweet_id=tweet.quote_tweet_id or None,
        entities=_entities_to_proto(tweet.entities),
        language=tweet.language or None,
        attachments=_attachments_to_proto(tweet),
    )


def _attachments_to_proto(tweet: Tweet) -> tweet_pb2.Attachments | None:
    """Encode what a tweet carries; None where that is nothing, so that the field is absent."""
    if not tweet.media_refs:
        return None
    return tweet_pb2.Attachments(
        media_refs=[
            media_ref_pb2.MediaRef(
                media_id=each.media_id,
                content_type=each.content_type,
                width=each.width,
                height=each.height,
                blurhash=each.blurhash,
                alt_text=each.alt_text or None,
            )
            for each in tweet.media_refs
        ]
    )


def _entities_to_proto(found: Entities) -> entities_pb2.Entities | None:
    """Encode what a text refers to; None where that is nothing, so that the field is absent."""
    if found == NO_ENTITIES:
        return None
    return entities_pb2.Entities(
        mentions=[
            entities_pb2.MentionEntity(start=each.start, end=each.end, username=each.username)
            for each in found.mentions
        ],
        hashtags=[
            entities_pb2.HashtagEntity(start=each.start, end=each.end, tag=each.tag)
            for each in found.hashtags
        ],
        cashtags=[
            entities_pb2.CashtagEntity(start=each.start, end=each.end, tag=each.tag)
            for each in found.cashtags
        ],
        urls=[
            entities_pb2.UrlEntity(start=each.start, end=each.end, url=each.url)
            for each in found.urls
        ],
    )
