"""Tweets as messages, as the rule looks at them."""

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.rule import visibility_of
from services.platform.visibility.seen import TweetFacts

__all__ = ["encoded_of", "facts_of", "read_facts"]


def facts_of(tweet: Tweet) -> TweetFacts:
    """Take what the rule asks from a message."""
    if not tweet.visibility:
        return TweetFacts(tweet.user_id)
    return TweetFacts(
        tweet.user_id, visibility_of(tweet.visibility), tuple(tweet.audience.user_ids)
    )


def encoded_of(tweet: Tweet) -> EncodedTweet:
    """Encode a message, beside what the rule asks of it."""
    facts, body = facts_of(tweet), tweet.SerializeToString()
    return EncodedTweet(
        tweet.tweet_id, tweet.user_id, body, facts.visibility, tuple(facts.audience)
    )


def read_facts(body: bytes) -> TweetFacts:
    """Take it from an encoded message."""
    return facts_of(Tweet.FromString(body))
