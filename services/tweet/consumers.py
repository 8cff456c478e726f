"""Bus messages in, use cases called."""

from services.platform.erasure import require_gone
from services.tweet.erasure import TweetErasure
from services.tweet.ports import UserDirectory
from services.user.events import decode_user_deleted

__all__ = ["TweetConsumers"]


class TweetConsumers:
    """One method for each subscription."""

    def __init__(self, erasure: TweetErasure, users: UserDirectory) -> None:
        self._erasure = erasure
        self._users = users

    async def user_deleted(self, body: bytes) -> None:
        """Erase the tweets of a deleted user."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.author_deleted(event.user_id, event.deleted_at_ms)
