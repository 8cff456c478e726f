"""Envoy's own RPCs of the gateway are for edges alone."""

from pathlib import Path

import grpc
import grpc.aio
import pytest
from aviary.envoy.v1 import envoy_pb2 as pb

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.envoy_rpcs import envoy_rpcs
from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.limiter import Limiter
from gateway.control_plane.proof_of_work import ProofOfWork
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.reputation_store import ReputationStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.security.process import Security
from services.platform.tokens.revoked_store import RevokedStore
from services.platform.valkey.lines import ValkeyNode
from tests.certificates import files, new_folder

SHOULD_RATE_LIMIT = "/envoy.service.ratelimit.v3.RateLimitService/ShouldRateLimit"
CONFIGS = "/envoy.service.extension.v3.ExtensionConfigDiscoveryService/StreamExtensionConfigs"
ACCESS_LOGS = "/envoy.service.accesslog.v3.AccessLogService/StreamAccessLogs"


def gateway(folder: Path) -> RpcServer:
    # No call in here comes to Valkey.
    valkey, clock, rules = ValkeyNode(), SystemClock(), ReputationRules()
    store, security = ReputationStore(valkey, clock, rules), Security(files(folder, "gateway"))
    handlers = envoy_rpcs(
        RateLimitServicer(
            Limiter(valkey, clock, rules), ProofOfWork(valkey, clock, lambda: [b"k" * 32])
        ),
        ExtensionConfigServicer(
            Sources(store, RevokedStore(valkey, clock), lambda: False), clock, rules
        ),
        AccessLogServicer(store, clock),
        security,
    )
    return RpcServer("127.0.0.1:0", handlers, security=security)


async def outcome(channel: grpc.aio.Channel, path: str) -> str:
    """Call with an empty message; the code of the answer."""
    try:
        if path == SHOULD_RATE_LIMIT:
            await channel.unary_unary(path, pb.RateLimitRequest.SerializeToString)(
                pb.RateLimitRequest()
            )
        elif path == CONFIGS:
            call = channel.stream_stream(path)()
            await call.done_writing()
            await call.read()
        else:
            await channel.stream_unary(path)(iter(()))
    except grpc.aio.AioRpcError as error:
        return error.code().name
    return "OK"


@pytest.mark.parametrize("path", [SHOULD_RATE_LIMIT, CONFIGS, ACCESS_LOGS])
async def test_only_an_edge_may_call_them(tmp_path: Path, path: str) -> None:
    new_folder(tmp_path)
    server = gateway(tmp_path)
    await server.start()
    try:
        outcomes = {}
        for peer in ("edge", "tweet", "operator"):
            tls = files(tmp_path, peer).towards("gateway")
            async with open_channel(server.address, [], tls=tls) as channel:
                outcomes[peer] = await outcome(channel, path)
    finally:
        await server.stop(0)
    denied = "PERMISSION_DENIED"
    assert outcomes == {"edge": "OK", "tweet": denied, "operator": denied}
