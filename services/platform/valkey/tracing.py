"""Spans of what is asked of Valkey."""

from contextlib import AbstractContextManager, nullcontext
from typing import Final

from opentelemetry import trace
from opentelemetry.trace import Span

from services.platform.observability import spans
from services.platform.observability.names import SCOPE, SPAN_VALKEY

__all__ = ["valkey_span"]

_tracer = trace.get_tracer(SCOPE)
_NO_SPAN: Final = nullcontext(trace.INVALID_SPAN)
SYSTEM: Final = "valkey"


def valkey_span(operation: object, asked: int = 1) -> AbstractContextManager[Span]:
    """Make a span of `operation`, a command's name, `asked` times in one round trip.

    None where the trace of the moment is not recorded, or there is none.
    """
    if not spans.is_sampled():
        return _NO_SPAN
    attributes: dict[str, str | int] = {
        "db.system.name": SYSTEM,
        "db.operation.name": str(operation),
    }
    if asked > 1:
        attributes["db.operation.batch.size"] = asked
    name = SPAN_VALKEY.format(operation=operation)
    return spans.child(_tracer, name, kind=trace.SpanKind.CLIENT, attributes=attributes)
