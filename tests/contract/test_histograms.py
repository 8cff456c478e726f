"""Our own histograms: what readers get of them is what the SDK's would have given."""

import threading
from typing import Any, Final

import httpx
from opentelemetry.exporter.otlp.proto.common.metrics_encoder import encode_metrics
from opentelemetry.sdk.metrics import Histogram, MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.metrics.view import ExplicitBucketHistogramAggregation, View
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider

from services.platform.observability.histograms import (
    CountingMeterProvider,
    CountsRead,
    duration_histogram,
)
from services.platform.observability.names import METRIC_RPC_SERVER_DURATION
from services.platform.observability.prometheus_endpoint import PrometheusEndpoint
from services.platform.observability.setup import SECONDS_BUCKETS
from tests.processes import free_port

OK: Final = {"rpc.method": "a/B", "rpc.code": "OK"}
FAILED: Final = {"rpc.method": "a/B", "rpc.code": "INTERNAL"}
AMOUNTS: Final = (0.0, 0.001, 0.0011, 0.2, 0.2000001, 3.0, 3_600.0, 9_999.0)
BESIDE: Final = "beside"
SECONDS: Final = View(
    instrument_type=Histogram,
    aggregation=ExplicitBucketHistogramAggregation(SECONDS_BUCKETS),
)


class Reader(CountsRead, InMemoryMetricReader):
    """Keeps what it is given."""


def counting(*readers: CountsRead) -> CountingMeterProvider:
    provider = CountingMeterProvider(readers, Resource({}), SECONDS_BUCKETS, shutdown_on_exit=False)
    provider.get_meter("aviary").create_counter(BESIDE).add(1)
    return provider


def record(provider: MeterProvider) -> None:
    durations = duration_histogram(METRIC_RPC_SERVER_DURATION, provider)
    for amount in AMOUNTS:
        durations.record(amount, OK)
    durations.record(0.5, FAILED)


def points(reader: InMemoryMetricReader) -> dict[tuple[object, ...], Any]:
    """Data points of the histograms, by name and labels."""
    data = reader.get_metrics_data()
    return {
        (metric.name, metric.unit, *sorted((point.attributes or {}).items())): point
        for resource in (data.resource_metrics if data else ())
        for scope in resource.scope_metrics
        for metric in scope.metrics
        if metric.name != BESIDE
        for point in metric.data.data_points
    }


def test_its_figures_are_those_of_the_sdk() -> None:
    ours, sdks = Reader(), InMemoryMetricReader()
    record(counting(ours))
    record(MeterProvider([sdks], views=[SECONDS], shutdown_on_exit=False))
    found, wanted = points(ours), points(sdks)
    assert found.keys() == wanted.keys()
    for labels, point in wanted.items():
        same = ("count", "sum", "min", "max", "explicit_bounds", "bucket_counts")
        for name in same:
            assert getattr(found[labels], name) == getattr(point, name), name


def test_a_histogram_without_measurements_is_not_shown() -> None:
    reader = Reader()
    duration_histogram(METRIC_RPC_SERVER_DURATION, counting(reader))
    assert not points(reader)


def test_threads_lose_nothing() -> None:
    reader = Reader()
    provider = counting(reader)
    threads = [threading.Thread(target=record, args=[provider]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(point.count for point in points(reader).values()) == 4 * (len(AMOUNTS) + 1)


def test_a_measurement_of_a_recorded_trace_leads_to_it() -> None:
    reader = Reader()
    durations = duration_histogram(METRIC_RPC_SERVER_DURATION, counting(reader))
    tracer = TracerProvider(shutdown_on_exit=False).get_tracer("tested")
    with tracer.start_as_current_span("call") as span:
        durations.record(0.3, OK)
    durations.record(0.3, OK)
    (point,) = points(reader).values()
    (exemplar,) = point.exemplars
    assert (exemplar.value, exemplar.trace_id) == (0.3, span.get_span_context().trace_id)


def test_prometheus_is_shown_it() -> None:
    address = f"127.0.0.1:{free_port()}"
    endpoint = PrometheusEndpoint(address)
    record(counting(endpoint.reader))
    lines = httpx.get(f"http://{address}/metrics").text.splitlines()
    endpoint.close()
    labels = 'rpc_code="OK",rpc_method="a/B"'
    assert "beside_total 1.0" in lines
    assert f"rpc_server_duration_seconds_count{{{labels}}} 8.0" in lines
    assert f'rpc_server_duration_seconds_bucket{{le="0.2",{labels}}} 4.0' in lines


def test_a_collector_is_sent_it_beside_all_else() -> None:
    reader = Reader()
    record(counting(reader))
    data = reader.get_metrics_data()
    assert data is not None
    (resource,) = encode_metrics(data).resource_metrics
    names = [metric.name for scope in resource.scope_metrics for metric in scope.metrics]
    assert sorted(names) == [BESIDE, METRIC_RPC_SERVER_DURATION]
