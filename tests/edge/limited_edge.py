"""A real Envoy with its limits on, the gateway's part of them, and a real Valkey.

Who the subjects are comes from headers that the test sets: authentication is tested elsewhere.
"""

import asyncio
import contextlib
import json
import re
import tempfile
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import grpc
import httpx
from aviary.gateway.v1 import challenge_service_pb2
from aviary.timeline.v1 import timeline_service_pb2 as timeline_pb
from aviary.timeline.v1 import timeline_service_pb2_grpc as timeline_grpc
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc
from aviary.user.v1 import user_service_pb2 as user_pb
from aviary.user.v1 import user_service_pb2_grpc as user_grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.challenges import ChallengeServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from gateway.envoy import EdgeConfig, bootstrap, public_services
from gateway.envoy_binary import envoy_binary
from services.platform.composition.dependencies import service_of
from services.platform.rpc.server import RpcServer, Servicer
from services.platform.runtime.clock import SystemClock
from services.platform.security.step_up import PROVEN_HEADER
from services.platform.tokens.revoked_store import RevokedStore
from services.platform.valkey.breaker import GuardedValkey
from services.platform.valkey.connection import ValkeyClient, open_valkey
from tests.contract.valkey_servers import valkey_node
from tests.edge.conftest import (
    DESCRIPTOR,
    START_TIMEOUT_S,
    Timelines,
    Tweets,
    _base_url,
    admin_client,
    admin_socket,
    as_json,
    json_backends,
    server_over_http,
)

QUICK = ReputationRules(half_life_s=1.0)
"""So that a test sees a subject released."""
UNMOVED = ReputationRules(suspect=1e12, hostile=1e13)
"""For tests of the limits alone."""
FEW_BITS = 8
OWN_APPS = ("ios", "android")
SETTLED_USER = "1000000"
"""An id of the epoch: no new account."""
PATIENT = httpx.Timeout(15, pool=None)
"""Hundreds of requests are begun at once, and wait here for a connection."""


class Users(user_grpc.UserServiceServicer):
    async def CreateUser(self, request, context):  # noqa: ARG002, N802
        return user_pb.CreateUserResponse()

    async def GetUser(self, request, context):  # noqa: ARG002, N802
        return user_pb.GetUserResponse()


class QuickTimelines(Timelines):
    async def GetUserTimeline(self, request, context):  # noqa: ARG002, N802
        return timeline_pb.GetUserTimelineResponse()

    async def GetUserTimelineJson(self, request, context):  # noqa: ARG002, N802
        return as_json(timeline_pb.GetUserTimelineResponse())


@dataclass
class LimitedEdge:
    client: httpx.AsyncClient
    valkey: ValkeyClient
    store: ReputationStore
    gateway: RpcServer
    process: asyncio.subprocess.Process
    admin: httpx.AsyncClient

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.client.get(path, headers=_named(headers))

    async def post(self, path: str, body: Mapping[str, Any], **headers: str) -> httpx.Response:
        return await self.client.post(path, json=body, headers=_named(headers))


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


@asynccontextmanager
async def issuer() -> AsyncIterator[int]:
    """Stand in for the issuer: a token to whatever is asked over HTTP/1; gives the port.

    Answers say in `x-was-proven` whether the edge passed a proof on.
    """
    body = b'{"access_token":"a token"}'
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}"

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while asked := await reader.readuntil(b"\r\n\r\n"):
                length = re.search(rb"content-length: (\d+)", asked)
                await reader.readexactly(int(length[1]) if length else 0)
                proven = b"yes" if f"{PROVEN_HEADER}: 1".encode() in asked else b"no"
                writer.write(b"\r\n".join((head.encode(), b"x-was-proven: " + proven, b"", body)))
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


def _trusting(config: EdgeConfig) -> str:
    """Configure an edge that keeps headers by which a test names its user, app and address."""
    built = bootstrap(config)
    (listener,) = built["static_resources"]["listeners"]
    manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
    manager["early_header_mutation_extensions"] = []
    return json.dumps(built)


