"""Of a key that its issuer withdrew an edge takes nothing, not even what it took before."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from services.identity.keys import Keyring
from services.platform.valkey.connection import ValkeyClient
from tests.edge import tokens
from tests.edge.conftest import Edge, running_edge
from tests.edge.test_auth import HOME, home
from tests.edge.test_auth import issuer as other_issuer
from tests.edge.test_issuer import edge_before, token
from tests.edge.test_kept_keys import Issuer, gateway, issuer, key_sets_of, valkey

__all__ = ["issuer", "valkey"]  # as fixtures

WITHDRAWN, KEPT = "ES256", "RS256"
JWKS_CACHE_S = 1
# Between two showings, of hundreds: what is remembered is shown again before it could be forgotten.
SHOWN_EVERY_S = 0.1
DEADLINE_S = 30
WITHDRAWN_KEY = "the key that signed the token or API key was withdrawn"


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


async def until_refused(edge: Edge, token: str, **headers: str) -> str:
    """Show it until it is refused; gives what was said then."""
    async with asyncio.timeout(DEADLINE_S):
        while (answer := await home(edge, token, **headers)).status_code != 401:  # noqa: ASYNC110
            await asyncio.sleep(SHOWN_EVERY_S)
    return str(answer.json()["message"])


async def withdrawn_first(ring: Keyring) -> None:
    """Take its key back as an operator does who lost it."""
    lost = str(ring.signing().kid)
    await ring.rotate()
    await ring.withdraw(lost)
    await ring.refresh()


async def test_key_that_our_issuer_withdrew_counts_at_no_edge(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    shown = await token(issuer.world, "ada")
    async with AsyncExitStack() as stack:
        edges = []
        for _ in range(2):
            gate = await stack.enter_async_context(gateway(issuer, valkey))
            before = edge_before(issuer.world, shown, gateway=gate.handlers)
            edges.append(await stack.enter_async_context(before))
        for edge in edges:
            assert (await home(edge, shown)).status_code == 200
        await withdrawn_first(issuer.world.keyring)
        kept = await token(issuer.world, "ada")
        for edge in edges:
            assert await until_refused(edge, shown) == WITHDRAWN_KEY
            # No lead was kept here, so the edge may not have the new key yet.
            await edge.until("GET", HOME, 200, headers={"authorization": f"Bearer {kept}"})


async def test_withdrawal_does_not_wait_for_valkey(issuer: Issuer, valkey: ValkeyClient) -> None:
    shown = await token(issuer.world, "ada")
    async with (
        gateway(issuer, valkey) as gate,
        edge_before(issuer.world, shown, gateway=gate.handlers) as edge,
    ):
        # A gateway that has not read what else was revoked sends nothing: here it has.
        await withdrawn_first(issuer.world.keyring)
        assert await until_refused(edge, shown) == WITHDRAWN_KEY
        shown = await token(issuer.world, "ada")
        await edge.until("GET", HOME, 200, headers={"authorization": f"Bearer {shown}"})
        await valkey.shutdown(nosave=True)
        await withdrawn_first(issuer.world.keyring)
        assert await until_refused(edge, shown) == WITHDRAWN_KEY


async def test_key_of_api_keys_that_our_issuer_withdrew(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    shown, ring = await token(issuer.world, "ada"), issuer.world.app_keyring
    key = (await issuer.world.app_keys.make("operator")).key
    async with (
        gateway(issuer, valkey) as gate,
        edge_before(issuer.world, shown, gateway=gate.handlers) as edge,
    ):
        both = {"x-api-key": key}
        assert (await home(edge, shown, **both)).status_code == 200
        await withdrawn_first(ring)
        assert await until_refused(edge, shown, **both) == WITHDRAWN_KEY
        assert (await home(edge, shown)).status_code == 200


async def test_gateway_that_starts_later_knows_what_was_withdrawn(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    first = key_sets_of(issuer, valkey)
    assert first.withdrawn() is None
    await first.refresh()
    assert first.withdrawn() == frozenset()
    (kid,) = kids(issuer)
    await withdrawn_first(issuer.world.keyring)
    await first.refresh()
    issuer.running.clear()
    for _ in range(2):
        second = key_sets_of(issuer, valkey)
        await second.refresh()
        assert first.withdrawn() == second.withdrawn() == {kid}
        issuer.running.set()


async def test_key_that_is_published_again_counts_again(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    sets, ring = key_sets_of(issuer, valkey), issuer.world.keyring
    await sets.refresh()
    published, kid = ring.jwks, kids(issuer)
    # A process of the issuer that knows no keys yet is no withdrawal; one that knows others is.
    ring.jwks = lambda: {"keys": []}  # type: ignore[method-assign]
    await sets.refresh()
    assert sets.withdrawn() == frozenset()
    ring.jwks = published  # type: ignore[method-assign]
    await sets.refresh()
    ring.jwks = lambda: {"keys": [{"kid": "another"}]}  # type: ignore[method-assign]
    await sets.refresh()
    assert sets.withdrawn() == kid
    ring.jwks = published  # type: ignore[method-assign]
    await sets.refresh()
    assert sets.withdrawn() == {"another"}


def kids(issuer: Issuer) -> frozenset[str]:
    return frozenset(key["kid"] for key in issuer.world.keyring.jwks()["keys"])


async def test_key_that_another_issuer_withdrew(tmp_path: Path) -> None:
    keys = key_set(WITHDRAWN, KEPT)
    async with published(lambda: keys) as uri:
        other = other_issuer(tmp_path, jwks_file=None, jwks_uri=uri, jwks_cache_s=JWKS_CACHE_S)
        shown, kept = tokens.token(WITHDRAWN), tokens.token(KEPT)
        async with running_edge(shown, issuers=(other,)) as edge:
            for each in (shown, kept):
                assert (await home(edge, each)).status_code == 200
            keys = key_set(KEPT)
            await until_refused(edge, shown)
            assert (await home(edge, kept)).status_code == 200


async def test_key_that_is_no_longer_in_the_file(tmp_path: Path) -> None:
    file, following = tmp_path / "jwks.json", tmp_path / "next"
    other = other_issuer(tmp_path)
    file.write_text(key_set(WITHDRAWN))
    shown = tokens.token(WITHDRAWN)
    async with running_edge(shown, issuers=(other,)) as edge:
        assert (await home(edge, shown)).status_code == 200
        following.write_text(key_set(KEPT))
        following.replace(file)
        await until_refused(edge, shown)
        assert (await home(edge, tokens.token(KEPT))).status_code == 200
