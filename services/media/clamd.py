"""ClamAV's daemon, asked over its socket: the command INSTREAM of `clamd(8)`.

A scan is one connection: `zINSTREAM` and a zero byte, then the bytes in parts, each behind its
length in four bytes, the last of them empty; the answer ends in a zero byte.
"""

import asyncio
import struct
from typing import Final

from services.platform.errors import UnavailableError

__all__ = ["ClamdScanner"]

SCAN_S: Final = 10.0
"""For a whole scan of some megabytes; a picture takes milliseconds."""
PART_BYTES: Final = 64 * 1024
MAX_ANSWER_BYTES: Final = 1024
_LENGTH: Final = struct.Struct(">I")
_CLEAN: Final = "OK"
_FOUND: Final = " FOUND"
_STREAM: Final = "stream: "


class ClamdScanner:
    """A `Scanner` that asks the daemon at `address` (host:port)."""

    def __init__(self, address: str) -> None:
        self._host, _, port = address.rpartition(":")
        self._port = int(port)

    async def scan(self, data: bytes, _sha256: str) -> str | None:
        """Give the name of the signature that was found; None where the bytes are clean."""
        try:
            async with asyncio.timeout(SCAN_S):
                answer = await self._asked(data)
        except (OSError, TimeoutError, EOFError, asyncio.LimitOverrunError) as error:
            raise UnavailableError("clamd does not answer") from error
        said = answer.removeprefix(_STREAM)
        if said == _CLEAN:
            return None
        if said.endswith(_FOUND):
            return f"clamd: {said.removesuffix(_FOUND)}"
        # A limit of its own, or a fault: nothing is known of the bytes.
        raise UnavailableError("clamd could not scan")

    async def _asked(self, data: bytes) -> str:
        reader, writer = await asyncio.open_connection(
            self._host, self._port, limit=MAX_ANSWER_BYTES
        )
        try:
            writer.write(b"zINSTREAM\0")
            for start in range(0, len(data), PART_BYTES):
                part = data[start : start + PART_BYTES]
                writer.write(_LENGTH.pack(len(part)) + part)
                await writer.drain()
            writer.write(_LENGTH.pack(0))
            await writer.drain()
            answer = await reader.readuntil(b"\0")
        finally:
            writer.close()
        return answer.rstrip(b"\0").decode("utf-8", "replace").strip()
