"""Trace context across the bus, in message attributes (W3C Trace Context)."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

from opentelemetry import propagate, trace

from services.bus.port import Message
from services.storage.outbox import OutboxEntry, OutboxRelay
from services.storage.rows import RowMutation

__all__ = ["TracedOutbox", "traced_handler", "with_trace_context"]

_tracer = trace.get_tracer("aviary.bus")


def with_trace_context(attributes: Mapping[str, str]) -> dict[str, str]:
    """Add the current span's context to message attributes."""
    carrier = dict(attributes)
    propagate.inject(carrier)
    return carrier


class TracedOutbox:
    """An outbox whose events continue the trace of the request that made them."""

    def __init__(self, relay: OutboxRelay) -> None:
        self._relay = relay

    async def commit(self, mutations: Sequence[RowMutation], entry: OutboxEntry) -> None:
        """`OutboxRelay.commit`, with the trace context of the caller."""
        with _tracer.start_as_current_span(f"outbox commit {entry.topic}"):
            traced = replace(entry, attributes=with_trace_context(entry.attributes))
            await self._relay.commit(mutations, traced)


def traced_handler(
    name: str, handle: Callable[[bytes], Awaitable[None]]
) -> Callable[[Message, int], Awaitable[None]]:
    """Make a consumer's handler out of one that takes a body: each delivery is a span."""

    async def handler(message: Message, attempt: int) -> None:
        parent = propagate.extract(dict(message.attributes))
        with _tracer.start_as_current_span(
            f"{name} process",
            context=parent,
            kind=trace.SpanKind.CONSUMER,
            attributes={"messaging.delivery_attempt": attempt},
        ):
            await handle(message.data)

    return handler
