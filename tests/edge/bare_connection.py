"""A bare socket to the edge."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from tests.edge.conftest import Edge

__all__ = ["connected"]


@asynccontextmanager
async def connected(edge: Edge) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    url = edge.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        yield reader, writer
    finally:
        writer.close()
