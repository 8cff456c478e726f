"""Binding pictures to the tweet that is about to carry them."""

from collections.abc import Mapping, Sequence

from services.media.arguments import no_media
from services.media.model import MAX_PER_TWEET, Image, Media, MediaRef, Status
from services.media.ports import MediaStore
from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, InvalidArgumentError
from services.platform.ids.arguments import check_id, check_ids

__all__ = ["Attaching"]


class Attaching:
    """The use case of the tweet service.

    It binds before the tweet is there: a picture whose tweet never comes to be is collected with
    those that nobody attached.
    """

    def __init__(self, store: MediaStore) -> None:
        self._store = store

    async def attach(self, user_id: int, tweet_id: int, media_ids: Sequence[int]) -> list[MediaRef]:
        """Bind 1 to `MAX_PER_TWEET` pictures to a tweet; all of them, or none. Idempotent.

        Raises `NotFoundError` for what is not there, or not the user's, `FailedPreconditionError`
        for what is not ready or another tweet's, and `InvalidArgumentError`.
        """
        check_id("user_id", user_id)
        check_id("tweet_id", tweet_id)
        check_ids("media_ids", media_ids, most=MAX_PER_TWEET)
        if len(set(media_ids)) < len(media_ids):
            raise InvalidArgumentError("media_ids", "must name each picture once")
        found = await self._store.get_many(media_ids)
        refs = [_ref(media_id, user_id, tweet_id, found) for media_id in media_ids]
        bound: list[int] = []
        for media_id in media_ids:
            if found[media_id].holder == tweet_id:
                continue
            if await self._store.hold(media_id, 0, tweet_id) not in (0, tweet_id):
                await self._release(bound, tweet_id)
                raise _in_use(media_id)
            bound.append(media_id)
        return refs

    async def _release(self, media_ids: Sequence[int], tweet_id: int) -> None:
        for media_id in media_ids:
            await self._store.hold(media_id, tweet_id, 0)


def _ref(media_id: int, user_id: int, tweet_id: int, found: Mapping[int, Media]) -> MediaRef:
    """Build what the tweet is to carry, or raise why it cannot."""
    media = found.get(media_id)
    if media is None or media.upload.user_id != user_id:
        raise no_media(media_id, "media_ids")
    if media.holder not in (0, tweet_id):
        raise _in_use(media_id)
    image = media.outcome
    # What was ready when it was bound stays part of the tweet, whatever was found since.
    is_bound = media.holder == tweet_id
    if not isinstance(image, Image) or not (is_bound or media.status is Status.READY):
        raise FailedPreconditionError(
            f"media_ids: picture {media_id} is {media.status.value}, and must be ready",
            reason=Reason.MEDIA_NOT_READY,
            metadata={"media_id": str(media_id), "status": media.status.value},
        )
    return MediaRef(
        media_id=media_id,
        content_type=image.content_type,
        width=image.width,
        height=image.height,
        blurhash=image.blurhash,
        alt_text=media.upload.alt_text,
    )


def _in_use(media_id: int) -> FailedPreconditionError:
    return FailedPreconditionError(
        f"media_ids: another tweet carries picture {media_id}",
        reason=Reason.MEDIA_IN_USE,
        metadata={"media_id": str(media_id)},
    )
