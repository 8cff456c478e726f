"""Envoy's own RPCs, by their paths on the wire, for the gateway's gRPC server."""

from typing import Any

import grpc
from aviary.envoy.v1 import envoy_pb2 as pb
from google.protobuf import empty_pb2

from gateway.control_plane.access_log_service import AccessLogServicer
from gateway.control_plane.extension_config_service import ExtensionConfigServicer
from gateway.control_plane.rate_limit_service import RateLimitServicer
from gateway.envoy.own_rpcs import ACCESS_LOGS, CONFIGS, RATE_LIMIT
from services.platform.errors import UnavailableError
from services.platform.rpc.interceptors import Context
from services.platform.rpc.peer_identity import admit_or_abort
from services.platform.security.identities import EDGE
from services.platform.security.process import PLAIN, Security

__all__ = ["envoy_rpcs"]


def envoy_rpcs(
    rate_limits: RateLimitServicer,
    configs: ExtensionConfigServicer,
    access_logs: AccessLogServicer,
    security: Security = PLAIN,
) -> tuple[grpc.GenericRpcHandler, ...]:
    """Give the handlers, which no interceptor surrounds: two are streams without end.

    Where peers have names, they must show the certificate of an edge: to the gateway, or to its
    sidecar.
    """

    async def only_an_edge(name: str, context: Context) -> None:
        if security.names_peers:
            await admit_or_abort(name, {EDGE}, context, security)

    async def should_rate_limit(
        request: pb.RateLimitRequest, context: Context
    ) -> pb.RateLimitResponse:
        await only_an_edge(RATE_LIMIT, context)
        try:
            return await rate_limits.ShouldRateLimit(request, context)
        except UnavailableError as error:
            await context.abort(grpc.StatusCode.UNAVAILABLE, str(error))
            raise

    async def stream_access_logs(requests, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - gRPC's own
        await only_an_edge(ACCESS_LOGS, context)
        await access_logs.StreamAccessLogs(requests, context)
        return empty_pb2.Empty()

    async def stream_extension_configs(requests, context):  # type: ignore[no-untyped-def] # noqa: ANN001, ANN202 - as above
        await only_an_edge(CONFIGS, context)
        async for config in configs.StreamExtensionConfigs(requests, context):
            yield config

    rate_limit = grpc.unary_unary_rpc_method_handler(
        should_rate_limit,
        pb.RateLimitRequest.FromString,
        pb.RateLimitResponse.SerializeToString,
    )
    config_stream = grpc.stream_stream_rpc_method_handler(
        stream_extension_configs,
        pb.DiscoveryRequest.FromString,
        pb.DiscoveryResponse.SerializeToString,
    )
    logs = grpc.stream_unary_rpc_method_handler(
        stream_access_logs,
        pb.StreamAccessLogsMessage.FromString,
        empty_pb2.Empty.SerializeToString,
    )
    return (
        _served(RATE_LIMIT, rate_limit),
        _served(CONFIGS, config_stream),
        _served(ACCESS_LOGS, logs),
    )


def _served(rpc: str, handler: "grpc.RpcMethodHandler[Any, Any]") -> grpc.GenericRpcHandler:
    service, _, method = rpc.partition("/")
    return grpc.method_handlers_generic_handler(service, {method: handler})
