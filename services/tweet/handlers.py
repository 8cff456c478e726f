"""Bus messages in, use cases called."""

from services.bus.events import decode_user_deleted
from services.tweet.erasure import Erasure

__all__ = ["TweetHandlers"]


class TweetHandlers:
    """One method for each subscription."""

    def __init__(self, erasure: Erasure) -> None:
        self._erasure = erasure

    async def user_deleted(self, body: bytes) -> None:
        """Erase the tweets of a deleted user."""
        event = decode_user_deleted(body)
        await self._erasure.author_deleted(event.user_id, event.deleted_at_ms)
