"""One POST gives one trace, across every hop."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from services.platform.security.identities import server_name
from tests.e2e.acting import follow, home, post, user
from tests.e2e.conftest import SIDECARS, Engine, start, stop

WITHIN_S = 60  # batches leave every five seconds, from processes that are busy with it

CREATE = "aviary.tweet.v1.TweetService/CreateTweet"
READ = "aviary.timeline.v1.TimelineService/GetHomeTimelineJson"
FOLLOWERS = "aviary.graph.v1.GraphService/LookupAudiences"
# From the edge to the store: each line is the child of the one above.
TO_THE_OUTBOX = (
    "edge SERVER POST /v1/tweets",
    f"tweet SERVER {CREATE}",
    "tweet INTERNAL outbox commit tweet-events",
)
TO_THE_PLAN = (
    *TO_THE_OUTBOX,
    "tweet PRODUCER publish tweet-events",
    "fanout CONSUMER process fanout.plan",
)
PATHS = (
    # The store, before the answer.
    (*TO_THE_OUTBOX, "tweet CLIENT rows mutate tweet_outbox"),
    # Across the bus to the graph and its store.
    (
        *TO_THE_PLAN,
        f"fanout CLIENT {FOLLOWERS}",
        f"graph SERVER {FOLLOWERS}",
        "graph CLIENT rows scan followers",
    ),
    # To the timeline store.
    (
        *TO_THE_PLAN,
        "fanout INTERNAL timeline store push",
        "fanout CLIENT rows set home",
    ),
    # A read, by its route, to the hot store.
    (
        "edge SERVER GET /v1/timeline/home",
        f"timeline SERVER {READ}",
        "timeline CLIENT valkey EVALSHA",
    ),
)


def through_sidecars(path: tuple[str, ...]) -> tuple[str, ...]:
    """The same path where each call between processes passes the sidecars of both."""
    hops: list[str] = []
    for name in path:
        process, kind, rpc = name.split(" ", 2)
        if kind == "SERVER" and process != "edge":
            hops.append(f"{process}-sidecar inbound SERVER ingress")
        hops.append(name)
        if kind == "CLIENT" and rpc.startswith("aviary."):
            sibling = server_name(rpc.split(".")[1])
            hops.append(f"{process}-sidecar outbound CLIENT egress {sibling}")
    return tuple(hops)


EXPECTED = set(map(through_sidecars, PATHS) if SIDECARS else PATHS)


class Receiver(stubs.TraceServiceServicer):
    """An OTLP collector that keeps what it gets."""

    def __init__(self) -> None:
        self._spans: dict[bytes, tuple[Span, str]] = {}
        self.unversioned: set[str] = set()

    def Export(  # noqa: N802 - the RPC's name
        self, request: pb.ExportTraceServiceRequest, _context: object
    ) -> pb.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            attributes = {a.key: a.value.string_value for a in resource.resource.attributes}
            if not attributes.get("service.version"):
                self.unversioned.add(attributes["service.name"])
            for span in (span for scope in resource.scope_spans for span in scope.spans):
                kind = Span.SpanKind.Name(span.kind).removeprefix("SPAN_KIND_")
                name = f"{attributes['service.name']} {kind} {span.name}"
                self._spans[span.span_id] = (span, name)
        return pb.ExportTraceServiceResponse()

    def paths(self) -> set[tuple[str, ...]]:
        """Names from the root to each span, of traces in which a tweet was made or a home read."""
        spans = dict(self._spans)
        made = {span.trace_id for span, name in spans.values() if name.endswith((CREATE, READ))}
        return {
            tuple(reversed([name for _, name in _upwards(span_id, spans)]))
            for span_id, (span, _) in spans.items()
            if span.trace_id in made
        }


def _upwards(span_id: bytes, spans: dict[bytes, tuple[Span, str]]) -> Iterator[tuple[Span, str]]:
    while span_id:
        # A parent that never came must not make a root of its child.
        span, name = spans.get(span_id, (Span(), "(missing)"))
        yield span, name
        span_id = span.parent_span_id


@contextmanager
def receiving() -> Iterator[tuple[Receiver, str]]:
    receiver = Receiver()
    server = grpc.server(ThreadPoolExecutor(4))
    stubs.add_TraceServiceServicer_to_server(receiver, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield receiver, f"http://127.0.0.1:{port}"
    finally:
        server.stop(None).wait()


def test_one_post_is_one_trace_from_edge_to_timeline_store(engine: Engine, tmp_path: Path) -> None:
    with receiving() as (receiver, endpoint):
        mesh = start(tmp_path / "data", engine=engine, OTEL_EXPORTER_OTLP_ENDPOINT=endpoint)
        try:
            ada, bob = user(mesh), user(mesh)
            follow(mesh, bob, ada)
            home(mesh, bob)
            post(mesh, ada)
            deadline = time.monotonic() + WITHIN_S
            while missing := EXPECTED - receiver.paths():
                got = "\n".join(" > ".join(path) for path in sorted(receiver.paths()))
                assert time.monotonic() < deadline, f"{missing} not in\n{got}"
                time.sleep(0.2)
            assert not receiver.unversioned
        finally:
            assert stop(mesh) == 0
