"""One POST gives one trace, across every hop."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.e2e.conftest import start, stop
from tests.e2e.test_mesh import follow, home, post, user

WITHIN_S = 25

# Child → parent, from the edge to the timeline store, across the bus.
PARENTS = {
    "aviary.tweet.v1.TweetService/CreateTweet": "edge",
    "outbox commit tweet-events": "aviary.tweet.v1.TweetService/CreateTweet",
    "fanout.plan process": "outbox commit tweet-events",
    "aviary.graph.v1.GraphService/StreamFollowers": "fanout.plan process",
    "fanout.rest process": "fanout.plan process",
    "timeline store push": "fanout.rest process",
}


class Receiver(stubs.TraceServiceServicer):
    def __init__(self) -> None:
        self.spans: dict[bytes, Span] = {}

    def Export(  # noqa: N802 - the RPC's name
        self, request: pb.ExportTraceServiceRequest, _context: object
    ) -> pb.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                self.spans |= {span.span_id: span for span in scope.spans}
        return pb.ExportTraceServiceResponse()

    def ancestors(self, span: Span) -> list[Span]:
        found = []
        while (parent := self.spans.get(span.parent_span_id)) is not None:
            found.append(parent)
            span = parent
        return found

    def missing(self) -> list[str]:
        spans = list(self.spans.values())
        created = [s for s in spans if s.name == "aviary.tweet.v1.TweetService/CreateTweet"]
        if not created:
            return ["CreateTweet"]
        trace = [span for span in spans if span.trace_id == created[0].trace_id]
        return [
            f"{child} under {parent}; have {sorted({s.name for s in trace})}"
            for child, parent in PARENTS.items()
            if not any(self._is_under(span, parent) for span in trace if span.name == child)
        ]

    def _is_under(self, span: Span, parent: str) -> bool:
        above = self.ancestors(span)
        if parent == "edge":
            return bool(above) and not above[-1].parent_span_id
        return parent in [one.name for one in above]


def test_one_post_is_one_trace_from_edge_to_timeline_store(tmp_path: Path) -> None:
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(4))
    stubs.add_TraceServiceServicer_to_server(receiver, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    endpoint = f"http://127.0.0.1:{port}"
    mesh = start(tmp_path / "data", OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
    try:
        ada, bob = user(mesh), user(mesh)
        follow(mesh, bob, ada)
        home(mesh, bob)
        post(mesh, ada)
        deadline = time.monotonic() + WITHIN_S
        while missing := receiver.missing():
            assert time.monotonic() < deadline, missing
            time.sleep(0.2)
    finally:
        assert stop(mesh) == 0
        server.stop(None).wait()
