"""What surrounds every handler: deadline, telemetry, errors, the peer, in that order."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, NoReturn, cast

import grpc
import grpc.aio
import structlog
from google.protobuf.message import Message
from google.rpc.status_pb2 import Status
from opentelemetry import metrics, trace
from opentelemetry.context import attach, detach
from opentelemetry.trace import SpanKind, StatusCode

from services.platform.errors import AviaryError
from services.platform.observability import spans
from services.platform.observability.histograms import Recorder, duration_histogram
from services.platform.observability.log_events import EVENT_RPC_HANDLED, EVENT_RPC_UNKNOWN_ERROR
from services.platform.observability.names import METRIC_RPC_SERVER_DURATION
from services.platform.rpc.admin_calls import AdminCall, arguments
from services.platform.rpc.incoming_context import IncomingContext, taken_up
from services.platform.rpc.peer_identity import admit, certificate_shown, peer_name, reported
from services.platform.rpc.request_sizes import check_size
from services.platform.rpc.status import (
    SERVER_FAULTS,
    deadline_status,
    internal_status,
    status_of,
    status_trailer,
)
from services.platform.runtime.cut import Cut
from services.platform.runtime.deadlines import begin_deadline, end_deadline, remaining_s
from services.platform.security.identities import EDGE
from services.platform.security.process import PLAIN, Security
from services.platform.security.signing import SIGNATURE_KEY

__all__ = [
    "DEFAULT_DEADLINE_S",
    "INTERCEPTORS",
    "Answer",
    "Context",
    "Handler",
    "Rpc",
    "server_duration",
    "wrap",
]

_log = structlog.get_logger()
DEFAULT_DEADLINE_S = 5.0
"""For a client that set none: long past any healthy answer, short enough to free a stuck call."""
DEFAULT_STREAM_DEADLINE_S = 60.0
"""The same for a stream: its messages are many."""

_MS_PER_S = 1_000
_CODES_BY_NUMBER = {code.value[0]: code for code in grpc.StatusCode}

Context = grpc.aio.ServicerContext[Any, Any]
Answer = Message | bytes | None
Handler = Callable[[Any, Context], Awaitable[Answer]]
"""A handler of one RPC: of its encoded request in the interceptors, of the message inside them.

A streaming one writes its messages to the context and returns None."""


@dataclass(frozen=True, slots=True)
class Rpc:
    """One RPC of a server and what its interceptors report to."""

    service: str
    """Full name, such as `aviary.tweet.v1.TweetService`."""
    method: str
    tracer: trace.Tracer
    duration: Recorder
    streams: bool = False
    lasting: bool = False  # a stream until its client leaves
    peers: frozenset[str] | None = None
    """Names of the processes that may call it; None where peers have no names."""
    security: Security = PLAIN
    """What names peers, what judges signatures, and where refusals and operators' calls go."""
    operators: type[Message] | None = None
    """The class of its requests, where it is an operator's and changes something."""

    @property
    def name(self) -> str:
        """`package.Service/Method`: the span's name and the metrics' and logs' method."""
        return f"{self.service}/{self.method}"


Interceptor = Callable[[Rpc, Handler], Handler]


def with_deadline(rpc: Rpc, inner: Handler) -> Handler:
    """Cancel the handler at the client's deadline, or the default one, and answer so."""
    if rpc.lasting:  # what it waits for has deadlines of its own
        return inner
    default_s = DEFAULT_STREAM_DEADLINE_S if rpc.streams else DEFAULT_DEADLINE_S

    async def handle(request: bytes, context: Context) -> Answer:
        given_s = context.time_remaining()
        allowed_s = default_s if given_s is None else given_s
        deadline = begin_deadline(allowed_s)
        cut = Cut(allowed_s)
        try:
            return await inner(request, context)
        except asyncio.CancelledError:
            # An answer that was under way is being sent, and there is only one.
            if not cut.was_it() or _code(context) is not grpc.StatusCode.OK:
                raise
        finally:
            cut.end()
            end_deadline(deadline)
        return await _abort(context, *deadline_status())

    return handle


def with_telemetry(rpc: Rpc, inner: Handler) -> Handler:
    """Run the handler in a SERVER span, then record how it went: span, metric, log.

    All that is inside reads the metadata without asking gRPC again. The span continues the client's
    W3C trace, if it sent one. A call that the server failed is logged as a warning, every other one
    at debug level: the edge logs each request, and a line more a hop costs a tenth of a hot read.
    """
    attributes = {"rpc.system": "grpc", "rpc.service": rpc.service, "rpc.method": rpc.method}
    report = _reporter(rpc)

    async def handle(request: bytes, context: Context) -> Answer:
        incoming = IncomingContext(context)
        parent = taken_up(incoming.metadata)
        span = spans.started(
            rpc.tracer, rpc.name, context=parent, kind=SpanKind.SERVER, attributes=attributes
        )
        if parent is None or type(span) is not spans.UnsampledSpan:
            parent = trace.set_span_in_context(span)
        token = attach(parent)
        started = time.perf_counter()
        try:
            answer = await inner(request, cast("Context", incoming))
        except BaseException:
            # An abort travels as an exception, but is an answer: its code says what it was.
            report(span, started, _failure(context))
            raise
        else:
            report(span, started, grpc.StatusCode.OK)
            return answer
        finally:
            detach(token)

    return handle


