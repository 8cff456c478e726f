"""Reads of new messages, which wait at the server for the first to come."""

import math

from services.platform.bus.port import Received
from services.platform.bus.valkey_entries import named, received
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.lines import Lines

__all__ = ["MS_PER_S", "WaitingReads"]

MS_PER_S = 1_000


class WaitingReads:
    """Reads streams for a group's consumer, each by a line of its own.

    Nobody else's commands wait behind a read, and one that brings nothing costs little. Raises what
    the client library raises.
    """

    def __init__(self, client: ValkeyClient, group: bytes, consumer: bytes) -> None:
        self._client = client
        self._reader = ("GROUP", group, consumer)
        self._lines: dict[bytes, Lines] = {}

    async def read(self, stream: bytes, most: int, wait_s: float) -> list[Received]:
        """Take up to `most` entries that nobody has taken, waiting up to `wait_s` for the first."""
        line = self._lines.get(stream)
        if line is None:
            line = self._lines[stream] = self._client.own_lines()
        # Zero would block for ever.
        wait_ms = max(1, math.ceil(wait_s * MS_PER_S))
        wanted = ("COUNT", most, "BLOCK", wait_ms, "STREAMS", stream, ">")
        answer = await line.call(stream, ("XREADGROUP", *self._reader, *wanted))
        return [
            received(entry_id, named(fields), 1)
            for _, entries in answer or []
            for entry_id, fields in entries
        ]

    async def close(self) -> None:
        """Close the lines."""
        for line in self._lines.values():
            await line.aclose()
