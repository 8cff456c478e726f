"""Much to decode at once, and others on the same event loop who wait."""

import asyncio
from typing import Final

__all__ = ["BYTES_PER_TURN", "Turns"]

BYTES_PER_TURN: Final = 50_000
"""Bytes of JSON cells that are decoded in one turn of the event loop: some milliseconds."""


class Turns:
    """Gives others their turn after every so many bytes. One for each piece of work."""

    def __init__(self, bytes_per_turn: int = BYTES_PER_TURN) -> None:
        self._most = bytes_per_turn
        self._done = 0

    async def after(self, size: int) -> None:
        """Call this after the work on so many bytes; it mostly returns at once."""
        self._done += size
        if self._done >= self._most:
            self._done = 0
            await asyncio.sleep(0)
