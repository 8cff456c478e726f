"""Making room for pictures, and reading how far they have come."""

from dataclasses import dataclass

from services.media.arguments import (
    check_content_type,
    check_size,
    no_media,
    validate_alt_text,
)
from services.media.model import (
    Image,
    Media,
    RequestClaim,
    SignedUrl,
    Status,
    Upload,
    UploadTarget,
)
from services.media.ports import IdSource, MediaBytes, MediaEvents, MediaStore, Users
from services.media.showing import Showing
from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError
from services.platform.ids.arguments import check_id
from services.platform.ids.request_ids import fingerprint, reused, validate_request_id
from services.platform.ids.snowflake_time import time_ms

__all__ = ["ShownMedia", "Uploads"]


@dataclass(frozen=True, slots=True)
class ShownMedia:
    """A picture, and where each of its variants is."""

    media: Media
    urls: tuple[SignedUrl, ...] = ()
    """In the order of the variants; none unless it can be shown."""


class Uploads:
    """The use cases of who uploads, and of who looks.

    Every method raises `InvalidArgumentError` with the proto name of a bad field before anything
    else happens, and `UnavailableError` when a store or sibling cannot answer.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - one argument per port
        self,
        store: MediaStore,
        media_bytes: MediaBytes,
        events: MediaEvents,
        ids: IdSource,
        users: Users,
        showing: Showing,
    ) -> None:
        self._store = store
        self._bytes = media_bytes
        self._events = events
        self._ids = ids
        self._users = users
        self._showing = showing

    async def create(
        self, user_id: int, *, content_type: str, size: int, alt_text: str, request_id: str = ""
    ) -> tuple[int, UploadTarget]:
        """Make room for a picture; gives its id, and where its bytes are to be sent.

        A repeat with the same `request_id` (empty: none) and content gives the same picture.
        Raises `NotFoundError` for the user, `AlreadyExistsError` if `request_id` was used for
        other content.
        """
        check_id("user_id", user_id)
        check_content_type(content_type)
        check_size(size)
        alt_text = validate_alt_text(alt_text)
        validate_request_id(request_id)
        content = fingerprint(content_type, size, alt_text)
        claim = await self._store.find_claim(user_id, request_id) if request_id else None
        if claim is None:
            await self._check_user_exists(user_id)
            claim = RequestClaim(await self._ids.next_id(), content)
            if request_id:
                claim = await self._store.claim(user_id, request_id, claim)
        if claim.fingerprint != content:
            raise reused(request_id)
        created_at_ms = time_ms(claim.media_id)
        upload = Upload(claim.media_id, user_id, content_type, size, alt_text, created_at_ms)
        # Also for a repeat, whose first try may have died before this. What was collected meanwhile
        # is made room for anew.
        await self._store.add(upload)
        return upload.media_id, await self._bytes.upload_target(upload)

    async def arrived(self, upload: Upload) -> None:
        """Have the bytes looked at that have come. Idempotent."""
        await self._store.arrive(upload, self._events.uploaded(upload.media_id))

    async def get(self, media_id: int, user_id: int) -> ShownMedia:
        """Read a picture; `NotFoundError` if there is none for this user.

        Others than its owner see it with its tweet, if they may see that.
        """
        check_id("media_id", media_id)
        check_id("user_id", user_id)
        media = (await self._store.get_many([media_id])).get(media_id)
        if media is None:
            raise no_media(media_id)
        own = media.upload.user_id == user_id
        if not own and not await self._showing.shows(media, user_id):
            raise no_media(media_id)
        if media.status is Status.UPLOADING and await self._bytes.has_upload(media_id):
            # Nobody else notices what was sent to a bucket, or came just before a crash.
            await self.arrived(media.upload)
            media = (await self._store.get_many([media_id])).get(media_id, media)
        return ShownMedia(media, await self._urls(media))

    async def _urls(self, media: Media) -> tuple[SignedUrl, ...]:
        if media.status is not Status.READY or not isinstance(media.outcome, Image):
            return ()
        media_id = media.upload.media_id
        return tuple(
            [await self._bytes.url(media_id, each.name) for each in media.outcome.variants]
        )

    async def _check_user_exists(self, user_id: int) -> None:
        if await self._users.missing([user_id]):
            raise NotFoundError(
                f"user_id: no user {user_id}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(user_id)},
            )
