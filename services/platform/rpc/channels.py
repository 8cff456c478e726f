"""Calls to siblings: channels that retry what is safe to retry, and one way to make a call."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import grpc
import grpc.aio
from google.protobuf.descriptor import ServiceDescriptor
from google.protobuf.descriptor_pb2 import MethodOptions
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.errors import UnavailableError
from services.platform.observability.names import METRIC_RPC_CLIENT_DURATION, SCOPE
from services.platform.rpc.renewed_channel import RenewedChannel
from services.platform.rpc.signed_channel import SignedChannel
from services.platform.rpc.status import domain_error
from services.platform.runtime.deadlines import allowed_s
from services.platform.security.identities import server_name
from services.platform.security.signing import Signer
from services.platform.security.tls import PeerTls

__all__ = ["Caller", "open_channel", "safe_paths", "service_config"]

Request = TypeVar("Request")
Response = TypeVar("Response")

DEFAULT_TIMEOUT_S = 2.0
"""For one call with all its retries; two slow siblings in a row still fit the server's 5 s."""

MAX_MESSAGE_BYTES = 4 * 1024 * 1024
"""As on the server."""

MAX_RECONNECT_WAIT_MS = 1_000
"""A restarted sibling is found within a second; gRPC alone would wait up to two minutes."""

KEEPALIVE_INTERVAL_MS = 20_000
"""Finds a connection that died in silence; twice what servers permit at least."""

KEEPALIVE_TIMEOUT_MS = 5_000

_RETRY_POLICY = {
    "maxAttempts": 3,
    "initialBackoff": "0.02s",
    # Both tries together wait well under a tenth of the call's time.
    "maxBackoff": "0.1s",
    "backoffMultiplier": 2,
    "retryableStatusCodes": ["UNAVAILABLE"],
}
# The budget: each failure costs one token, each success earns a tenth, and below half of them
# nothing is retried. A sibling in trouble gets about 10 % more load from retries, not 200 %.
_RETRY_BUDGET = {"maxTokens": 20, "tokenRatio": 0.1}

_SAFE_TO_REPEAT = frozenset({MethodOptions.NO_SIDE_EFFECTS, MethodOptions.IDEMPOTENT})


def service_config(descriptors: Sequence[ServiceDescriptor]) -> dict[str, Any]:
    """Return the gRPC service config: retries for the RPCs whose `idempotency_level` allows it."""
    retried = _safe(descriptors)
    config: dict[str, Any] = {
        # A name with many addresses is a replicated sibling: spread the calls.
        "loadBalancingConfig": [{"round_robin": {}}],
        "retryThrottling": _RETRY_BUDGET,
    }
    if retried:
        config["methodConfig"] = [{"name": retried, "retryPolicy": _RETRY_POLICY}]
    return config


def _safe(descriptors: Sequence[ServiceDescriptor]) -> list[dict[str, str]]:
    return [
        {"service": service.full_name, "method": method.name}
        for service in descriptors
        for method in service.methods
        if method.GetOptions().idempotency_level in _SAFE_TO_REPEAT
    ]


def open_channel(
    address: str,
    descriptors: Sequence[ServiceDescriptor],
    *,
    tls: PeerTls | None = None,
    signer: Signer | None = None,
    behind_sidecar: str | None = None,
) -> grpc.aio.Channel:
    """Open a channel to `address` for the services it will be used for; the caller closes it.

    With `tls`, only the named peer is talked to, and renewed certificates are taken up as they
    come. With `signer`, each request is signed. `behind_sidecar` is the sibling that is meant where
    `address` is that of the own sidecar, which finds it, and tries again in gRPC's stead.
    """
    retried_elsewhere = signer is not None or behind_sidecar is not None
    options = _options(() if retried_elsewhere else descriptors)
    if behind_sidecar is not None:
        options = (*options, ("grpc.default_authority", server_name(behind_sidecar)))
    channel: grpc.aio.Channel
    if tls is None:
        channel = grpc.aio.insecure_channel(address, options)
    else:
        named = (*options, ("grpc.ssl_target_name_override", tls.server_name))
        channel = RenewedChannel(
            tls.files,
            lambda now: grpc.aio.secure_channel(address, now.for_client(), named),
        )
    if signer is None:
        return channel
    return SignedChannel(channel, signer, safe_paths(descriptors))


