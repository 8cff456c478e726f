"""What the issuer hears over HTTP is of the edge's trace and request."""

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.types import Receive, Scope, Send

from services.identity.tracing import Traced
from services.platform.observability.request_id import REQUEST_ID

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"


@pytest.mark.parametrize(
    ("path", "flags", "named"),
    [
        ("/oauth/token", "01", ["POST /oauth/token"]),
        ("/oauth/made-up", "01", ["POST elsewhere"]),
        ("/oauth/token", "00", []),
    ],
)
async def test_a_request_continues_the_edges_trace(path: str, flags: str, named: list[str]) -> None:
    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    seen: list[tuple[str, str]] = []

    async def app(_scope: Scope, _receive: Receive, send: Send) -> None:
        context = trace.get_current_span().get_span_context()
        seen.append((trace.format_trace_id(context.trace_id), REQUEST_ID.get()))
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    traced = Traced(app, frozenset({"/oauth/token"}), provider)
    transport = httpx.ASGITransport(traced)  # type: ignore[arg-type]
    headers = {"traceparent": f"00-{TRACE_ID}-b7ad6b7169203331-{flags}", "x-request-id": "req-1"}
    async with httpx.AsyncClient(transport=transport, base_url="http://issuer") as client:
        assert (await client.post(path, headers=headers)).status_code == 400
    assert seen == [(TRACE_ID, "req-1")]
    spans = exporter.get_finished_spans()
    assert [span.name for span in spans] == named
    for span in spans:
        assert dict(span.attributes or {})["http.response.status_code"] == 400
