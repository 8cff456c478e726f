"""The live service over gRPC, for clients of gRPC and for those of server-sent events."""

# ruff: noqa: N802 - names are those of the proto

import random
import time
from collections.abc import AsyncGenerator, Iterable
from typing import Any, Final, TypeAlias

from aviary.live.v1 import live_service_pb2 as pb
from google.api.httpbody_pb2 import HttpBody
from grpc.aio import ServicerContext

from services.live.messages import as_message, as_text, closing, opening
from services.live.model import Beat, Place
from services.live.places import BadPlaceError, decode_place, encode_place
from services.live.ports import Reading
from services.live.sources import Start
from services.live.stream import Stream
from services.live.streams import Streams
from services.platform.drawing.expansions import read_expansions
from services.platform.drawing.withheld import withheld_from
from services.platform.errors import InvalidArgumentError
from services.platform.ids.arguments import check_id, check_optional_id
from services.platform.rpc.incoming_context import IncomingContext
from services.platform.rpc.paging import CursorCodec

__all__ = ["EXPIRY_KEY", "LAST_EVENT_KEY", "LiveServicer"]

EXPIRY_KEY: Final = "x-token-expires"
"""Metadata: when the token of who asks from outside expires, in Unix seconds. The edge sets it."""
LAST_EVENT_KEY: Final = "last-event-id"
"""Metadata: the header in which clients of server-sent events say the last id that they have."""
EVENT_STREAM: Final = "text/event-stream; charset=utf-8"
LONGEST_S: Final = 6 * 3_600.0
"""Of a stream that no token ends."""
RETRY_MS: Final = (1_000, 3_000)
"""After which clients come again, each at its own time, so that they do not come all together."""

_Context: TypeAlias = "ServicerContext[Any, Any]"
_Request: TypeAlias = pb.StreamHomeRequest
_Metadata: TypeAlias = Iterable[tuple[str, str | bytes]]


class LiveServicer:
    """`aviary.live.v1.LiveService`. Domain errors pass through."""

    def __init__(self, streams: Streams, cursors: CursorCodec) -> None:
        self._streams = streams
        self._cursors = cursors

    # Both do their work themselves, and not by generators that they share: each generator that a
    # stream waits in takes half a kilobyte, of thousands.

    async def StreamHome(
        self, request: _Request, context: _Context
    ) -> AsyncGenerator[pb.StreamHomeResponse, None]:
        """Stream what changes, each with its cursor; first a heartbeat, with that of the start."""
        stream, until_s = await self._opened(request, context)
        try:
            yield as_message(Beat(), self._cursor(stream))
            async for event in stream.events(until_s):
                yield as_message(event, self._cursor(stream))
        finally:
            await self._streams.close(stream)

    async def StreamHomeEvents(
        self, request: _Request, context: _Context
    ) -> AsyncGenerator[HttpBody, None]:
        """Stream the same as text."""
        stream, until_s = await self._opened(request, context)
        try:
            first = opening(self._cursor(stream), _retry_ms())
            yield HttpBody(content_type=EVENT_STREAM, data=first)
            async for event in stream.events(until_s):
                yield HttpBody(data=as_text(event, self._cursor(stream)))
            yield HttpBody(data=closing(_retry_ms()))
        finally:
            await self._streams.close(stream)

    async def _opened(self, request: _Request, context: _Context) -> tuple[Stream, float]:
        """Open the stream that is asked for; gives also until when it lasts."""
        reading, start, until_s = self._asked(request, context.invocation_metadata() or ())
        if isinstance(context, IncomingContext):
            context.forget_metadata()
        return await self._streams.open(reading, start), until_s

    def _asked(self, request: _Request, metadata: _Metadata) -> tuple[Reading, Start, float]:
        """(For whom to read, from where on, until when), all of it as it should be."""
        viewer = request.user_id
        check_id("user_id", viewer)
        check_optional_id("since_id", request.since_id)
        read_expansions(request.expansions)
        cursor = _said(metadata, LAST_EVENT_KEY) or request.cursor
        start = Start(self._place(cursor, viewer) if cursor else None, request.since_id)
        reading = Reading(viewer, request.expansions, withheld_from(metadata))
        return reading, start, _until_s(metadata)

    def _cursor(self, stream: Stream) -> str:
        place = encode_place(stream.window.place())
        return self._cursors.encode_place(_kind(stream.reading.viewer), place)

    def _place(self, cursor: str, viewer: int) -> Place:
        try:
            return decode_place(self._cursors.decode_place(cursor, _kind(viewer)))
        except BadPlaceError:
            raise InvalidArgumentError("cursor", "is not a cursor that this stream gave") from None


def _kind(viewer: int) -> str:
    return f"live:{viewer}"


def _until_s(metadata: _Metadata) -> float:
    """When the stream ends by itself, by `time.monotonic`."""
    expires = _said(metadata, EXPIRY_KEY)
    left_s = float(expires) - time.time() if expires.isdigit() else LONGEST_S
    return time.monotonic() + min(max(0.0, left_s), LONGEST_S)


def _said(metadata: _Metadata, name: str) -> str:
    """What a header says; the last, where it is there twice."""
    return next((str(value) for key, value in reversed(list(metadata)) if key == name), "")


def _retry_ms() -> int:
    return random.randint(*RETRY_MS)  # noqa: S311 - nothing secret