def safe_paths(descriptors: Sequence[ServiceDescriptor]) -> list[str]:
    """Return the paths of the RPCs that may be called twice, by their `idempotency_level`."""
    return [f"/{name['service']}/{name['method']}" for name in _safe(descriptors)]


def _options(descriptors: Sequence[ServiceDescriptor]) -> tuple[tuple[str, str | int], ...]:
    return (
        ("grpc.service_config", json.dumps(service_config(descriptors))),
        ("grpc.service_config_disable_resolution", 1),
        ("grpc.enable_retries", 1),
        ("grpc.max_receive_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_send_message_length", MAX_MESSAGE_BYTES),
        ("grpc.max_reconnect_backoff_ms", MAX_RECONNECT_WAIT_MS),
        ("grpc.keepalive_time_ms", KEEPALIVE_INTERVAL_MS),
        ("grpc.keepalive_timeout_ms", KEEPALIVE_TIMEOUT_MS),
    )


class Caller:
    """Makes calls through stubs: bounded in time, traced, and failing with domain errors."""

    def __init__(
        self,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._timeout_s = timeout_s
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        self._duration = metrics.get_meter(SCOPE, meter_provider=meter_provider).create_histogram(
            METRIC_RPC_CLIENT_DURATION, unit="s"
        )
        self._propagator = TraceContextTextMapPropagator()

    async def call(
        self, method: grpc.aio.UnaryUnaryMultiCallable[Request, Response], request: Request
    ) -> Response:
        """Call `method`, a stub's attribute, in what is left of the current deadline.

        Raises the domain error that the answer stands for, UnavailableError for no answer in time.
        """
        with self._traced(method) as metadata:
            return await method(request, timeout=self._allowed_s(), metadata=metadata)

    async def stream(
        self,
        method: grpc.aio.UnaryStreamMultiCallable[Request, Response],
        request: Request,
        *,
        timeout_s: float | None = None,
        idle_s: float | None = None,
    ) -> AsyncGenerator[Response, None]:
        """Call a server-streaming `method`, as `call` does.

        `timeout_s` bounds the whole stream, with what its reader does in between (None: the time
        of a call), and `idle_s` the wait for each message. Raises UnavailableError beyond either.
        """
        with self._traced(method) as metadata:
            call = method(request, timeout=self._allowed_s(timeout_s), metadata=metadata)
            messages = aiter(call)
            try:
                while (response := await _next(messages, idle_s)) is not None:
                    yield response
            finally:
                # A reader that stops early must not leave the sibling sending.
                call.cancel()

    def _allowed_s(self, wanted_s: float | None = None) -> float:
        return allowed_s(wanted_s or self._timeout_s)

    @contextmanager
    def _traced(self, method: object) -> Iterator[grpc.aio.Metadata]:
        name = _method_name(method)
        code, started = grpc.StatusCode.OK, time.perf_counter()
        # Not made current: a stream's reader runs between its messages and is not part of it.
        span = self._tracer.start_span(
            name, kind=SpanKind.CLIENT, attributes={"rpc.system": "grpc"}
        )
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=trace.set_span_in_context(span))
        try:
            yield grpc.aio.Metadata(*carrier.items())
        except grpc.aio.AioRpcError as error:
            code = error.code()
            span.set_status(StatusCode.ERROR, code.name)
            translated = domain_error(error)
            if translated is error:
                raise
            raise translated from error
        except BaseException:
            # Cancelled, by our own deadline or by a reader that stopped.
            code = grpc.StatusCode.CANCELLED
            raise
        finally:
            span.set_attribute("rpc.grpc.status_code", code.value[0])
            span.end()
            self._duration.record(
                time.perf_counter() - started, {"rpc.method": name, "rpc.code": code.name}
            )


async def _next(messages: AsyncIterator[Response], idle_s: float | None) -> Response | None:
    """Return the next message, None at the end."""
    try:
        async with asyncio.timeout(idle_s):
            return await anext(messages, None)
    except TimeoutError as error:
        raise UnavailableError(f"a stream was silent for {idle_s} s") from error


def _method_name(method: object) -> str:
    # gRPC keeps the path to itself, and an interceptor, its public way to learn it, would cost a
    # task per call.
    path: bytes | str = getattr(method, "_method", b"unknown")
    return (path.decode() if isinstance(path, bytes) else path).removeprefix("/")
