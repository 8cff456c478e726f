"""A tweet as caches keep it."""

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.timeline.model import EncodedTweet

__all__ = ["tweet"]


def tweet(tweet_id: int) -> EncodedTweet:
    """One that says nothing, by user 7."""
    body = Tweet(tweet_id=tweet_id, user_id=7).SerializeToString()
    return EncodedTweet(tweet_id, 7, deleted=False, visibility=0, body=body)
