"""Makes pictures on threads of their own, a few at a time: decoding takes seconds and memory."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from services.media.images import make_image
from services.media.model import MAX_UPLOAD_BYTES, Files, Image, Rejection, Upload

__all__ = ["ThreadedImages"]

AT_ONCE: Final = 2
"""Each takes up to 400 MB, and most of a core; codecs let the event loop have the other."""


class ThreadedImages:
    """An `ImageWorker`; to be closed when nothing more is to come."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(AT_ONCE, thread_name_prefix="images")

    async def process(self, upload: Upload, data: bytes) -> tuple[Image, Files] | Rejection:
        """Compare with what was said, then make the variants."""
        if not 0 < len(data) <= MAX_UPLOAD_BYTES or upload.size not in (0, len(data)):
            return Rejection.SIZE
        loop = asyncio.get_running_loop()
        made = await loop.run_in_executor(self._threads, make_image, data)
        if isinstance(made, Rejection):
            return made
        if upload.content_type not in ("", made[0].content_type):
            return Rejection.OTHER_TYPE
        return made

    def close(self) -> None:
        """End the threads once they have done what they are at."""
        self._threads.shutdown(wait=True, cancel_futures=True)