@asynccontextmanager
async def services() -> AsyncIterator[str]:
    server = grpc.aio.server()
    serving = health.aio.HealthServicer()
    health_pb2_grpc.add_HealthServicer_to_server(serving, server)
    tweet_grpc.add_TweetServiceServicer_to_server(Tweets(), server)
    timeline_grpc.add_TimelineServiceServicer_to_server(QuickTimelines(), server)
    user_grpc.add_UserServiceServicer_to_server(Users(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await serving.set("", health_pb2.HealthCheckResponse.SERVING)
    await server.start()
    try:
        yield f"127.0.0.1:{port}"
    finally:
        await server.stop(None)


@asynccontextmanager
async def gateway(
    valkey: ValkeyClient, rules: ReputationRules
) -> AsyncIterator[tuple[RpcServer, ReputationStore]]:
    clock = SystemClock()
    store = ReputationStore(valkey, clock, rules)
    sources = Sources(store, RevokedStore(valkey, clock), lambda: False)
    configs = ExtensionConfigServicer(sources, clock, rules, refresh_s=0.1)
    step_up = ProofOfWork(valkey, clock, lambda: [b"k" * 32], difficulty_bits=FEW_BITS)
    server = RpcServer(
        "127.0.0.1:0",
        [
            Servicer(service_of(challenge_service_pb2.DESCRIPTOR), ChallengeServicer(step_up)),
            *envoy_rpcs(
                RateLimitServicer(Limiter(valkey, clock, rules), step_up, OWN_APPS),
                configs,
                AccessLogServicer(store, clock),
            ),
        ],
    )
    await server.start()
    await configs.start()
    try:
        yield server, store
    finally:
        await configs.stop()
        await server.stop(0)


@asynccontextmanager
async def limited_edge(
    *,
    rules: ReputationRules = QUICK,
    **settings: Any,
) -> AsyncIterator[LimitedEdge]:
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        valkey_port = stack.enter_context(valkey_node(folder))
        valkey = open_valkey(
            f"redis://127.0.0.1:{valkey_port}/0", timeout_s=0.5, node_client=GuardedValkey
        )
        stack.push_async_callback(valkey.aclose)
        address = await stack.enter_async_context(services())
        over_http = await server_over_http(QuickTimelines(), Tweets())
        stack.push_async_callback(over_http.stop, 0)
        issuer_port = await stack.enter_async_context(issuer())
        server, store = await stack.enter_async_context(gateway(valkey, rules))
        backends = dict.fromkeys(public_services(), address)
        backends |= {"gateway": server.address, "challenge": server.address}
        config = EdgeConfig(
            listen_port=0,
            admin_socket=admin_socket(folder),
            backends=backends,
            json_backends=json_backends(over_http),
            descriptor_path=str(DESCRIPTOR),
            access_log_path=str(folder / "access.log"),
            unauthenticated=True,
            identity_http=f"127.0.0.1:{issuer_port}",
            # A test machine may be busy, and a slow decision is not what these tests are about.
            decision_timeout="10s",
            **settings,
        )
        (folder / "envoy.json").write_text(_trusting(config))
        process = await stack.enter_async_context(_envoy(folder))
        url = await _base_url(process, folder)
        client = await stack.enter_async_context(httpx.AsyncClient(base_url=url, timeout=PATIENT))
        admin = await stack.enter_async_context(admin_client(folder))
        edge = LimitedEdge(client, valkey, store, server, process, admin)
        await _until_it_has_the_lists(edge)
        yield edge


@asynccontextmanager
async def _envoy(folder: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    with (folder / "envoy.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(
            str(envoy_binary()),
            *("-c", str(folder / "envoy.json"), "--disable-hot-restart"),
            *("--concurrency", "2", "--admin-address-path", str(folder / "admin")),
            *("--log-level", "warn"),
            stderr=log,
        )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_has_the_lists(edge: LimitedEdge) -> None:
    """Wait for the services, and for the first word of the gateway on new accounts."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            try:
                paths = ("/v1/timeline/home?user_id=1", "/v1/users/1", "/v1/tweets/1")
                answers = [await edge.get(path, x_scope="act:any") for path in paths]
                dump = await edge.admin.get("/config_dump?resource=ecds_filters")
            except httpx.TransportError:
                pass
            else:
                ready = all(answer.status_code < httpx.codes.BAD_GATEWAY for answer in answers)
                if ready and "shadow_rules" in dump.text:
                    return
            await asyncio.sleep(0.05)
