"""An outbox whose events continue the trace of the request that made them."""

from collections.abc import Sequence
from dataclasses import replace

from opentelemetry import trace

from services.platform.bus.tracing import with_trace_context
from services.platform.observability import spans
from services.platform.observability.names import SCOPE, SPAN_OUTBOX_COMMIT
from services.platform.outbox.outbox import OutboxEntry
from services.platform.outbox.relay import OutboxRelay
from services.platform.rows.port import RowMutation, Tallies

__all__ = ["TracedOutbox"]

_tracer = trace.get_tracer(SCOPE)


class TracedOutbox:
    """An outbox whose events continue the trace of the request that made them."""

    def __init__(self, relay: OutboxRelay) -> None:
        self._relay = relay

    async def commit(
        self, mutations: Sequence[RowMutation], entry: OutboxEntry, tallies: Tallies = ()
    ) -> None:
        """`OutboxRelay.commit`, with the trace context of the caller."""
        with spans.child(_tracer, SPAN_OUTBOX_COMMIT.format(topic=entry.topic)):
            attributes = with_trace_context(entry.attributes)
            # Each tweet pays for a copy of its entry: this one is the relay's too.
            traced = replace(entry, attributes=attributes, mutations=mutations)
            await self._relay.commit_all(mutations, [traced], tallies)

    async def commit_all(
        self,
        mutations: Sequence[RowMutation],
        entries: Sequence[OutboxEntry],
        tallies: Tallies = (),
    ) -> None:
        """`OutboxRelay.commit_all`; each entry has the trace context of its own caller already."""
        with spans.child(_tracer, SPAN_OUTBOX_COMMIT.format(topic=entries[0].topic)):
            await self._relay.commit_all(mutations, entries, tallies)
