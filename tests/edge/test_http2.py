"""What a hostile HTTP/2 client tries, frame by frame, against the real Envoy."""

import asyncio

import pytest
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.events import (
    ConnectionTerminated,
    RemoteSettingsChanged,
    ResponseReceived,
    StreamEnded,
    StreamReset,
    TrailersReceived,
)

from gateway.envoy.hardening import MAX_STREAMS, RESETS_LOOKED_AT
from tests.edge.bare_connection import connected
from tests.edge.conftest import Edge

TIMEOUT_S = 30.0
HOST = "edge"
pytestmark = pytest.mark.asyncio(loop_scope="module")


class Http2:
    """A raw client that does what no library would."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self.connection = H2Connection(H2Configuration(client_side=True))
        self.connection.initiate_connection()
        self.events: list[object] = []

    def open_stream(self, path: str = "/v1/timeline/user?user_id=1") -> int:
        stream = self.connection.get_next_available_stream_id()
        self.connection.send_headers(
            stream,
            [
                (":method", "GET"),
                (":scheme", "http"),
                (":authority", HOST),
                (":path", path),
            ],
            end_stream=True,
        )
        return stream

    async def send(self) -> None:
        self._writer.write(self.connection.data_to_send())
        await self._writer.drain()

    async def until(self, kind: type) -> bool:
        """Read until there is such an event; False when the connection ended without."""
        while not any(isinstance(event, kind) for event in self.events):
            try:
                data = await asyncio.wait_for(self._reader.read(65_536), TIMEOUT_S)
            except ConnectionError:
                return False
            if not data:
                return False
            self.events += self.connection.receive_data(data)
        return True


async def test_rapid_resets_end_the_connection(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        client = Http2(reader, writer)
        await client.send()
        assert await client.until(RemoteSettingsChanged)
        cut_off = False
        for _ in range(3 * RESETS_LOOKED_AT):
            stream = client.open_stream()
            client.connection.reset_stream(stream, ErrorCodes.CANCEL)
            try:
                await client.send()
            except ConnectionError:
                cut_off = True
                break
        assert cut_off or await client.until(ConnectionTerminated) or reader.at_eof()
    assert (await edge.client.get("/healthz")).status_code == 200


async def test_streams_beyond_the_limit_are_refused(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        client = Http2(reader, writer)
        await client.send()
        assert await client.until(RemoteSettingsChanged)
        assert client.connection.remote_settings.max_concurrent_streams == MAX_STREAMS
        # This library would obey, so it is made not to.
        client.connection.remote_settings[3] = 10_000
        client.connection.remote_settings.acknowledge()
        for _ in range(MAX_STREAMS + 20):
            client.open_stream()
        await client.send()
        ended = await client.until(StreamReset) or await client.until(ConnectionTerminated)
        assert ended or reader.at_eof()


async def test_rest_says_nothing_of_grpc_in_trailers_either(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        client = Http2(reader, writer)
        client.open_stream("/v1/timeline/home?user_id=1&limit=1")
        await client.send()
        assert await client.until(StreamEnded)
    ends = (ResponseReceived, TrailersReceived)
    said = [one for event in client.events if isinstance(event, ends) for one in event.headers]
    assert (b":status", b"200") in said
    assert not [name for name, _ in said if name.startswith(b"grpc-")]
