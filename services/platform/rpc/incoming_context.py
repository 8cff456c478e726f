"""What a call brings along beside its request: its trace, and the id of the request it is for."""

from typing import Any, Final

import grpc.aio
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.observability import spans
from services.platform.observability.request_id import (
    MAX_REQUEST_ID_CHARS,
    REQUEST_ID,
    REQUEST_ID_KEY,
)

__all__ = ["IncomingContext", "taken_up"]

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_NOTHING: Final = Context()

Metadata = tuple[tuple[str, str | bytes], ...]


class IncomingContext:
    """A call's context that reads the metadata once; in all else it is the one that it was given.

    gRPC copies and decodes all of it each time that it is asked, and several steps ask.
    """

    __slots__ = ("_context", "metadata")

    def __init__(self, context: grpc.aio.ServicerContext[Any, Any]) -> None:
        self._context = context
        self.metadata: Metadata = tuple(context.invocation_metadata() or ())

    def invocation_metadata(self) -> Metadata:
        """Give what the caller sent, as gRPC does."""
        return self.metadata

    def forget_metadata(self) -> None:
        """Let go of it, in a call that lasts: some kilobytes that nobody asks for any more."""
        self.metadata = ()

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the context has
        return getattr(self._context, name)


def taken_up(metadata: Metadata) -> Context | None:
    """Note the request's id for the logs, and return the caller's span; None if it sent none."""
    request_id, carrier = "", {}
    for key, value in metadata:
        if key == REQUEST_ID_KEY:
            if isinstance(value, str):
                request_id = value[:MAX_REQUEST_ID_CHARS]
        elif key in spans.TRACE_KEYS and isinstance(value, str):
            carrier[key] = value
    REQUEST_ID.set(request_id)
    if not carrier:
        return None
    span = spans.unsampled(carrier)
    if span is not None:
        return trace.set_span_in_context(span, _NOTHING)
    return _PROPAGATOR.extract(carrier)
