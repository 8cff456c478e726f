"""What the span of a delivery says of how it ended."""

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from services.platform.bus import tracing
from services.platform.bus.port import Message, Subscription
from services.platform.bus.tracing import traced_handler
from services.platform.errors import CallAgain

ERASURE = Subscription("tweet.erasure", "user-events")


@pytest.fixture
def spans(monkeypatch: pytest.MonkeyPatch) -> InMemorySpanExporter:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(tracing, "_tracer", provider.get_tracer("tested"))
    return exporter


@pytest.mark.parametrize(
    ("raised", "status", "event"),
    [
        (CallAgain("there is more to do", after_s=2.0), StatusCode.UNSET, "bus.call_again"),
        (ValueError("cannot be done"), StatusCode.ERROR, "exception"),
    ],
)
async def test_asking_to_be_called_again_is_no_error(
    spans: InMemorySpanExporter, raised: Exception, status: StatusCode, event: str
) -> None:
    async def handle(_: bytes) -> None:
        raise raised

    with pytest.raises(type(raised)) as caught:
        await traced_handler(ERASURE, handle, "valkey")(Message(b""), 1)
    assert caught.value is raised
    (span,) = spans.get_finished_spans()
    assert span.status.status_code is status
    assert [each.name for each in span.events] == [event]
