"""Deleting pictures: their bytes first, then what is noted of them, which leads to the bytes.

All of it may be repeated, and may be done by any replica, or by two at once.
"""

from collections.abc import Sequence

from services.media.model import COLLECTED, Media
from services.media.ports import MediaBytes, MediaStore, Tweets
from services.platform.erasure import require_gone

__all__ = ["Removal"]


class Removal:
    """Deletes pictures for good. Raises `UnavailableError`; then there is more to delete."""

    def __init__(self, store: MediaStore, media_bytes: MediaBytes, tweets: Tweets) -> None:
        self._store = store
        self._bytes = media_bytes
        self._tweets = tweets

    async def tweet_deleted(self, tweet_id: int, media_ids: Sequence[int]) -> None:
        """Delete those of the pictures that the tweet carries.

        Raises `FailedPreconditionError` (`STILL_THERE`) where the tweet is there.
        """
        found = await self._store.get_many(media_ids)
        held = [each for each in found.values() if each.holder in (tweet_id, COLLECTED)]
        if not held:
            return
        gone = await self._tweets.missing([tweet_id])
        require_gone("tweet", tweet_id, lives=not gone)
        for media in held:
            await self.remove(media)

    async def collect(self, media: Media) -> bool:
        """Delete a picture, unless another is faster to change who carries it."""
        if media.holder != COLLECTED:
            found = await self._store.hold(media.upload.media_id, media.holder, COLLECTED)
            if found not in (media.holder, COLLECTED):
                return False
        await self.purge(media.upload.media_id, media.upload.user_id)
        return True

    async def remove(self, media: Media) -> None:
        """Delete a picture, whoever carries it meanwhile."""
        while not await self.collect(media):
            again = (await self._store.get_many([media.upload.media_id])).values()
            if not again:
                return
            (media,) = again

    async def purge(self, media_id: int, user_id: int) -> None:
        """Delete its bytes and all that is noted of it, whatever that is.

        `user_id` is its owner; 0 where nobody knows, as of what was written while it was deleted.
        """
        await self._bytes.delete(media_id)
        await self._store.forget(media_id, user_id)
