"""Bus messages in, use cases called."""

from collections.abc import Callable, Sequence

from services.media.erasure import MediaErasure
from services.media.ports import Users
from services.media.processing import Processing
from services.media.removal import Removal
from services.platform.erasure import require_gone
from services.tweet.events import decode_tweet_changed
from services.user.events import decode_user_deleted

__all__ = ["MediaConsumers"]


class MediaConsumers:
    """One method for each subscription."""

    def __init__(
        self,
        decode: Callable[[bytes], int],
        processing: Processing,
        removal: Removal,
        erasure: MediaErasure,
        users: Users,
    ) -> None:
        self._decode = decode
        self._processing = processing
        self._removal = removal
        self._erasure = erasure
        self._users = users

    async def uploaded(self, body: bytes) -> None:
        """Look at a picture whose bytes have come."""
        await self._processing.uploaded(self._decode(body))

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Delete the pictures of deleted tweets; nearly all messages are about others."""
        for body in bodies:
            change = decode_tweet_changed(body)
            if change.deleted and change.media_ids:
                await self._removal.tweet_deleted(change.tweet_id, change.media_ids)

    async def user_deleted(self, body: bytes) -> None:
        """Delete the pictures of a deleted user."""
        event = decode_user_deleted(body)
        gone = await self._users.missing([event.user_id])
        require_gone("user", event.user_id, lives=not gone)
        await self._erasure.erase(event.user_id, event.deleted_at_ms)