def _reporter(rpc: Rpc) -> Callable[[trace.Span, float, grpc.StatusCode], None]:
    """Make what reports how a call of this RPC went; nothing of it is made for each call."""
    name, record = rpc.name, rpc.duration.record
    labels = {code: {"rpc.method": name, "rpc.code": code.name} for code in grpc.StatusCode}
    # Bound once: a logger that is looked up costs more than the line that is not written.
    log = _log.bind()
    logs_all = log.is_enabled_for(logging.DEBUG)

    def report(span: trace.Span, started: float, code: grpc.StatusCode) -> None:
        duration_s = time.perf_counter() - started
        record(duration_s, labels[code])
        failed = code in SERVER_FAULTS
        if failed or logs_all:
            write = log.warning if failed else log.debug
            duration_ms = round(duration_s * _MS_PER_S, 3)
            write(EVENT_RPC_HANDLED, method=name, code=code.name, duration_ms=duration_ms)
        if span.is_recording():
            span.set_attribute("rpc.grpc.status_code", code.value[0])
            if failed:
                span.set_status(StatusCode.ERROR, code.name)
        span.end()

    return report


def with_errors(rpc: Rpc, inner: Handler) -> Handler:
    """Answer what the handler raises: domain errors by the table, all others by one sentence."""

    async def handle(request: bytes, context: Context) -> Answer:
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


def with_admission(rpc: Rpc, inner: Handler) -> Handler:
    """Refuse peers that may not call this by their certificate, and requests that are too large."""
    name, peers, security = rpc.name, rpc.peers, rpc.security
    operators = rpc.operators is not None

    async def handle(request: bytes, context: Context) -> Answer:
        if peers is not None:
            # First, as nothing is spent on the request of somebody who may not make it.
            admit(name, peers, context, security)
        check_size(request, operators=operators)
        return await inner(request, context)

    return handle


def with_signature(rpc: Rpc, inner: Handler) -> Handler:
    """Refuse requests that are not signed as they should be.

    Envoy cannot sign, so what the edge itself sends needs no signature: its certificate, at the
    other end of this very connection or of the sidecar's, vouches for it.
    """
    verifier = rpc.security.verifier
    if verifier is None:
        return inner
    path = f"/{rpc.name}"

    async def handle(request: bytes, context: Context) -> Answer:
        if peer_name() != EDGE:
            with reported(rpc.name, rpc.security):
                await verifier.verify(path, request, _signature(context))
        return await inner(request, context)

    return handle


def with_audit(rpc: Rpc, inner: Handler) -> Handler:
    """Record in the audit log what operators do: before it is done, and how it ended.

    What cannot be recorded is not done.
    """
    audit, request_class = rpc.security.audit, rpc.operators
    if audit is None or request_class is None:
        return inner

    async def handle(request: bytes, context: Context) -> Answer:
        who = {
            "caller": peer_name() or "",
            "certificate": certificate_shown(context, rpc.security),
        }
        with AdminCall(audit, rpc.name, arguments(request_class, request), **who):
            return await inner(request, context)

    return handle


def _signature(context: Context) -> str:
    """Find the signature; an empty text, which is none, if there is not exactly one."""
    found = [v for key, v in context.invocation_metadata() or () if key == SIGNATURE_KEY]
    return found[0] if len(found) == 1 and isinstance(found[0], str) else ""


INTERCEPTORS: tuple[Interceptor, ...] = (
    with_deadline,  # outermost: its time covers all below, and it alone answers when that is up
    with_telemetry,  # outside errors, so that it sees the code they chose
    with_errors,  # everything above sees an answer, never a bare exception
    with_admission,  # inside errors, as a refusal is one; hashing and decoding take time by size
    with_signature,  # nobody looks into a request before it is known to be the sender's
    with_audit,  # innermost: a call that is going to be made; what reports refusals is the table
)
"""Outermost first."""


def wrap(rpc: Rpc, handler: Handler) -> Handler:
    """Return `handler` inside all the interceptors."""
    for intercept in reversed(INTERCEPTORS):
        handler = intercept(rpc, handler)
    return handler


def server_duration(meter_provider: metrics.MeterProvider | None) -> Recorder:
    """Return the server's histogram; all its RPCs share it."""
    return duration_histogram(METRIC_RPC_SERVER_DURATION, meter_provider)


async def _abort(context: Context, code: grpc.StatusCode, status: Status) -> NoReturn:
    await context.abort(code, status.message, status_trailer(status))
    raise AssertionError("abort always raises")


def _failure(context: Context) -> grpc.StatusCode:
    """Return the code of a call whose handler ends in an exception."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        # The deadline cancels the handler before it has set a code; so does a client that left.
        is_late = remaining_s() == 0
        return grpc.StatusCode.DEADLINE_EXCEEDED if is_late else grpc.StatusCode.CANCELLED
    return _code(context)


def _code(context: Context) -> grpc.StatusCode:
    code = context.code()
    return _CODES_BY_NUMBER[code] if isinstance(code, int) else code or grpc.StatusCode.OK
