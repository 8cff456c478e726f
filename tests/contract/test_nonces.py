"""Nonces on a real node and a real cluster."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.platform.errors import UnavailableError
from services.platform.security.nonces import ValkeyNonces
from services.platform.valkey.connection import open_valkey
from tests.certificates import until
from tests.contract.valkey_servers import valkey_cluster, valkey_node

KEEP_MS = 60_000


@pytest.fixture(params=["node", "cluster"])
async def nonces(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ValkeyNonces]:
    cluster = request.param == "cluster"
    with (valkey_cluster if cluster else valkey_node)(tmp_path) as port:
        url = f"redis://127.0.0.1:{port}/0{'?cluster=true' if cluster else ''}"
        client = open_valkey(url, timeout_s=5)
        yield ValkeyNonces(client)
        await client.aclose()


async def test_one_of_many_claims_at_once_is_the_first(nonces: ValkeyNonces) -> None:
    # The cluster's client learns its nodes at its first command, and cannot do so twice at once.
    assert await nonces.claim(secrets.token_hex(16), KEEP_MS)
    nonce = secrets.token_hex(16)
    claims = await asyncio.gather(*(nonces.claim(nonce, KEEP_MS) for _ in range(20)))
    assert sorted(claims) == [False] * 19 + [True]
    assert not await nonces.claim(nonce, KEEP_MS)
    assert await nonces.claim(secrets.token_hex(16), KEEP_MS)


async def test_a_nonce_is_kept_for_as_long_as_asked(nonces: ValkeyNonces) -> None:
    nonce = secrets.token_hex(16)
    assert await nonces.claim(nonce, 50)
    await until(lambda: nonces.claim(nonce, KEEP_MS))
    assert not await nonces.claim(nonce, KEEP_MS)


async def test_a_server_that_is_away_is_reported(tmp_path: Path) -> None:
    with valkey_node(tmp_path) as port:
        pass
    client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=1)
    with pytest.raises(UnavailableError):
        await ValkeyNonces(client).claim("0" * 32, KEEP_MS)
    await client.aclose()


@pytest.mark.parametrize(
    ("policy", "may_forget"), [("noeviction", False), ("allkeys-lru", True), ("volatile-ttl", True)]
)
async def test_a_server_that_evicts_is_found_out(
    tmp_path: Path, policy: str, *, may_forget: bool
) -> None:
    with valkey_node(tmp_path, "--maxmemory", "64mb", "--maxmemory-policy", policy) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=5)
        assert await ValkeyNonces(client).may_forget() is may_forget
        await client.aclose()


async def test_without_room_signed_calls_are_refused_and_nothing_is_forgotten(
    tmp_path: Path,
) -> None:
    options = ("--maxmemory", "3mb", "--maxmemory-policy", "noeviction")
    with valkey_node(tmp_path, *options) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=5)
        nonces, kept = ValkeyNonces(client), secrets.token_hex(16)
        assert await nonces.claim(kept, KEEP_MS)

        async def fill() -> None:
            for _ in range(100_000):
                await nonces.claim(secrets.token_hex(16), KEEP_MS)

        with pytest.raises(UnavailableError):
            await fill()
        # Known still, or refused: but never taken for new.
        with contextlib.suppress(UnavailableError):
            assert not await nonces.claim(kept, KEEP_MS)
        await client.aclose()


async def test_every_node_of_a_cluster_is_asked(nonces: ValkeyNonces) -> None:
    assert not await nonces.may_forget()
