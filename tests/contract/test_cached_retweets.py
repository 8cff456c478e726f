"""What the cache of tweets keeps of retweets and of replies, on one node and a cluster."""

from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.valkey.connection import ValkeyClient
from services.timeline.clients import read_tweet
from services.timeline.model import EncodedTweet
from services.timeline.tweet_cache import TweetCache
from tests.contract.valkey_clients import client, server

__all__ = ["client", "server"]


async def test_retweets_and_whom_a_tweet_answers_come_back(client: ValkeyClient) -> None:
    cache = TweetCache(client, read_tweet=read_tweet)
    retweet = EncodedTweet(8, 7, deleted=False, visibility=0, body=b"", retweet_of=1 << 62)
    body = Tweet(tweet_id=9, user_id=7, in_reply_to_user_id=6).SerializeToString()
    reply = EncodedTweet(9, 7, deleted=False, visibility=0, body=body, answered_id=6)
    plain = Tweet(tweet_id=10, user_id=7).SerializeToString()
    tweet = EncodedTweet(10, 7, deleted=False, visibility=0, body=plain)
    await cache.put_many([retweet, reply, tweet])
    assert await cache.get_many([8, 9, 10]) == {8: retweet, 9: reply, 10: tweet}
    await cache.put_tombstone(8)
    await cache.put_many([retweet])
    assert await cache.get_many([8]) == {8: EncodedTweet.tombstone(8)}
