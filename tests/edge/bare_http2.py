"""Requests in HTTP/2 as nobody's library would send them."""

import asyncio
from collections.abc import Sequence

import h2.config
import h2.connection
import h2.events

from tests.edge.bare_connection import connected
from tests.edge.conftest import Edge

__all__ = ["Fields", "ask_http2"]

WAIT_S = 30.0

Fields = Sequence[tuple[str | bytes, str | bytes]]


async def ask_http2(
    edge: Edge, fields: Fields, body: bytes = b"", trailers: Fields = ()
) -> tuple[int | None, dict[bytes, bytes]]:
    """Send a request in HTTP/2, whatever h2 thinks of it; None where the stream is cut off."""
    config = h2.config.H2Configuration(
        validate_outbound_headers=False, normalize_outbound_headers=False, header_encoding=None
    )
    client = h2.connection.H2Connection(config)
    client.initiate_connection()
    pseudo = [each for each in fields if str(each[0]).startswith(":")]
    plain = [each for each in fields if each not in pseudo]
    scheme = [] if ":scheme" in dict(pseudo) else [(":scheme", "http")]
    client.send_headers(1, [*pseudo, *scheme, *plain], end_stream=not (body or trailers))
    if body:
        client.send_data(1, body, end_stream=not trailers)
    if trailers:
        client.send_headers(1, trailers, end_stream=True)
    found: dict[bytes, bytes] = {}
    async with asyncio.timeout(WAIT_S), connected(edge) as (reader, writer):
        writer.write(client.data_to_send())
        while data := await reader.read(65_536):
            for event in client.receive_data(data):
                if isinstance(event, h2.events.ResponseReceived | h2.events.TrailersReceived):
                    found |= dict(event.headers)
                if isinstance(event, h2.events.StreamReset):
                    return None, found
                if isinstance(event, h2.events.StreamEnded):
                    return int(found[b":status"]), found
            writer.write(client.data_to_send())
    return None, found
