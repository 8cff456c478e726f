"""Makes pictures in processes of their own, a few at a time: decoding takes seconds and memory."""

import asyncio
import os
import signal
import sys
from asyncio.subprocess import DEVNULL, PIPE
from typing import Final

from services.media.made_pictures import decode_made
from services.media.model import MAX_UPLOAD_BYTES, Files, Image, Rejection, Upload
from services.platform.errors import UnavailableError

__all__ = ["ImageProcessError", "ImageProcesses"]

AT_ONCE: Final = 2
"""Each takes all of a core."""
CPU_S: Final = 8
"""Seconds of computing; the largest pictures that are taken need two or three."""
MEMORY_BYTES: Final = 896 * 1024 * 1024
"""Of addresses; the largest pictures that are taken need some 850 MB, and most less than 400."""
WAIT_S: Final = 5.0
"""For others to be done; then the message had better come again, maybe to another replica."""
WORK_S: Final = 20.0
"""For one picture, on a machine that has other work too. With the wait it is less than the time
after which the bus takes a message for lost."""

_MODULE: Final = "services.media.image_process"
_TOO_MUCH_WORK: Final = -signal.SIGXCPU
_CRASHED: Final = frozenset(
    -each for each in (signal.SIGSEGV, signal.SIGBUS, signal.SIGABRT, signal.SIGFPE, signal.SIGILL)
)


class ImageProcessError(Exception):
    """No picture was made, and the bytes may not be to blame."""


class ImageProcesses:
    """An `ImageWorker`."""

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(AT_ONCE)

    async def process(self, upload: Upload, data: bytes) -> tuple[Image, Files] | Rejection:
        """Compare with what was said, then make the variants.

        Raises `UnavailableError` while others are being made, and `ImageProcessError`.
        """
        if not 0 < len(data) <= MAX_UPLOAD_BYTES or upload.size not in (0, len(data)):
            return Rejection.SIZE
        made = await self._in_turn(data)
        if isinstance(made, Rejection):
            return made
        if upload.content_type not in ("", made[0].content_type):
            return Rejection.OTHER_TYPE
        return made

    async def _in_turn(self, data: bytes) -> tuple[Image, Files] | Rejection:
        try:
            async with asyncio.timeout(WAIT_S):
                await self._free.acquire()
        except TimeoutError as error:
            raise UnavailableError("other pictures are being made") from error
        try:
            async with asyncio.timeout(WORK_S):
                status, said = await _made_apart(data)
        except TimeoutError as error:
            raise ImageProcessError(f"it was not made within {WORK_S} s") from error
        finally:
            self._free.release()
        return _result(status, said)


async def _made_apart(data: bytes) -> tuple[int, bytes]:
    """Have another process make it; gives its exit status and what it wrote."""
    # It is to run the same code, and to know none of the secrets that are in this environment.
    environment = {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _MODULE, str(CPU_S), str(MEMORY_BYTES)),
        stdin=PIPE,
        stdout=PIPE,
        stderr=DEVNULL,
        env=environment,
    )
    try:
        said, _ = await child.communicate(data)
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()
    return await child.wait(), said


def _result(status: int, said: bytes) -> tuple[Image, Files] | Rejection:
    """Tell what is the bytes' fault from what is not: the latter may be well the next time."""
    if status == _TOO_MUCH_WORK:
        return Rejection.TOO_LARGE
    if status in _CRASHED:
        return Rejection.UNREADABLE
    if status:
        raise ImageProcessError(f"its process ended with {status}")
    return decode_made(said)
