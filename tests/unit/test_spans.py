"""Which spans stores and calls make, what they say, and that they make none unless recorded."""

from collections.abc import Iterator, Sequence

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import NonRecordingSpan, SpanContext, SpanKind, TraceFlags

from services.platform.bus import tracing as bus_tracing
from services.platform.bus.port import Message, Received, Subscription
from services.platform.bus.tracing import (
    TracedPublisher,
    traced_batches,
    traced_handler,
    with_trace_context,
)
from services.platform.rows import tracing as rows_tracing
from services.platform.rows.tracing import SQLITE, TracedRowStore
from services.platform.valkey import tracing as valkey_tracing
from services.platform.valkey.tracing import valkey_span

TRACE_ID, SPAN_ID = 0x0AF7651916CD43DD8448EB211C80319C, 0xB7AD6B7169203331
DELIVERED = Subscription("fanout.plan", "tweet-events")


class Rows:
    """Of a store, what is called here."""

    async def read_rows(self, _table: str, keys: list[bytes]) -> dict[bytes, object]:
        return {keys[0]: object()}


class Sent:
    def __init__(self) -> None:
        self.messages: list[Message] = []

    async def publish(self, _topic: str, messages: list[Message]) -> None:
        self.messages += messages


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    for module in (bus_tracing, rows_tracing, valkey_tracing):
        monkeypatch.setattr(module, "_tracer", provider.get_tracer("tested"))
    return exporter


@pytest.fixture(params=[True, False], ids=["sampled", "not sampled"])
def sampled(request: pytest.FixtureRequest) -> Iterator[bool]:
    """Whether the trace of the moment is recorded."""
    flags = TraceFlags(TraceFlags.SAMPLED if request.param else TraceFlags.DEFAULT)
    context = SpanContext(TRACE_ID, SPAN_ID, is_remote=True, trace_flags=flags)
    with trace.use_span(NonRecordingSpan(context)):
        yield request.param


async def test_rows_say_what_was_asked_and_how_much_came(
    exporter: InMemorySpanExporter, *, sampled: bool
) -> None:
    store = TracedRowStore(Rows(), SQLITE)  # type: ignore[arg-type]
    await store.read_rows("homes", [b"a", b"b"])
    spans = exporter.get_finished_spans()
    if not sampled:
        assert spans == ()
        return
    (span,) = spans
    assert (span.name, span.kind) == ("rows read homes", SpanKind.CLIENT)
    assert dict(span.attributes or {}) == {
        "db.system.name": "sqlite",
        "db.operation.name": "read",
        "db.collection.name": "homes",
        "db.operation.batch.size": 2,
        "db.response.returned_rows": 1,
    }


async def test_valkey_has_spans(exporter: InMemorySpanExporter, *, sampled: bool) -> None:
    with valkey_span("EVALSHA", 3):
        pass
    spans = exporter.get_finished_spans()
    assert len(spans) == sampled
    for span in spans:
        assert span.name == "valkey EVALSHA"
        assert dict(span.attributes or {}) == {
            "db.system.name": "valkey",
            "db.operation.name": "EVALSHA",
            "db.operation.batch.size": 3,
        }


async def test_a_message_carries_its_trace_from_publisher_to_handler(
    exporter: InMemorySpanExporter, *, sampled: bool
) -> None:
    seen: list[SpanContext] = []

    async def handle(_: bytes) -> None:
        seen.append(trace.get_current_span().get_span_context())

    bus = Sent()
    published = Message(b"body", with_trace_context({"kind": "x"}))
    await TracedPublisher(bus, "valkey").publish("tweet-events", [published])
    (message,) = bus.messages
    await traced_handler(DELIVERED, handle, "valkey")(message, 2)
    # In logs, and for who is called next, it is the same trace either way.
    assert [each.trace_id for each in seen] == [TRACE_ID]
    assert [bool(each.trace_flags.sampled) for each in seen] == [sampled]
    assert message.attributes["kind"] == "x"
    spans = exporter.get_finished_spans()
    if not sampled:
        assert spans == ()
        return
    publish, process = spans
    assert (publish.name, publish.kind) == ("publish tweet-events", SpanKind.PRODUCER)
    assert dict(publish.attributes or {}) == {
        "messaging.system": "valkey",
        "messaging.operation.type": "send",
        "messaging.operation.name": "publish",
        "messaging.destination.name": "tweet-events",
        "messaging.message.body.size": 4,
    }
    assert (process.name, process.kind) == ("process fanout.plan", SpanKind.CONSUMER)
    assert dict(process.attributes or {}) == {
        "messaging.system": "valkey",
        "messaging.operation.type": "process",
        "messaging.operation.name": "process",
        "messaging.destination.name": "tweet-events",
        "messaging.destination.subscription.name": "fanout.plan",
        "messaging.delivery_attempt": 2,
        "messaging.message.body.size": 4,
    }
    assert publish.context is not None
    assert process.parent is not None
    assert process.parent.span_id == publish.context.span_id
    assert [link.context.span_id for link in process.links] == [publish.context.span_id]


async def test_each_recorded_trace_of_a_batch_shows_that_it_was_handled(
    exporter: InMemorySpanExporter, *, sampled: bool
) -> None:
    """The calls made for the batch are in the first one's trace; the others' spans link to it."""
    seen: list[SpanContext] = []

    async def handle(bodies: Sequence[bytes]) -> None:
        assert bodies == [b"none", b"one", b"two"]
        seen.append(trace.get_current_span().get_span_context())

    bus = Sent()
    published = [Message(body, with_trace_context({})) for body in (b"one", b"two")]
    await TracedPublisher(bus, "valkey").publish("tweet-events", published)
    messages = [Message(b"none"), *bus.messages]
    batch = [Received(message, str(n), 1) for n, message in enumerate(messages)]
    sent = {each.context.span_id for each in exporter.get_finished_spans() if each.context}
    await traced_batches(DELIVERED, handle, "valkey")(batch)
    spans = [each for each in exporter.get_finished_spans() if each.name == "process fanout.plan"]
    if not sampled:
        assert len(seen) == 1
        return
    first = next(each for each in spans if each.attributes and _COUNT in each.attributes)
    (other,) = (each for each in spans if each is not first)
    assert first.context is not None
    assert first.attributes is not None
    assert first.attributes[_COUNT] == 3
    assert [each.span_id for each in seen] == [first.context.span_id]
    assert {link.context.span_id for link in first.links} == sent
    assert {each.parent.span_id for each in spans if each.parent} == sent
    assert first.context.span_id in {link.context.span_id for link in other.links}


_COUNT = "messaging.batch.message_count"
