"""One way to make a call: in time, in the trace, and with a domain error where it fails."""

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator, Iterator
from contextlib import contextmanager
from typing import TypeVar

import grpc
import grpc.aio
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.config.values import UNIX, each_address
from services.platform.errors import UnavailableError
from services.platform.observability import spans
from services.platform.observability.histograms import duration_histogram
from services.platform.observability.names import METRIC_RPC_CLIENT_DURATION, SCOPE
from services.platform.observability.request_id import REQUEST_ID, REQUEST_ID_KEY
from services.platform.rpc.status import domain_error
from services.platform.runtime.deadlines import allowed_s

__all__ = ["DEFAULT_TIMEOUT_S", "RpcClient"]

Request = TypeVar("Request")
Response = TypeVar("Response")

DEFAULT_TIMEOUT_S = 2.0
"""For one call with all its retries; two slow siblings in a row still fit the server's 5 s."""


class RpcClient:
    """Makes calls through stubs: bounded in time, traced, and failing with domain errors.

    Siblings' clients share it, and add what is particular to one service. `server` is the address
    that is called (`host:port`, several of these, or `unix:/path`), as spans have it.
    """

    def __init__(
        self,
        server: str | None = None,
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
        tracer_provider: trace.TracerProvider | None = None,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._server = server
        # Of each RPC once: there are as many as the service declares.
        self._attributes: dict[str, dict[str, str | int]] = {}
        self._timeout_s = timeout_s
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)
        self._duration = duration_histogram(METRIC_RPC_CLIENT_DURATION, meter_provider)
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
        span = spans.started(
            self._tracer, name, context=None, kind=SpanKind.CLIENT, attributes=self._called(name)
        )
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier, context=trace.set_span_in_context(span))
        if request_id := REQUEST_ID.get():
            carrier[REQUEST_ID_KEY] = request_id
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

    def _called(self, name: str) -> dict[str, str | int]:
        known = self._attributes.get(name)
        if known is None:
            service, _, method = name.rpartition("/")
            rpc = {"rpc.system": "grpc", "rpc.service": service, "rpc.method": method}
            known = self._attributes[name] = {**rpc, **_server(self._server)}
        return known


def _server(address: str | None) -> dict[str, str | int]:
    if address is None:
        return {}
    if address.startswith(UNIX) or len(each_address(address)) > 1:
        # Of several, which it was is known to gRPC alone.
        return {"server.address": address.removeprefix(UNIX)}
    host, _, port = address.rpartition(":")
    return {"server.address": host.strip("[]"), "server.port": int(port)}


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
