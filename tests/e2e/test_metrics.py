"""Every metric of the running system arrives at a collector."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as pb
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2_grpc as stubs

from services.platform.observability import names as telemetry
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import start, stop
from tests.e2e.live_stream import streaming

WITHIN_S = 45
PAUSE_MS = 3_000
"""Longer than a read waits for the cache."""

NAMES = {getattr(telemetry, name) for name in telemetry.__all__ if name.startswith("METRIC_")}


class Receiver(stubs.MetricsServiceServicer):
    def __init__(self) -> None:
        self.names: set[str] = set()

    def Export(  # noqa: N802 - the RPC's name
        self, request: pb.ExportMetricsServiceRequest, _context: object
    ) -> pb.ExportMetricsServiceResponse:
        self.names |= {
            metric.name
            for resource in request.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        }
        return pb.ExportMetricsServiceResponse()


def test_every_metric_arrives_at_the_collector(tmp_path: Path) -> None:
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(4))
    stubs.add_MetricsServiceServicer_to_server(receiver, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    blocked = tmp_path / "blocked"
    blocked.write_text("bad.example harmful\n")
    mesh = start(
        tmp_path / "data",
        AVIARY_TWEET_BLOCKED_URLS_FILE=str(blocked),
        OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{port}",
        OTEL_METRIC_EXPORT_INTERVAL="500",
    )
    try:
        ada, bob = user(mesh), user(mesh)
        follow(mesh, bob, ada)
        home(mesh, bob)
        with streaming(mesh, bob) as stream:
            tweet = post(mesh, ada)
            stream.until(lambda each: each.tweets() == [tweet])
        eventually(lambda: home(mesh, bob), [tweet])
        with mesh.valkey("cache") as cache:
            cache.client_pause(PAUSE_MS)
            assert home(mesh, bob) == [tweet]
        deadline = time.monotonic() + WITHIN_S
        while missing := NAMES - receiver.names:
            assert time.monotonic() < deadline, missing
            time.sleep(0.2)
    finally:
        assert stop(mesh) == 0
        server.stop(None).wait()
