"""What is refused of arguments, in the same words everywhere."""

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError

__all__ = ["no_tweet", "no_user"]


def no_tweet(tweet_id: int) -> NotFoundError:
    """Build the answer to who names no tweet, or a deleted one."""
    return NotFoundError(
        f"tweet_id: no tweet {tweet_id}",
        reason=Reason.TWEET_NOT_FOUND,
        metadata={"field": "tweet_id", "tweet_id": str(tweet_id)},
    )


def no_user(user_id: int) -> NotFoundError:
    """Build the answer to who names nobody."""
    return NotFoundError(
        f"user_id: no user {user_id}",
        reason=Reason.USER_NOT_FOUND,
        metadata={"field": "user_id", "user_id": str(user_id)},
    )
