"""What Envoy's transcoder makes of pages of timelines: the JSON that Aviary's own has to equal."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as stubs

from bench.reference.contracts import translated_by_the_edge
from gateway.envoy.contracts import Contracts
from tests.edge.conftest import DESCRIPTOR, health_server, running_edge


class Pages(stubs.TimelineServiceServicer):
    """Answers with the page that a test has put here."""

    def __init__(self) -> None:
        self.home = pb.GetHomeTimelineResponse()

    async def GetHomeTimeline(self, request: Any, context: Any) -> pb.GetHomeTimelineResponse:  # noqa: ARG002, N802
        return self.home

    async def GetUserTimeline(self, request: Any, context: Any) -> pb.GetUserTimelineResponse:  # noqa: ARG002, N802
        return pb.GetUserTimelineResponse.FromString(self.home.SerializeToString())


class Transcoder:
    """A real Envoy before `Pages`."""

    def __init__(self, client: httpx.AsyncClient, pages: Pages) -> None:
        self._client = client
        self._pages = pages

    async def home(self, page: pb.GetHomeTimelineResponse) -> httpx.Response:
        """What a client gets over REST of this page."""
        self._pages.home = page
        headers = {"accept-encoding": "identity"}
        return await self._client.get("/v1/timeline/home?user_id=1", headers=headers)

    async def user(self, page: pb.GetHomeTimelineResponse) -> httpx.Response:
        """The same of a user's timeline."""
        self._pages.home = page
        headers = {"accept-encoding": "identity"}
        return await self._client.get("/v1/timeline/user?user_id=1", headers=headers)


@asynccontextmanager
async def transcoder(folder: Path) -> AsyncIterator[Transcoder]:
    changed = folder / "descriptor.pb"
    changed.write_bytes(translated_by_the_edge(DESCRIPTOR.read_bytes()))
    server, _, address = await health_server()
    pages = Pages()
    stubs.add_TimelineServiceServicer_to_server(pages, server)
    await server.start()
    try:
        async with running_edge(
            unauthenticated=True,
            limits=False,
            backends={"timeline": address},
            descriptor_path=changed,
            contracts=Contracts.read(changed),
        ) as edge:
            yield Transcoder(edge.client, pages)
    finally:
        await server.stop(None)
