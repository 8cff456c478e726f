"""What operators do with pictures that something was found in."""

from typing import Final

from services.media.arguments import no_media
from services.media.model import Image, Media
from services.media.ports import MediaBytes, MediaStore
from services.media.removal import Removal
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_id, check_optional_id

__all__ = ["MAX_LISTED", "QuarantineDesk"]

MAX_LISTED: Final = 1_000


class QuarantineDesk:
    """Lists, clears and removes. Raises `InvalidArgumentError` and `UnavailableError`."""

    def __init__(self, store: MediaStore, media_bytes: MediaBytes, removal: Removal) -> None:
        self._store = store
        self._bytes = media_bytes
        self._removal = removal

    async def listed(self, after: int, limit: int) -> list[Media]:
        """Give those that are hidden, with id > `after`, by rising id."""
        check_optional_id("after_media_id", after)
        if not 1 <= limit <= MAX_LISTED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_LISTED}, is {limit}")
        hidden: list[Media] = []
        # The list also has what is hidden no more, or not yet: a full page of it goes on.
        while media_ids := await self._store.quarantined(after, limit):
            found = await self._store.get_many(media_ids)
            hidden += [found[media_id] for media_id in media_ids if _is_hidden(found.get(media_id))]
            if len(hidden) >= limit or len(media_ids) < limit:
                break
            after = media_ids[-1]
        return hidden[:limit]

    async def clear(self, media_id: int) -> None:
        """Show a picture again; `NotFoundError` if none of this id is hidden."""
        media = await self._read(media_id)
        if media.quarantine is None or not isinstance(media.outcome, Image):
            raise no_media(media_id)
        await self._bytes.show(media_id, [each.name for each in media.outcome.variants])
        await self._store.clear(media_id)

    async def remove(self, media_id: int) -> None:
        """Delete a picture for good; `NotFoundError` if there is none."""
        await self._removal.remove(await self._read(media_id))

    async def _read(self, media_id: int) -> Media:
        check_id("media_id", media_id)
        media = (await self._store.get_many([media_id])).get(media_id)
        if media is None:
            raise no_media(media_id)
        return media


def _is_hidden(media: Media | None) -> bool:
    return media is not None and media.quarantine is not None
