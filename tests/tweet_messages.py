"""Messages about tweets as releases wrote them that did not say what a tweet refers to."""

from collections.abc import Sequence

from aviary.event.v1 import event_pb2

__all__ = ["created"]


def created(tweet_id: int, user_id: int, audience: Sequence[int] | None = None) -> bytes:
    """Announce a tweet that has to be read to know what it refers to; for an audience alone."""
    made = event_pb2.TweetCreated(
        tweet_id=tweet_id,
        user_id=user_id,
        for_audience=audience is not None,
        audience_user_ids=audience or (),
    )
    return event_pb2.TweetEvent(created=made).SerializeToString()
