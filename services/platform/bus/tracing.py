"""Trace context across the bus, in message attributes (W3C Trace Context).

Spans carry OpenTelemetry's attributes of messaging. `system` is what they call the engine.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import Final

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from services.platform.bus.port import Message, Publisher, Received, Subscription
from services.platform.errors import CallAgain
from services.platform.observability import spans
from services.platform.observability.log_events import EVENT_BUS_CALL_AGAIN
from services.platform.observability.names import SCOPE, SPAN_DELIVERY, SPAN_PUBLISH

__all__ = [
    "PUBSUB",
    "VALKEY",
    "TracedPublisher",
    "traced_batches",
    "traced_handler",
    "with_trace_context",
]

_tracer = trace.get_tracer(SCOPE)
_propagator = TraceContextTextMapPropagator()

PUBSUB: Final = "gcp_pubsub"
VALKEY: Final = "valkey"
"""OpenTelemetry has no name for its streams."""


def with_trace_context(attributes: Mapping[str, str]) -> dict[str, str]:
    """Add the current span's context to message attributes."""
    carrier = dict(attributes)
    _propagator.inject(carrier)
    return carrier


class TracedPublisher:
    """Publishes; each message that carries a trace gets a span there, and carries that one on.

    A span for each message, not for each call: a batch holds messages of many traces.
    """

    def __init__(self, publisher: Publisher, system: str) -> None:
        self._publisher = publisher
        self._system = system

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish all of these, each under a span of the trace that it carries."""
        with ExitStack() as open_spans:
            sent = [open_spans.enter_context(self._publishing(topic, each)) for each in messages]
            await self._publisher.publish(topic, sent)

    @contextmanager
    def _publishing(self, topic: str, message: Message) -> Iterator[Message]:
        parent = _recorded(message)
        if parent is None:
            # As it came, so that whoever handles it knows that it is not recorded.
            yield message
            return
        span = _tracer.start_span(
            SPAN_PUBLISH.format(topic=topic),
            context=parent,
            kind=trace.SpanKind.PRODUCER,
            attributes={
                "messaging.system": self._system,
                "messaging.operation.type": "send",
                "messaging.operation.name": "publish",
                "messaging.destination.name": topic,
                "messaging.message.body.size": len(message.data),
            },
        )
        carrier = dict(message.attributes)
        _propagator.inject(carrier, context=trace.set_span_in_context(span))
        # Not made current: the others of the batch are of other traces.
        try:
            yield replace(message, attributes=carrier)
        except Exception as error:
            span.record_exception(error)
            span.set_status(trace.StatusCode.ERROR)
            raise
        finally:
            span.end()


def _sent_along(message: Message) -> Context:
    return _propagator.extract(message.attributes)


def traced_handler(
    subscription: Subscription, handle: Callable[[bytes], Awaitable[None]], system: str
) -> Callable[[Message, int], Awaitable[None]]:
    """Make a consumer's handler out of one that takes a body: each delivery is a span.

    It is a child of the span that published the message, and linked to it. The span of one that
    asks to be called again is none of an error.
    """
    name, known = _delivered(subscription, system)

    async def handler(message: Message, attempt: int) -> None:
        parent = _sent_along(message)
        published = trace.get_current_span(parent).get_span_context()
        span = spans.started(
            _tracer,
            name,
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes={
                **known,
                "messaging.delivery_attempt": attempt,
                "messaging.message.body.size": len(message.data),
            },
            links=[trace.Link(published)] if published.is_valid else None,
        )
        await _within(span, handle(message.data))

    return handler


def traced_batches(
    subscription: Subscription, handle: Callable[[Sequence[bytes]], Awaitable[None]], system: str
) -> Callable[[Sequence[Received]], Awaitable[None]]:
    """Make a batch consumer's handler out of one that takes bodies: each batch is a span.

    It is linked to the spans that published the messages. Of those whose trace is recorded the
    first is its parent; in each other's trace a span beside it stands for it, and links to it.
    """
    name, known = _delivered(subscription, system)

    async def handler(batch: Sequence[Received]) -> None:
        recorded = [parent for each in batch if (parent := _recorded(each.message)) is not None]
        parent = recorded[0] if recorded else _sent_along(batch[0].message)
        span = spans.started(
            _tracer,
            name,
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes={**known, "messaging.batch.message_count": len(batch)},
            links=[trace.Link(_span_in(each)) for each in recorded],
        )
        bodies = [each.message.data for each in batch]
        with ExitStack() as beside:
            for each in recorded[1:]:
                links = [trace.Link(_span_in(each)), trace.Link(span.get_span_context())]
                other = _tracer.start_span(
                    name, each, kind=trace.SpanKind.CONSUMER, attributes=known, links=links
                )
                beside.callback(other.end)
            await _within(span, handle(bodies))

    return handler


def _delivered(subscription: Subscription, system: str) -> tuple[str, dict[str, str]]:
    """Return the name of a delivery's span, and what is known of it beforehand."""
    return SPAN_DELIVERY.format(subscription=subscription.name), {
        "messaging.system": system,
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": subscription.topic,
        "messaging.destination.subscription.name": subscription.name,
    }


def _recorded(message: Message) -> Context | None:
    """Return the trace of a message if it is recorded; costs next to nothing where it is not."""
    # The last digit holds the flag; see W3C Trace Context.
    if message.attributes.get("traceparent", "0")[-1:] in "02468ace":
        return None
    parent = _sent_along(message)
    return parent if spans.is_sampled(parent) else None


def _span_in(context: Context) -> trace.SpanContext:
    return trace.get_current_span(context).get_span_context()


async def _within(span: trace.Span, handling: Awaitable[None]) -> None:
    """Await it with the span as the current one. Asking to be called again is no error of it."""
    asked: CallAgain | None = None
    with trace.use_span(span, end_on_exit=True):
        try:
            await handling
        except CallAgain as again:
            span.add_event(EVENT_BUS_CALL_AGAIN, {"after_s": again.after_s})
            asked = again
    if asked is not None:
        raise asked
