"""Spans that cost next to nothing where their trace is not recorded.

The SDK asks its sampler, draws an id and makes an object for each span before it knows that nobody
will see it: 13 us. A trace that is not sampled stays so, so here its context goes on as it came.
"""

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanKind, Tracer
from opentelemetry.util.types import Attributes

__all__ = ["child", "is_sampled", "started"]

_NOTHING: Final = nullcontext(trace.INVALID_SPAN)


def is_sampled(context: Context | None = None) -> bool:
    """Whether there is a span, current or in `context`, whose trace is recorded."""
    return trace.get_current_span(context).get_span_context().trace_flags.sampled


def started(  # noqa: PLR0913 - a tracer's own, of which most have defaults
    tracer: Tracer,
    name: str,
    *,
    context: Context | None,
    kind: SpanKind,
    attributes: Attributes = None,
    links: Sequence[Link] | None = None,
) -> Span:
    """Start a span of the trace in `context`, or a trace; the caller ends it.

    Of a trace that is not recorded it is the parent itself, for logs and for who is called next.
    """
    parent = trace.get_current_span(context).get_span_context()
    if parent.is_valid and not parent.trace_flags.sampled:
        return NonRecordingSpan(parent)
    return tracer.start_span(name, context=context, kind=kind, attributes=attributes, links=links)


def child(
    tracer: Tracer,
    name: str,
    *,
    kind: SpanKind = SpanKind.INTERNAL,
    attributes: Attributes = None,
) -> AbstractContextManager[Span]:
    """Make a span of the current trace the current one; without a recorded trace do nothing."""
    if not is_sampled():
        return _NOTHING
    return tracer.start_as_current_span(name, kind=kind, attributes=attributes)
