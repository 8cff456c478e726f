"""A key that its issuer withdrew signs nothing that an edge takes, though the edge took it before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from tests.edge import tokens
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_auth import home, issuer

WITHDRAWN, KEPT = "ES256", "RS256"
JWKS_CACHE_S = 1
# Between two showings, of hundreds: what is remembered is shown again before it could be forgotten.
SHOWN_EVERY_S = 0.1
DEADLINE_S = 30


def key_set(*algorithms: str) -> str:
    return json.dumps({"keys": [tokens.KEYS[each].as_dict(private=False) for each in algorithms]})


@asynccontextmanager
async def published(keys: Callable[[], str]) -> AsyncIterator[str]:
    """Another issuer's address, where its keys of the moment are."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        body = keys().encode()
        length = f"content-length: {len(body)}"
        writer.write(f"HTTP/1.1 200 OK\r\nconnection: close\r\n{length}\r\n\r\n".encode() + body)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/jwks"


async def until_refused(edge: Edge, token: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await home(edge, token)).status_code != 401:
            await asyncio.sleep(SHOWN_EVERY_S)


async def test_key_that_another_issuer_withdrew(tmp_path: Path) -> None:
    keys = key_set(WITHDRAWN, KEPT)
    async with published(lambda: keys) as uri:
        other = issuer(tmp_path, jwks_file=None, jwks_uri=uri, jwks_cache_s=JWKS_CACHE_S)
        shown, kept = tokens.token(WITHDRAWN), tokens.token(KEPT)
        async with running_edge(shown, issuers=(other,)) as edge:
            for each in (shown, kept):
                assert (await home(edge, each)).status_code == 200
            keys = key_set(KEPT)
            await until_refused(edge, shown)
            assert (await home(edge, kept)).status_code == 200


async def test_key_that_is_no_longer_in_the_file(tmp_path: Path) -> None:
    file, following = tmp_path / "jwks.json", tmp_path / "next"
    other = issuer(tmp_path)
    file.write_text(key_set(WITHDRAWN))
    shown = tokens.token(WITHDRAWN)
    async with running_edge(shown, issuers=(other,)) as edge:
        assert (await home(edge, shown)).status_code == 200
        following.write_text(key_set(KEPT))
        following.replace(file)
        await until_refused(edge, shown)
        assert (await home(edge, tokens.token(KEPT))).status_code == 200
