"""The erasure of a deleted user's pictures."""

import time
from collections.abc import Callable
from typing import Final

from services.media.ports import MediaStore
from services.media.removal import Removal
from services.platform.erasure import WORK_S, Settling
from services.platform.errors import CallAgain
from services.platform.ids.known_ids import KNOWN_FOR_MS

__all__ = ["LATE_UPLOADS_MS", "MediaErasure"]

LATE_UPLOADS_MS: Final = KNOWN_FOR_MS + 20_000
"""How long after the deletion of an owner room may still be made for a picture, in milliseconds:
where nobody hears of it, the owner is still known for a minute, and a request that found the owner
there ends by its deadline (5 s). Clocks differ by a little."""
PER_PASS: Final = 100
"""Pictures listed and read at once; a pass looks at its watch in between."""
_MS_PER_S: Final = 1_000


class MediaErasure:
    """Deletes all that a user has uploaded. `settling` waits `LATE_UPLOADS_MS`."""

    def __init__(
        self,
        store: MediaStore,
        removal: Removal,
        settling: Settling,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._removal = removal
        self._settling = settling
        self._monotonic = monotonic

    async def erase(self, user_id: int, deleted_at_ms: int) -> None:
        """Delete all that there is. Idempotent.

        Raises `CallAgain` where another delivery is needed: after `WORK_S` of work, and where
        another picture may still come.
        """
        due = self._monotonic() + WORK_S
        left_ms = self._settling.left_ms(user_id, deleted_at_ms)
        while media_ids := await self._store.owned(user_id, PER_PASS):
            found = await self._store.get_many(media_ids)
            for media_id in media_ids:
                if media_id in found:
                    await self._removal.remove(found[media_id])
                else:
                    # What cannot be read has bytes all the same.
                    await self._removal.purge(media_id, user_id)
            if self._monotonic() >= due:
                raise CallAgain(f"user {user_id} has more pictures to erase", after_s=0)
        if left_ms:
            raise CallAgain(
                f"user {user_id} may have been uploading just now", after_s=left_ms / _MS_PER_S
            )
