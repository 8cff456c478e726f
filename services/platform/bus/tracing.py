"""Trace context across the bus, in message attributes (W3C Trace Context)."""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace

from opentelemetry import propagate, trace

from services.platform.bus.port import Message, Publisher
from services.platform.errors import CallAgain
from services.platform.observability.names import (
    EVENT_BUS_CALL_AGAIN,
    SCOPE,
    SPAN_DELIVERY,
    SPAN_PUBLISH,
)

__all__ = ["TracedPublisher", "traced_handler", "with_trace_context"]

_tracer = trace.get_tracer(SCOPE)


def with_trace_context(attributes: Mapping[str, str]) -> dict[str, str]:
    """Add the current span's context to message attributes."""
    carrier = dict(attributes)
    propagate.inject(carrier)
    return carrier


class TracedPublisher:
    """Publishes; each message that carries a trace gets a span there, and carries that one on.

    A span for each message, not for each call: a batch holds messages of many traces.
    """

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish all of these, each under a span of the trace that it carries."""
        with ExitStack() as spans:
            await self._publisher.publish(
                topic, [spans.enter_context(_publishing(topic, each)) for each in messages]
            )


@contextmanager
def _publishing(topic: str, message: Message) -> Iterator[Message]:
    parent = propagate.extract(dict(message.attributes))
    if not trace.get_current_span(parent).get_span_context().is_valid:
        yield message
        return
    span = _tracer.start_span(
        SPAN_PUBLISH.format(topic=topic), context=parent, kind=trace.SpanKind.PRODUCER
    )
    carrier = dict(message.attributes)
    propagate.inject(carrier, context=trace.set_span_in_context(span))
    # Not made current: the others of the batch are of other traces.
    try:
        yield replace(message, attributes=carrier)
    except Exception as error:
        span.record_exception(error)
        span.set_status(trace.StatusCode.ERROR)
        raise
    finally:
        span.end()


def traced_handler(
    name: str, handle: Callable[[bytes], Awaitable[None]]
) -> Callable[[Message, int], Awaitable[None]]:
    """Make a consumer's handler out of one that takes a body: each delivery is a span.

    The span of one that asks to be called again is none of an error.
    """

    async def handler(message: Message, attempt: int) -> None:
        parent = propagate.extract(dict(message.attributes))
        asked: CallAgain | None = None
        with _tracer.start_as_current_span(
            SPAN_DELIVERY.format(subscription=name),
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes={"messaging.delivery_attempt": attempt},
        ) as span:
            try:
                await handle(message.data)
            except CallAgain as again:
                span.add_event(EVENT_BUS_CALL_AGAIN, {"after_s": again.after_s})
                asked = again
        if asked is not None:
            raise asked

    return handler
