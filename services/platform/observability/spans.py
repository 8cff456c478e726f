"""Spans that cost next to nothing where their trace is not recorded.

The SDK asks its sampler, draws an id and makes an object for each span before it knows that nobody
will see it: 13 us. A trace that is not sampled stays so, so here its context goes on as it came.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, NonRecordingSpan, Span, SpanContext, SpanKind, Tracer
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from opentelemetry.util.types import Attributes

__all__ = ["TRACE_KEYS", "UnsampledSpan", "child", "is_sampled", "started", "unsampled"]

_NOTHING: Final = nullcontext(trace.INVALID_SPAN)
_PROPAGATOR: Final = TraceContextTextMapPropagator()
TRACE_KEYS: Final = frozenset(_PROPAGATOR.fields)
"""Headers that carry a trace."""
_PARENT: Final = "traceparent"
_UNSAMPLED: Final = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-00")


class UnsampledSpan(NonRecordingSpan):
    """A caller's span of a trace that is not recorded, read when somebody asks what it is.

    Most calls end before anybody does: no line was logged and no sibling called.
    """

    def __init__(self, carrier: Mapping[str, str]) -> None:
        super().__init__(trace.INVALID_SPAN_CONTEXT)
        self._carrier: Mapping[str, str] | None = carrier

    def get_span_context(self) -> SpanContext:
        """Give the caller's, as it came."""
        if self._carrier is not None:
            found = _PROPAGATOR.extract(dict(self._carrier), context=Context())
            self._context = trace.get_current_span(found).get_span_context()
            self._carrier = None
        return self._context


def unsampled(carrier: Mapping[str, str]) -> UnsampledSpan | None:
    """Make the span of a caller that does not record its trace; None where that is not certain."""
    parent = carrier.get(_PARENT)
    if parent is None or not _UNSAMPLED.fullmatch(parent):
        return None
    return UnsampledSpan(carrier)


def is_sampled(context: Context | None = None) -> bool:
    """Whether there is a span, current or in `context`, whose trace is recorded."""
    span = trace.get_current_span(context)
    return type(span) is not UnsampledSpan and span.get_span_context().trace_flags.sampled


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
    current = trace.get_current_span(context)
    if type(current) is UnsampledSpan:
        return current
    parent = current.get_span_context()
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
