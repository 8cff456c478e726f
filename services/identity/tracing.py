"""Traces and request ids of what comes over HTTP, as `services.platform.rpc` has them for calls."""

from typing import Final

from opentelemetry import trace
from opentelemetry.trace import SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.platform.observability import spans
from services.platform.observability.names import SCOPE, SPAN_HTTP
from services.platform.observability.request_id import (
    MAX_REQUEST_ID_CHARS,
    REQUEST_ID,
    REQUEST_ID_KEY,
)

__all__ = ["Traced"]

_PROPAGATOR: Final = TraceContextTextMapPropagator()


class Traced:
    """An ASGI application whose requests continue the edge's traces, each in a span.

    The span is named by its path where that is one of `paths`: others are made up by clients.
    """

    def __init__(
        self,
        app: ASGIApp,
        paths: frozenset[str],
        tracer_provider: trace.TracerProvider | None = None,
    ) -> None:
        self._app = app
        self._paths = paths
        self._tracer = trace.get_tracer(SCOPE, tracer_provider=tracer_provider)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]
        }
        REQUEST_ID.set(headers.get(REQUEST_ID_KEY, "")[:MAX_REQUEST_ID_CHARS])
        path = scope["path"] if scope["path"] in self._paths else "elsewhere"
        span = spans.started(
            self._tracer,
            SPAN_HTTP.format(method=scope["method"], path=path),
            context=_PROPAGATOR.extract(headers),
            kind=SpanKind.SERVER,
            attributes={"http.request.method": scope["method"], "http.route": path},
        )

        async def sent(message: Message) -> None:
            if message["type"] == "http.response.start":
                span.set_attribute("http.response.status_code", message["status"])
            await send(message)

        with trace.use_span(span, end_on_exit=True):
            await self._app(scope, receive, sent)
