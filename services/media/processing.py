"""Looking at the bytes that have come: are they a picture, may it be shown, what is it like."""

from collections.abc import Sequence

import structlog

from services.media.media_metrics import MediaMetrics
from services.media.model import (
    COLLECTED,
    MAX_UPLOAD_BYTES,
    Image,
    Media,
    Quarantine,
    Rejection,
)
from services.media.ports import ImageWorker, MediaBytes, MediaStore, Scanner
from services.media.removal import Removal
from services.platform.observability.log_events import EVENT_MEDIA_QUARANTINED
from services.platform.runtime.clock import Clock

__all__ = ["Processing"]

_log = structlog.get_logger()


class Processing:
    """Brings a picture from `PROCESSING` to what it is from then on.

    Idempotent: what was decided stays. Whoever looks at the same bytes makes the same variants.
    """

    def __init__(  # noqa: PLR0913 - one argument per port, and the removal
        self,
        *,
        store: MediaStore,
        media_bytes: MediaBytes,
        images: ImageWorker,
        scanners: Sequence[Scanner],
        removal: Removal,
        clock: Clock,
        metrics: MediaMetrics,
    ) -> None:
        self._store = store
        self._bytes = media_bytes
        self._images = images
        self._scanners = scanners
        self._removal = removal
        self._clock = clock
        self._metrics = metrics

    async def uploaded(self, media_id: int) -> None:
        """Look at a picture. Raises `UnavailableError`; nothing is shown meanwhile."""
        media = await self._read(media_id)
        if media is not None and media.outcome is None:
            await self._look(media)
            # It may have been deleted meanwhile.
            media = await self._read(media_id)
        if media is None:
            if await self._store.is_forgotten(media_id):
                await self._removal.purge(media_id, 0)
        elif media.holder == COLLECTED:
            await self._removal.collect(media)
        else:
            await self._bytes.drop_upload(media_id)

    async def _look(self, media: Media) -> None:
        media_id, upload = media.upload.media_id, media.upload
        data = await self._bytes.read_upload(media_id, MAX_UPLOAD_BYTES + 1)
        if data is None:
            # Whoever looked at them before us has dropped them once that was decided; and what
            # is lost for good is no good either. Neither changes what was decided.
            await self._store.decide(media_id, Rejection.UNREADABLE)
            return
        made = await self._images.process(upload, data)
        if isinstance(made, Rejection):
            await self._store.decide(media_id, made)
            self._metrics.processed(made.value)
            return
        image, files = made
        found = await self._scan(data, image.sha256)
        await self._bytes.put(media_id, files)
        if found is not None:
            await self._quarantine(media, image, found)
        await self._store.decide(media_id, image)
        self._metrics.processed("ready" if found is None else "quarantined")

    async def _scan(self, data: bytes, sha256: str) -> str | None:
        for scanner in self._scanners:
            if (found := await scanner.scan(data, sha256)) is not None:
                return found
        return None

    async def _quarantine(self, media: Media, image: Image, found: str) -> None:
        """Hide it before it is ready, so that nobody sees it in between."""
        media_id, user_id = media.upload.media_id, media.upload.user_id
        _log.warning(EVENT_MEDIA_QUARANTINED, media_id=media_id, user_id=user_id, found=found)
        await self._bytes.hide(media_id, [each.name for each in image.variants])
        await self._store.quarantine(media_id, Quarantine(found, self._clock.now_ms()))

    async def _read(self, media_id: int) -> Media | None:
        return (await self._store.get_many([media_id])).get(media_id)
