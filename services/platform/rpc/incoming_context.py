"""What a call brings along beside its request: its trace, and the id of the request it is for."""

from typing import Any, Final

import grpc.aio
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.observability.request_id import (
    MAX_REQUEST_ID_CHARS,
    REQUEST_ID,
    REQUEST_ID_KEY,
)

__all__ = ["taken_up"]

_PROPAGATOR: Final = TraceContextTextMapPropagator()
_TRACE_KEYS: Final = _PROPAGATOR.fields


def taken_up(context: grpc.aio.ServicerContext[Any, Any]) -> Context | None:
    """Note the request's id for the logs, and return the caller's span; None if it sent none."""
    request_id, carrier = "", {}
    for key, value in context.invocation_metadata() or ():
        if key in _TRACE_KEYS and isinstance(value, str):
            carrier[key] = value
        elif key == REQUEST_ID_KEY and isinstance(value, str):
            request_id = value[:MAX_REQUEST_ID_CHARS]
    REQUEST_ID.set(request_id)
    return _PROPAGATOR.extract(carrier) if carrier else None
