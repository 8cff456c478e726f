import json
import sys
from collections.abc import Iterator
from typing import Any

import grpc
import pytest
import structlog
from opentelemetry import trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind, StatusCode
from probe import Text, serving

from services.platform.errors import NotFoundError
from services.platform.observability.setup import configure
from services.platform.rpc.rpc_client import RpcClient

TRACE_ID = "0af7651916cd43dd8448eb211c80319c"
NAME = "probe.v1.ProbeService/Append"


@pytest.fixture
def exporter() -> InMemorySpanExporter:
    return InMemorySpanExporter()


@pytest.fixture
def provider(exporter: InMemorySpanExporter) -> Iterator[TracerProvider]:
    provider = TracerProvider(shutdown_on_exit=False)
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield provider
    provider.shutdown()


@pytest.fixture
def _unconfigured_after() -> Iterator[None]:
    output = sys.stdout, sys.stderr
    yield
    structlog.reset_defaults()
    sys.stdout, sys.stderr = output


async def echo(request: Any, _context: Any) -> Any:
    return Text(text=request.text)


def of_kind(exporter: InMemorySpanExporter, kind: SpanKind) -> ReadableSpan:
    (span,) = [span for span in exporter.get_finished_spans() if span.kind is kind]
    return span


async def test_server_span_is_the_child_of_the_client_span(
    exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    async with serving(echo, tracer_provider=provider) as (stub, _, _):
        await RpcClient(timeout_s=20, tracer_provider=provider).call(stub.Append, Text())
    client, server = of_kind(exporter, SpanKind.CLIENT), of_kind(exporter, SpanKind.SERVER)
    assert client.name == server.name == NAME
    assert server.parent is not None
    assert client.context is not None
    assert server.context is not None
    assert server.parent.span_id == client.context.span_id
    assert server.context.trace_id == client.context.trace_id


async def test_server_joins_the_trace_of_a_foreign_client(
    exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    async with serving(echo, tracer_provider=provider) as (stub, _, _):
        traceparent = f"00-{TRACE_ID}-b7ad6b7169203331-01"
        await stub.Append(Text(), metadata=(("traceparent", traceparent),), timeout=20)
    context = of_kind(exporter, SpanKind.SERVER).context
    assert context is not None
    assert trace.format_trace_id(context.trace_id) == TRACE_ID


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (NotFoundError("x", reason="X"), grpc.StatusCode.NOT_FOUND, StatusCode.UNSET),
        (ValueError("x"), grpc.StatusCode.INTERNAL, StatusCode.ERROR),
    ],
)
async def test_server_span_and_metric_have_the_code(
    exporter: InMemorySpanExporter,
    provider: TracerProvider,
    error: Exception,
    code: grpc.StatusCode,
    status: StatusCode,
) -> None:
    async def fail(_request: Any, _context: Any) -> Any:
        raise error

    reader = InMemoryMetricReader()
    meters = MeterProvider([reader], shutdown_on_exit=False)
    async with serving(fail, tracer_provider=provider, meter_provider=meters) as (stub, _, _):
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.Append(Text(), timeout=20)
    span = of_kind(exporter, SpanKind.SERVER)
    assert span.status.status_code is status
    assert span.attributes is not None
    assert span.attributes["rpc.grpc.status_code"] == code.value[0]
    data: Any = reader.get_metrics_data()
    (metric,) = data.resource_metrics[0].scope_metrics[0].metrics
    (point,) = metric.data.data_points
    assert metric.name == "rpc.server.duration"
    assert dict(point.attributes) == {"rpc.method": NAME, "rpc.code": code.name}
    assert point.count == 1
    meters.shutdown()


@pytest.mark.usefixtures("_unconfigured_after")
async def test_trace_id_reaches_the_logs_with_no_collector(
    capfd: pytest.CaptureFixture[str],
) -> None:
    log = await logged_of_a_call(capfd, "traceparent", f"00-{TRACE_ID}-b7ad6b7169203331-01")
    assert (log["service"], log["level"], log["code"]) == ("probe", "debug", "OK")
    assert log["trace_id"] == TRACE_ID
    assert log["timestamp"].endswith("Z")
    assert "request_id" not in log


async def logged_of_a_call(capfd: pytest.CaptureFixture[str], key: str, value: str) -> Any:
    """Give what a server logs of a call with this metadata."""
    telemetry = configure("probe", None, "debug")
    async with serving(echo) as (stub, _, _):
        await stub.Append(Text(), metadata=((key, value),), timeout=20)
    telemetry.shutdown()
    lines = capfd.readouterr().err.splitlines()
    # gRPC's core may say something of its own, and of a channel of another test.
    logs = [json.loads(line) for line in lines if line.startswith("{")]
    (log,) = [log for log in logs if log["event"] == "rpc.handled"]
    return log


async def test_what_is_not_sampled_is_not_recorded_and_keeps_its_trace(
    exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    seen: list[str] = []

    async def called_on(_request: Any, _context: Any) -> Any:
        seen.append(trace.format_trace_id(trace.get_current_span().get_span_context().trace_id))
        return Text()

    async with serving(called_on, tracer_provider=provider) as (stub, _, _):
        traceparent = f"00-{TRACE_ID}-b7ad6b7169203331-00"
        await stub.Append(Text(), metadata=(("traceparent", traceparent),), timeout=20)
    assert seen == [TRACE_ID]
    assert exporter.get_finished_spans() == ()


async def test_a_client_span_says_whom_it_called(
    exporter: InMemorySpanExporter, provider: TracerProvider
) -> None:
    async with serving(echo, tracer_provider=provider) as (stub, _, _):
        client = RpcClient("timeline:50051", timeout_s=20, tracer_provider=provider)
        await client.call(stub.Append, Text())
    attributes = dict(of_kind(exporter, SpanKind.CLIENT).attributes or {})
    assert attributes == {
        "rpc.system": "grpc",
        "rpc.service": "probe.v1.ProbeService",
        "rpc.method": "Append",
        "rpc.grpc.status_code": 0,
        "server.address": "timeline",
        "server.port": 50051,
    }


@pytest.mark.usefixtures("_unconfigured_after")
async def test_the_edges_request_id_reaches_the_logs_of_all_that_it_causes(
    capfd: pytest.CaptureFixture[str],
) -> None:
    telemetry = configure("probe", None, "debug")
    async with serving(echo) as (behind, _, _):

        async def call_on(request: Any, _context: Any) -> Any:
            return await RpcClient(timeout_s=20).call(behind.Append, request)

        async with serving(call_on) as (stub, _, _):
            await stub.Append(Text(), metadata=(("x-request-id", "req-1"),), timeout=20)
    telemetry.shutdown()
    logs = [json.loads(line) for line in capfd.readouterr().err.splitlines()]
    handled = [log for log in logs if log["event"] == "rpc.handled"]
    assert [log.get("request_id") for log in handled] == ["req-1", "req-1"]
