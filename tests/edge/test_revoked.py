"""What the issuer revokes, the real edge refuses: by Valkey and the gateway."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import httpx
import pytest_asyncio
from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.envoy.public_reads import FILTER as PUBLIC_READS
from gateway.envoy.revoked import revoked_filter
from services.identity.revocations import Revocations
from services.platform.rpc.interceptors import Context
from services.platform.runtime.clock import SystemClock
from services.platform.tokens.edge_lists import MAX_LISTED
from services.platform.tokens.revocations import Revocable
from services.platform.tokens.revoked_store import RevokedStore
from services.platform.valkey.breaker import GuardedValkey
from services.platform.valkey.connection import ValkeyClient, open_valkey
from tests.contract.valkey_servers import valkey_node
from tests.edge.conftest import Edge
from tests.edge.test_issuer import edge_before, home, token
from tests.identity.browser import Browser, sign_up
from tests.identity.world import PASSWORD, World, identity_world

ENDED = "the session of this token has ended; log in again"
TOO_OLD = "the token is too old; refresh it"
MINUTE_MS = 60_000
REVOKED_FILTER = revoked_filter()["name"]


@dataclass
class Revoking:
    world: World
    edge: Edge
    store: RevokedStore
    valkey: ValkeyClient

    async def until_refused(self, token: str, **headers: str) -> httpx.Response:
        path = "/v1/timeline/home"
        return await self.edge.until(
            "GET", path, 401, headers={"authorization": f"Bearer {token}", **headers}
        )

    async def until_said(self, said: str, token: str, **headers: str) -> httpx.Response:
        deadline = asyncio.get_running_loop().time() + 20
        while True:
            answer = await self.until_refused(token, **headers)
            if answer.json()["message"] == said:
                return answer
            assert asyncio.get_running_loop().time() < deadline

    async def fill(self, kind: Revocable) -> None:
        """Revoke as many as a list holds, after all that is on it."""
        key = f"limit:revoked:{kind}"
        last = await self.valkey.zrevrangebyscore(key, "(+inf", "-inf", 0, 1, withscores=True)
        ((_, until_ms),) = last
        await self.store.add(kind, {f"n{n}": int(until_ms) + 1 for n in range(MAX_LISTED)})

    async def logged_in(self) -> dict[str, str]:
        app = await self.world.app()
        tokens = await Browser(self.edge.client, app.client_id, scope=None).tokens()
        assert (await home(self.edge, tokens["access_token"])).status_code == 200
        return {**tokens, "client_id": app.client_id}


async def names(store: RevokedStore) -> frozenset[str]:
    """Revoked sessions, as a gateway knows them."""
    listed = await store.listed()
    assert listed is not None
    return listed[Revocable.SESSION].names


@pytest_asyncio.fixture
async def revoking(tmp_path: Path) -> AsyncIterator[Revoking]:
    async with AsyncExitStack() as stack:
        port = stack.enter_context(valkey_node(tmp_path))
        valkey = open_valkey(
            f"redis://127.0.0.1:{port}/0", timeout_s=0.5, node_client=GuardedValkey
        )
        stack.push_async_callback(valkey.aclose)
        clock, rules = SystemClock(), ReputationRules()
        reputation, revoked = ReputationStore(valkey, clock, rules), RevokedStore(valkey, clock)
        configs = ExtensionConfigServicer(
            Sources(reputation, revoked, lambda: False), clock, rules, refresh_s=0.1
        )
        step_up = ProofOfWork(valkey, clock, lambda: [b"k" * 32])
        handlers = envoy_rpcs(
            RateLimitServicer(Limiter(valkey, clock, rules), step_up),
            configs,
            AccessLogServicer(reputation, clock),
        )
        await configs.start()
        stack.push_async_callback(configs.stop)
        world = await stack.enter_async_context(identity_world(tmp_path, revoked))
        await sign_up(world.http)
        await world.revocations.publish()
        edge = await stack.enter_async_context(edge_before(world, gateway=handlers))
        yield Revoking(world, edge, revoked, valkey)


async def test_access_token_ends_with_its_session_and_no_other_does(revoking: Revoking) -> None:
    ended, other = await revoking.logged_in(), await revoking.logged_in()
    form = {"token": ended["refresh_token"], "client_id": ended["client_id"]}
    answer = await revoking.edge.client.post("/oauth/revoke", data=form)
    assert answer.status_code == 200, answer.text
    answer = await revoking.until_refused(ended["access_token"])
    assert (answer.json()["code"], answer.json()["message"]) == (16, ENDED)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await home(revoking.edge, other["access_token"])).status_code == 200
    again = await revoking.logged_in()
    assert (await home(revoking.edge, again["access_token"])).status_code == 200


async def test_reuse_of_a_refresh_token_ends_the_thiefs_access_token(revoking: Revoking) -> None:
    tokens = await revoking.logged_in()
    app = Browser(revoking.edge.client, tokens["client_id"])
    second = (await app.refresh(tokens["refresh_token"])).json()
    assert (await home(revoking.edge, second["access_token"])).status_code == 200
    assert (await app.refresh(tokens["refresh_token"])).status_code == 400
    for shown in (tokens["access_token"], second["access_token"]):
        assert (await revoking.until_refused(shown)).json()["message"] == ENDED


async def test_new_password_ends_the_other_sessions(revoking: Revoking) -> None:
    mine, other = await revoking.logged_in(), await revoking.logged_in()
    changed = await revoking.edge.client.post(
        "/oauth/password",
        json={"password": PASSWORD, "new_password": "another horse battery"},
        headers={"authorization": f"Bearer {mine['access_token']}"},
    )
    assert (changed.status_code, changed.json()) == (200, {"sessions_ended": 1}), changed.text
    await revoking.until_refused(other["access_token"])
    assert (await home(revoking.edge, mine["access_token"])).status_code == 200


async def test_deleted_users_tokens_end_those_of_operators_too(revoking: Revoking) -> None:
    tokens, acting = await revoking.logged_in(), await token(revoking.world, "ada")
    await sign_up(revoking.world.http, "bob")
    bobs = await token(revoking.world, "bob")
    await revoking.world.accounts.erase(1)
    for shown in (tokens["access_token"], acting):
        assert (await revoking.until_refused(shown)).json()["message"] == ENDED
    assert (await home(revoking.edge, bobs, user_id=2)).status_code == 200


async def test_revoked_api_key_is_refused_and_its_successor_is_not(revoking: Revoking) -> None:
    tokens = await revoking.logged_in()
    keys = revoking.world.app_keys
    first, second = [await keys.make(tokens["client_id"]) for _ in range(2)]
    await keys.revoke(first.key_id)
    await revoking.world.revocations.publish()
    shown = tokens["access_token"]
    answer = await revoking.until_refused(shown, **{"x-api-key": first.key})
    assert answer.json()["message"] == "the API key was revoked"
    headers = {"authorization": f"Bearer {shown}", "x-api-key": second.key}
    answer = await revoking.edge.client.get("/v1/timeline/home", headers=headers)
    assert answer.status_code == 200, answer.text
    assert (await home(revoking.edge, shown)).status_code == 200


async def test_list_forgets_what_has_expired(revoking: Revoking) -> None:
    now_ms = SystemClock().now_ms()
    await revoking.store.add(Revocable.SESSION, {"over": now_ms - 1, "on": now_ms + 60_000})
    assert await names(revoking.store) == {"on"}


async def test_a_clock_that_is_behind_does_not_end_what_was_sent_before(
    revoking: Revoking,
) -> None:
    now_ms = SystemClock().now_ms()
    await revoking.store.add(Revocable.SESSION, {"ada": now_ms + 60_000})
    await revoking.store.add(Revocable.SESSION, {"ada": now_ms - 1, "bob": now_ms + 60_000})
    assert await names(revoking.store) == {"ada", "bob"}


async def test_what_was_revoked_beyond_the_bound_of_the_list_is_refused(
    revoking: Revoking,
) -> None:
    ended, other = await revoking.logged_in(), await revoking.logged_in()
    form = {"token": ended["refresh_token"], "client_id": ended["client_id"]}
    clock = revoking.world.clock
    # Tokens are dated by the system's clock.
    clock.ms, as_it_was = SystemClock().now_ms(), clock.ms
    await revoking.edge.client.post("/oauth/revoke", data=form)
    clock.ms = as_it_was
    await revoking.until_refused(ended["access_token"])
    await revoking.fill(Revocable.SESSION)
    # So it is with others as old, which are good: nothing distinguishes them.
    answer = await revoking.until_refused(other["access_token"])
    assert (answer.json()["code"], answer.json()["message"]) == (16, TOO_OLD)
    assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
    assert (await home(revoking.edge, ended["access_token"])).status_code == 401
    # Their apps refresh them, as they do when tokens expire.
    app = Browser(revoking.edge.client, other["client_id"])
    deadline = asyncio.get_running_loop().time() + 30
    while True:
        other = (await app.refresh(other["refresh_token"])).json()
        if (await home(revoking.edge, other["access_token"])).status_code == 200:
            break
        assert asyncio.get_running_loop().time() < deadline
    # An operator's token is of no session.
    acting = await token(revoking.world, "ada")
    assert (await home(revoking.edge, acting)).status_code == 200


async def test_api_keys_revoked_beyond_the_bound_stay_refused(revoking: Revoking) -> None:
    tokens = await revoking.logged_in()
    keys = revoking.world.app_keys
    gone = await keys.make(tokens["client_id"])
    await keys.revoke(gone.key_id)
    await revoking.world.revocations.publish()
    shown = tokens["access_token"]
    await revoking.until_refused(shown, **{"x-api-key": gone.key})
    revoking.world.clock.ms += 60_000
    young = await keys.make(tokens["client_id"])
    await revoking.fill(Revocable.APP_KEY)
    answer = await revoking.until_said(
        "the API key is too old; make another", shown, **{"x-api-key": gone.key}
    )
    assert answer.status_code == 401
    headers = {"authorization": f"Bearer {shown}", "x-api-key": young.key}
    answer = await revoking.edge.client.get("/v1/timeline/home", headers=headers)
    assert answer.status_code == 200, answer.text
    assert (await home(revoking.edge, shown)).status_code == 200


async def test_list_that_was_lost_counts_until_it_is_restored(revoking: Revoking) -> None:
    ended, other, third = [await revoking.logged_in() for _ in range(3)]
    form = {"token": ended["refresh_token"], "client_id": ended["client_id"]}
    await revoking.edge.client.post("/oauth/revoke", data=form)
    await revoking.until_refused(ended["access_token"])
    await revoking.valkey.flushall()
    # When the edge has another one it has had the list as it is since.
    claims = third["access_token"].split(".")[1]
    sid = json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sid"]
    await revoking.store.add(Revocable.SESSION, {sid: SystemClock().now_ms() + MINUTE_MS})
    await revoking.until_refused(third["access_token"])
    assert (await home(revoking.edge, ended["access_token"])).status_code == 401
    # A gateway that knows nothing waits, and learns it from an issuer that revoked nothing.
    clock = SystemClock()
    assert await RevokedStore(revoking.valkey, clock).listed() is None
    issuer = Revocations(revoking.world.store, revoking.store, revoking.world.clock)
    await issuer.publish()
    (name,) = await names(RevokedStore(revoking.valkey, clock)) - {sid}
    assert (await home(revoking.edge, ended["access_token"])).status_code == 401
    assert (await home(revoking.edge, other["access_token"])).status_code == 200
    # Whole again, it is believed when it is shorter.
    await revoking.valkey.zrem("limit:revoked:session", name)
    assert await names(revoking.store) == {sid}


async def test_a_gateway_that_begins_takes_nothing_from_edges(revoking: Revoking) -> None:
    """Until it has read the lists it sends none, rather than empty ones that would replace them."""
    await revoking.valkey.flushall()
    clock, rules = SystemClock(), ReputationRules()
    reputation = ReputationStore(revoking.valkey, clock, rules)
    revoked = RevokedStore(revoking.valkey, clock)
    configs = ExtensionConfigServicer(Sources(reputation, revoked, lambda: False), clock, rules)
    await configs.refresh()
    asked: asyncio.Queue[str] = asyncio.Queue()

    async def requests() -> AsyncIterator[pb.DiscoveryRequest]:
        while True:
            yield pb.DiscoveryRequest(resource_names=[await asked.get()])

    sent = configs.StreamExtensionConfigs(requests(), cast("Context", None))

    async def next_sent() -> str:
        answer = await anext(sent)
        return pb.TypedExtensionConfig.FromString(answer.resources[0].value).name

    for name in (REVOKED_FILTER, PUBLIC_READS):
        asked.put_nowait(name)
    assert await next_sent() == PUBLIC_READS
    asked.put_nowait("aviary.conduct_user")
    assert await next_sent() == "aviary.conduct_user"
    await revoking.world.revocations.publish()
    sending = asyncio.create_task(next_sent())
    await configs.refresh()
    assert await sending == REVOKED_FILTER
    await sent.aclose()
