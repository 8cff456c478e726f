"""Events on the wire: as messages of gRPC, and as server-sent events (WHATWG HTML, 9.2)."""

from typing import Final

from aviary.live.v1 import live_service_pb2 as pb

from services.live.model import Beat, Changed, Deleted, Event, Posted
from services.platform.rpc.json_answers import json_writer

__all__ = ["BEAT", "as_message", "as_text", "closing", "opening"]

MOST: Final = (1 << 31) - 1
"""Of the counts that are shown."""
BEAT: Final = b": still here\n\n"
_write_tweet: Final = json_writer(pb.NewTweet.DESCRIPTOR)
_write_deleted: Final = json_writer(pb.DeletedTweet.DESCRIPTOR)
_write_counts: Final = json_writer(pb.ChangedCounts.DESCRIPTOR)


def as_message(event: Event, cursor: str) -> pb.StreamHomeResponse:
    """Make the message of an event."""
    if isinstance(event, Posted):
        tweet = pb.NewTweet.FromString(event.entry.encoded)
        return pb.StreamHomeResponse(cursor=cursor, tweet=tweet)
    if isinstance(event, Deleted):
        return pb.StreamHomeResponse(cursor=cursor, delete=_deleted(event))
    if isinstance(event, Changed):
        return pb.StreamHomeResponse(cursor=cursor, counts=_counts(event))
    if isinstance(event, Beat):
        return pb.StreamHomeResponse(cursor=cursor, heartbeat=pb.Heartbeat())
    return pb.StreamHomeResponse(cursor=cursor, reset=pb.Reset())


def as_text(event: Event, cursor: str) -> bytes:
    """Write an event as a server-sent one. JSON has no line ends, so that its data is one line."""
    if isinstance(event, Beat):
        return BEAT
    name, data = "reset", "{}"
    if isinstance(event, Posted):
        name, data = "tweet", _write_tweet(pb.NewTweet.FromString(event.entry.encoded))
    elif isinstance(event, Deleted):
        name, data = "delete", _write_deleted(_deleted(event))
    elif isinstance(event, Changed):
        name, data = "counts", _write_counts(_counts(event))
    return f"event: {name}\nid: {cursor}\ndata: {data}\n\n".encode()


def opening(cursor: str, retry_ms: int) -> bytes:
    """Write what comes first: where to go on if nothing else comes, and when."""
    return f": open\nretry: {retry_ms}\nid: {cursor}\n\n".encode()


def closing(retry_ms: int) -> bytes:
    """Write what comes last: when to come back."""
    return f": goodbye\nretry: {retry_ms}\n\n".encode()


def _deleted(event: Deleted) -> pb.DeletedTweet:
    return pb.DeletedTweet(tweet_id=event.tweet_id)


def _counts(event: Changed) -> pb.ChangedCounts:
    counts = event.counts
    likes, retweets, replies, quotes = (
        min(max(0, count), MOST)
        for count in (counts.likes, counts.retweets, counts.replies, counts.quotes)
    )
    return pb.ChangedCounts(
        tweet_id=event.tweet_id,
        like_count=likes,
        retweet_count=retweets,
        reply_count=replies,
        quote_count=quotes,
    )
