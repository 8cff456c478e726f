"""Tweets as messages."""

from collections.abc import Iterable, Iterator, Sequence

from aviary.media.v1 import media_ref_pb2
from aviary.tweet.v1 import conversation_pb2, entities_pb2, tweet_pb2, tweet_service_pb2

from services.platform.drawing.ports import ReferencedTweet
from services.platform.rpc.timestamps import to_timestamp
from services.platform.text.entities import NO_ENTITIES, Entities
from services.platform.visibility.rule import Visibility, named
from services.tweet.model import ReplyThread, Tweet
from services.tweet.service import TweetService

__all__ = [
    "OwnTweets",
    "to_message",
    "to_quarantine",
    "to_quarantined",
    "to_reply",
    "tweets_of",
]


class OwnTweets:
    """The service's own tweets, for those that are about them."""

    def __init__(self, service: TweetService) -> None:
        self._service = service

    async def referenced(self, tweet_ids: Sequence[int]) -> dict[int, ReferencedTweet]:
        """Those of the tweets that there are. Raises `UnavailableError`."""
        found, _ = await self._service.lookup(tweet_ids)
        return {
            tweet.tweet_id: ReferencedTweet(
                tweet.tweet_id, tweet.user_id, to_message(tweet).SerializeToString()
            )
            for tweet in found
        }


def to_message(tweet: Tweet) -> tweet_pb2.Tweet:
    """Encode a tweet as its service gives it: without what answers add."""
    return tweet_pb2.Tweet(
        tweet_id=tweet.tweet_id,
        user_id=tweet.user_id,
        text=tweet.text,
        created_at=to_timestamp(tweet.created_at_ms),
        in_reply_to_tweet_id=tweet.in_reply_to_tweet_id or None,
        in_reply_to_user_id=tweet.in_reply_to_user_id or None,
        quote_tweet_id=tweet.quote_tweet_id or None,
        conversation_id=tweet.conversation_id or None,
        entities=_entities_to_proto(tweet.entities),
        language=tweet.language or None,
        attachments=_attachments_to_message(tweet),
        visibility=named(tweet.visibility) or None,
        audience=_audience_to_message(tweet),
    )


def to_quarantine(tweet: Tweet) -> tweet_service_pb2.TweetQuarantine | None:
    """Encode what an author is told of a tweet that is hidden; None where it is not."""
    if tweet.quarantine is None or not tweet.is_hidden:
        return None
    return tweet_service_pb2.TweetQuarantine(quarantined_at=to_timestamp(tweet.quarantine.at_ms))


def to_quarantined(tweet: Tweet) -> tweet_service_pb2.QuarantinedTweet:
    """Encode a tweet that is hidden, for operators."""
    why = tweet.quarantine
    return tweet_service_pb2.QuarantinedTweet(
        tweet_id=tweet.tweet_id,
        user_id=tweet.user_id,
        text=tweet.text,
        reason="" if why is None else why.reason,
        quarantined_at=None if why is None else to_timestamp(why.at_ms),
    )


def to_reply(thread: ReplyThread) -> conversation_pb2.Reply:
    """Encode a reply, and those under it."""
    return conversation_pb2.Reply(
        tweet=to_message(thread.tweet),
        replies=map(to_reply, thread.replies),
        has_more_replies=thread.has_more,
    )


def tweets_of(replies: Iterable[conversation_pb2.Reply]) -> Iterator[tweet_pb2.Tweet]:
    """Walk through the tweets of all levels; what is added to one is added to the reply."""
    for reply in replies:
        yield reply.tweet
        yield from tweets_of(reply.replies)


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


def _audience_to_message(tweet: Tweet) -> tweet_pb2.Audience | None:
    if tweet.visibility is not Visibility.MENTIONED:
        return None
    return tweet_pb2.Audience(user_ids=tweet.audience)


def _attachments_to_message(tweet: Tweet) -> tweet_pb2.Attachments | None:
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
