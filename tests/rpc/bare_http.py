"""What tests of reads over HTTP/1.1 share: a service to read, and a bare client."""

import asyncio
from typing import Any

from aviary.timeline.v1 import timeline_service_pb2 as pb
from google.api.httpbody_pb2 import HttpBody

from services.platform.composition.dependencies import service_of
from services.platform.rpc.peer_identity import peer_name
from services.platform.rpc.server import RpcServer, Servicer
from services.platform.runtime.deadlines import remaining_s

__all__ = ["HOME", "WITHIN_S", "Connection", "Timelines", "served"]

HOME = "/v1/timeline/home"
WITHIN_S = 20.0


class Timelines:
    """Answers with what it was asked; user 2's timeline waits until a test lets it go."""

    def __init__(self) -> None:
        self.begun, self.goes_on, self.cancelled = (asyncio.Event() for _ in range(3))
        self.seen: dict[str, Any] = {}

    async def GetHomeTimelineJson(  # noqa: N802
        self, request: pb.GetHomeTimelineRequest, context: Any
    ) -> HttpBody:
        self.seen = dict(context.invocation_metadata())
        self.seen |= {"peer": peer_name(), "left": remaining_s()}
        if request.user_id == 2:
            self.begun.set()
            try:
                await self.goes_on.wait()
            except asyncio.CancelledError:
                self.cancelled.set()
                raise
        return HttpBody(data=b"[%d]" % request.user_id)

    GetHomeTimeline = GetUserTimeline = GetUserTimelineJson = GetHomeTimelineJson
    RebuildHomeTimeline = GetHomeTimelineJson


def served(timelines: Timelines, **more: Any) -> RpcServer:
    return RpcServer("127.0.0.1:0", [Servicer(service_of(pb.DESCRIPTOR), timelines)], **more)


class Connection:
    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    def send(self, *lines: str) -> None:
        self._writer.write("\r\n".join([*lines, "", ""]).encode("latin-1"))

    def ask(self, target: str, *headers: str, method: str = "GET") -> None:
        self.send(f"{method} {target} HTTP/1.1", "host: x", *headers)

    async def answer(self, *, bare: bool = False) -> tuple[int, dict[str, str], bytes]:
        async with asyncio.timeout(WITHIN_S):
            head = (await self._reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            length = 0 if bare else int(headers["content-length"])
            return int(head[0].split()[1]), headers, await self._reader.readexactly(length)

    async def is_ended(self) -> bool:
        """Wait until the other side has ended it, and say whether nothing more came."""
        async with asyncio.timeout(WITHIN_S):
            try:
                return not await self._reader.read()
            except ConnectionResetError:
                return True

    def leave(self) -> None:
        self._writer.transport.abort()
