"""An edge that starts while the issuer hangs has the issuer's keys all the same: the gateway's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import pytest_asyncio
from aviary.identity.v1.key_set_service_pb2_grpc import add_KeySetServiceServicer_to_server
from joserfc import jws, jwt
from joserfc.jwk import ECKey

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.key_sets import IssuerKeys, KeySetCopy, KeySets
from gateway.control_plane.keys import KEY_SETS_KEY
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from services.identity.keys import LEAD_S, Keyrings
from services.identity.servicer import KeySetServicer
from services.platform.config.secret_keys import SecretKeys
from services.platform.rpc.channels import open_channel
from services.platform.rpc.rpc_client import RpcClient
from services.platform.runtime.background import Background
from services.platform.runtime.clock import SystemClock
from services.platform.tokens.lives import ACCESS_TOKEN_S, SKEW_S
from services.platform.tokens.revoked_store import RevokedStore
from services.platform.valkey.breaker import GuardedValkey
from services.platform.valkey.connection import ValkeyClient, open_valkey
from tests.contract.valkey_servers import valkey_node
from tests.edge.conftest import Edge
from tests.edge.test_issuer import HOME, claims_in, edge_before, home, token
from tests.identity.browser import sign_up
from tests.identity.world import World, identity_world

OWN_KEY = b"k" * 32
REFRESH_S = 0.1
# Longer than an edge takes to notice that the issuer is there again, and to fetch its keys.
DEADLINE_S = 30
SHOWN_EVERY_S = 0.1


@dataclass
class Issuer:
    """A real issuer that can be made to hang, at both of its ports."""

    world: World
    channel: grpc.aio.Channel

    @property
    def running(self) -> asyncio.Event:
        return self.world.running

    async def retire_the_first_key(self) -> None:
        await self.world.keyring.rotate()
        self.world.clock.ms += round((LEAD_S + ACCESS_TOKEN_S + 2 * SKEW_S) * 1_000)
        await self.world.keyring.refresh()
        assert len(self.world.keyring.jwks()["keys"]) == 1


@dataclass
class Gateway:
    """What edges ask; a real one, but for the port."""

    key_sets: KeySets
    handlers: tuple[grpc.GenericRpcHandler, ...]


@pytest_asyncio.fixture
async def issuer(tmp_path: Path) -> AsyncIterator[Issuer]:
    async with identity_world(tmp_path) as world:
        await sign_up(world.http)
        server = grpc.aio.server()
        port = server.add_insecure_port("127.0.0.1:0")
        channel = open_channel(f"127.0.0.1:{port}", [])
        made = Issuer(world, channel)
        keyrings = Keyrings(world.keyring, world.id_keyring, world.app_keyring)
        answers = KeySetServicer(keyrings)

        async def hanging(request: Any, context: Any) -> Any:
            await made.running.wait()
            return await KeySetServicer.GetKeySets(answers, request, context)

        answers.GetKeySets = hanging  # type: ignore[method-assign]
        add_KeySetServiceServicer_to_server(answers, server)
        await server.start()
        try:
            yield made
        finally:
            made.running.set()
            await channel.close()
            await server.stop(0)


@pytest_asyncio.fixture
async def valkey(tmp_path: Path) -> AsyncIterator[ValkeyClient]:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(valkey_node(tmp_path))
        url = f"redis://127.0.0.1:{port}/0"
        client = open_valkey(url, timeout_s=0.5, node_client=GuardedValkey)
        stack.push_async_callback(client.aclose)
        yield client


def key_sets_of(issuer: Issuer, valkey: ValkeyClient, key: bytes = OWN_KEY) -> KeySets:
    keys: SecretKeys = lambda: [key]  # noqa: E731 - as secrets come
    source = IssuerKeys(issuer.channel, RpcClient(timeout_s=0.5))
    return KeySets(source, KeySetCopy(valkey, keys), SystemClock())


@asynccontextmanager
async def gateway(issuer: Issuer, valkey: ValkeyClient) -> AsyncIterator[Gateway]:
    clock, rules = SystemClock(), ReputationRules()
    reputation, revoked = ReputationStore(valkey, clock, rules), RevokedStore(valkey, clock)
    key_sets = key_sets_of(issuer, valkey)
    configs = ExtensionConfigServicer(
        Sources(reputation, revoked, lambda: False, key_sets.current, key_sets.withdrawn),
        clock,
        rules,
        refresh_s=REFRESH_S,
    )
    step_up = ProofOfWork(valkey, clock, lambda: [OWN_KEY])
    handlers = envoy_rpcs(
        RateLimitServicer(Limiter(valkey, clock, rules), step_up),
        configs,
        AccessLogServicer(reputation, clock),
    )
    asking = Background("key-sets", key_sets.refresh, every_s=REFRESH_S)
    await key_sets.refresh()
    await configs.start()
    asking.start()
    try:
        yield Gateway(key_sets, handlers)
    finally:
        await asking.stop()
        await configs.stop()


def forged(good: str) -> str:
    """Sign what a good token says with another key, under the good key's name."""
    header = jws.extract_compact(good.encode()).headers()
    key = ECKey.generate_key("P-256", {"kid": header["kid"]})
    return jwt.encode(header, json.loads(claims_in(good)), key, algorithms=["ES256"])


