"""How many connections an edge takes."""

import asyncio

import pytest

from gateway.envoy import hardening
from tests.edge.limited_edge import UNMOVED, limited_edge

MOST = 12
TIMEOUT_S = 20.0


async def test_connections_beyond_the_limit_are_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hardening, "MAX_CONNECTIONS", MOST)
    async with limited_edge(rules=UNMOVED) as edge:
        url = edge.client.base_url
        opened = [await asyncio.open_connection(url.host, url.port) for _ in range(2 * MOST)]
        try:
            refused = await asyncio.gather(*(_is_closed(reader) for reader, _ in opened))
            assert sum(refused) >= MOST
            # Whoever was there before is served.
            assert (await edge.get("/v1/timeline/home?user_id=1")).status_code == 200
        finally:
            for _, writer in opened:
                writer.close()


async def _is_closed(reader: asyncio.StreamReader) -> bool:
    """Return whether the edge ends the connection, which it does at once or not at all."""
    try:
        return await asyncio.wait_for(reader.read(1), 3) == b""
    except ConnectionError:
        return True
    except TimeoutError:
        return False
