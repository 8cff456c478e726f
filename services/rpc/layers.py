"""What surrounds every handler: deadline, tracing, metrics, access log, errors, in that order."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn

import grpc
import grpc.aio
import structlog
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry import metrics, trace
from opentelemetry.trace import SpanKind, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.errors import AviaryError
from services.rpc.deadlines import deadline_in, remaining_s
from services.rpc.status import deadline_status, internal_status, status_of, status_trailer
from services.telemetry import (
    EVENT_RPC_HANDLED,
    EVENT_RPC_UNKNOWN_ERROR,
    METRIC_RPC_SERVER_DURATION,
    SCOPE,
)

__all__ = ["LAYERS", "Answer", "Context", "Handler", "Rpc", "server_duration", "wrap"]

_log = structlog.get_logger()

DEFAULT_DEADLINE_S = 5.0
"""For a client that set none: long past any healthy answer, short enough to free a stuck call."""

_MS_PER_S = 1_000
# Codes that mean the server failed; the others are the caller's to mend, so not errors of a span.
_SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
_CODES_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Message | bytes | None
Handler = Callable[[Message, Context], Awaitable[Answer]]
"""A handler of one RPC. A streaming one writes its messages to the context and returns None."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of a server and what its layers report to."""

    service: str
    """Full name, such as `aviary.tweet.v1.TweetService`."""
    method: str
    tracer: trace.Tracer
    duration: metrics.Histogram

    @property
    def name(self) -> str:
        """`package.Service/Method`: the span's name and the metrics' and logs' method."""
        return f"{self.service}/{self.method}"


Layer = Callable[[Rpc, Handler], Handler]


def with_deadline(_rpc: Rpc, inner: Handler) -> Handler:
    """Cancel the handler at the client's deadline, or the default one, and answer so."""

    async def handle(request: Message, context: Context) -> Answer:
        given_s = context.time_remaining()
        allowed_s = DEFAULT_DEADLINE_S if given_s is None else given_s
        try:
            with deadline_in(allowed_s):
                async with asyncio.timeout(allowed_s):
                    return await inner(request, context)
        except TimeoutError:
            return await _abort(context, *deadline_status())

    return handle


def with_tracing(rpc: Rpc, inner: Handler) -> Handler:
    """Run the handler in a SERVER span that continues the caller's W3C trace, if it sent one."""
    propagator = TraceContextTextMapPropagator()
    attributes = {"rpc.system": "grpc", "rpc.service": rpc.service, "rpc.method": rpc.method}

    async def handle(request: Message, context: Context) -> Answer:
        carrier = {
            key: value
            for key, value in context.invocation_metadata() or ()
            if isinstance(value, str)
        }
        with rpc.tracer.start_as_current_span(
            rpc.name,
            context=propagator.extract(carrier),
            kind=SpanKind.SERVER,
            attributes=attributes,
            # An abort travels as an exception, but is an answer: the code below decides.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                return await inner(request, context)
            finally:
                code = _code(context)
                span.set_attribute("rpc.grpc.status_code", code.value[0])
                if code in _SERVER_FAULTS:
                    span.set_status(StatusCode.ERROR, code.name)

    return handle


def with_metrics(rpc: Rpc, inner: Handler) -> Handler:
    """Record rate, errors and duration in one histogram."""

    async def handle(request: Message, context: Context) -> Answer:
        started = time.perf_counter()
        try:
            return await inner(request, context)
        finally:
            rpc.duration.record(
                time.perf_counter() - started,
                {"rpc.method": rpc.name, "rpc.code": _code(context).name},
            )

    return handle


def with_access_log(rpc: Rpc, inner: Handler) -> Handler:
    """Log one line per call; a call that the server failed is a warning."""

    async def handle(request: Message, context: Context) -> Answer:
        started = time.perf_counter()
        try:
            return await inner(request, context)
        finally:
            code = _code(context)
            log = _log.warning if code in _SERVER_FAULTS else _log.info
            duration_ms = round((time.perf_counter() - started) * _MS_PER_S, 3)
            log(EVENT_RPC_HANDLED, method=rpc.name, code=code.name, duration_ms=duration_ms)

    return handle


def with_errors(rpc: Rpc, inner: Handler) -> Handler:
    """Answer what the handler raises: domain errors by the table, all others by one sentence."""

    async def handle(request: Message, context: Context) -> Answer:
        try:
            return await inner(request, context)
        except grpc.aio.AbortError:
            raise
        except Exception as error:  # noqa: BLE001 - the last place before the wire
            known = status_of(error) if isinstance(error, AviaryError) else None
            if known is None:
                _log.exception(EVENT_RPC_UNKNOWN_ERROR, method=rpc.name)
                known = internal_status()
            return await _abort(context, *known)

    return handle


LAYERS: tuple[Layer, ...] = (
    with_deadline,  # outermost: its time covers all below, and it alone answers when that is up
    with_tracing,  # before metrics and logs, so that both see the span
    with_metrics,  # outside the log, so that a slow log sink shows
    with_access_log,  # outside errors, so that it sees the code they chose
    with_errors,  # innermost: everything above sees an answer, never a bare exception
)
"""Outermost first."""


def wrap(rpc: Rpc, handler: Handler) -> Handler:
    """Return `handler` inside all the layers."""
    for layer in reversed(LAYERS):
        handler = layer(rpc, handler)
    return handler


def server_duration(meter_provider: metrics.MeterProvider | None) -> metrics.Histogram:
    """Return the server's histogram; all the RPCs of a server share it."""
    meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
    return meter.create_histogram(METRIC_RPC_SERVER_DURATION, unit="s")


async def _abort(context: Context, code: grpc.StatusCode, status: Status) -> NoReturn:
    await context.abort(code, status.message, status_trailer(status))
    raise AssertionError("abort always raises")


def _code(context: Context) -> grpc.StatusCode:
    """Return the code the call has so far; called while an exception may be on its way out."""
    code = context.code()
    if isinstance(code, int):
        code = _CODES_BY_NUMBER[code]
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        # The deadline cancels the handler before it has set a code; so does a client that left.
        return grpc.StatusCode.CANCELLED if remaining_s() else grpc.StatusCode.DEADLINE_EXCEEDED
    return code or grpc.StatusCode.OK