async def until_refused(edge: Edge, shown: str) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while (await home(edge, shown)).status_code != 401:  # noqa: ASYNC110
            await asyncio.sleep(SHOWN_EVERY_S)


async def test_edge_that_starts_while_the_issuer_hangs_knows_its_keys(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    good = await token(issuer.world, "ada")
    app = await issuer.world.app()
    key = (await issuer.world.app_keys.make(app.client_id)).key
    async with gateway(issuer, valkey) as gate:
        issuer.running.clear()
        async with edge_before(issuer.world, good, gateway=gate.handlers) as edge:
            assert (await home(edge, good)).status_code == 200
            assert (await home(edge, forged(good))).status_code == 401
            with_key = {"authorization": f"Bearer {good}", "x-api-key": key}
            answer = await edge.client.get("/v1/timeline/home", headers=with_key)
            # A good key, though of another app than the token's.
            assert (answer.status_code, answer.json()["code"]) == (403, 7), answer.text
            # The issuer's own word counts as soon as it has one.
            await issuer.retire_the_first_key()
            issuer.running.set()
            await until_refused(edge, good)
            kept = {"authorization": f"Bearer {await token(issuer.world, 'ada')}"}
            await edge.until("GET", HOME.format(1), 200, headers=kept)


async def test_gateway_that_starts_while_the_issuer_hangs_takes_anothers_copy(
    issuer: Issuer, valkey: ValkeyClient
) -> None:
    first = key_sets_of(issuer, valkey)
    await first.refresh()
    issuer.running.clear()
    second = key_sets_of(issuer, valkey)
    assert not second.current()
    await second.refresh()
    assert second.current() == first.current() != {}


async def test_copy_that_no_gateway_wrote_is_none(issuer: Issuer, valkey: ValkeyClient) -> None:
    await key_sets_of(issuer, valkey, b"somebody else's key").refresh()
    written = await valkey.get(KEY_SETS_KEY)
    issuer.running.clear()
    for lies_there in (written, written[:40], b"", b"{}", written[:32] + b'{"at_ms": 1}'):
        await valkey.set(KEY_SETS_KEY, lies_there)
        mine = key_sets_of(issuer, valkey)
        await mine.refresh()
        assert not mine.current()
    await valkey.delete(KEY_SETS_KEY)
    await valkey.rpush(KEY_SETS_KEY, "a list")
    mine = key_sets_of(issuer, valkey)
    await mine.refresh()
    assert not mine.current()
    issuer.running.set()
    await mine.refresh()
    assert mine.current()
    assert mine.withdrawn() == frozenset()
