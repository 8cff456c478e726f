"""What the edge records of requests as traces, and who decides that it does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as pb
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2_grpc as stubs
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from tests.edge.conftest import BIG_ID, FOUND_ID, POLL_S, START_TIMEOUT_S, Edge, running_edge

TRACE = "0af7651916cd43dd8448eb211c80319c"
SAMPLED = {"traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}


class Collector(stubs.TraceServiceServicer):
    """Keeps the spans it gets, and the versions of who sent them."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.versions: set[str] = set()

    async def Export(  # noqa: N802 - the RPC's name
        self, request: pb.ExportTraceServiceRequest, _context: object
    ) -> pb.ExportTraceServiceResponse:
        for resource in request.resource_spans:
            about = {each.key: each.value.string_value for each in resource.resource.attributes}
            self.versions.add(about.get("service.version", "none"))
            self.spans += [span for scope in resource.scope_spans for span in scope.spans]
        return pb.ExportTraceServiceResponse()

    async def named(self, name: str) -> dict[str, str]:
        """Attributes of the span of this name, once it is there."""
        async with asyncio.timeout(START_TIMEOUT_S):
            while not (found := [span for span in self.spans if span.name == name]):  # noqa: ASYNC110 - it comes by an RPC
                await asyncio.sleep(POLL_S)
        return {each.key: each.value.string_value for each in found[0].attributes}


@asynccontextmanager
async def traced(percent: int) -> AsyncIterator[tuple[Edge, Collector]]:
    collector, server = Collector(), grpc.aio.server()
    stubs.add_TraceServiceServicer_to_server(collector, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        async with running_edge(
            unauthenticated=True, otlp_collector=address, trace_percent=percent
        ) as edge:
            yield edge, collector
    finally:
        await server.stop(None)


async def test_a_read_is_named_by_its_route_and_is_a_get() -> None:
    async with traced(100) as (edge, collector):
        answer = await edge.client.get(f"/v1/tweets/{FOUND_ID}")
        assert answer.status_code == 200
        span = await collector.named("GET /v1/tweets/{tweet_id}")
        assert span["http.request.method"] == span["http.method"] == "GET"
        assert span["http.response.status_code"] == "200"
        assert span["aviary.rpc"] == "aviary.tweet.v1.TweetService/GetTweet"
        assert collector.versions
        assert "none" not in collector.versions
        logs = [json.loads(line) for line in (edge.folder / "access.log").read_text().splitlines()]
        assert {each["method"] for each in logs if each["path"] == f"/v1/tweets/{FOUND_ID}"} <= {
            "GET"
        }


async def test_no_span_has_a_query() -> None:
    async with traced(100) as (edge, collector):
        await edge.client.get("/v1/timeline/home?user_id=1&limit=1&cursor=secret")
        await collector.named("GET /v1/timeline/home")
        assert "secret" not in str(collector.spans)


async def test_an_edge_that_records_few_is_not_told_by_clients_to_record_more() -> None:
    async with traced(0) as (edge, collector):
        for _ in range(20):
            await edge.client.post("/v1/tweets", json={"user_id": 1, "text": "a"}, headers=SAMPLED)
        sent = edge.tweets.metadata["traceparent"]
        assert TRACE not in sent
        # What follows is told not to record either.
        assert sent.endswith("-00")
        assert not collector.spans


async def test_a_call_by_grpc_is_named_by_its_rpc() -> None:
    async with traced(100) as (edge, collector):
        target = str(edge.client.base_url).removeprefix("http://")
        async with grpc.aio.insecure_channel(target) as channel:
            request = tweet_pb.GetTweetRequest(tweet_id=FOUND_ID)
            await tweet_grpc.TweetServiceStub(channel).GetTweet(request, timeout=20)
        await collector.named("aviary.tweet.v1.TweetService/GetTweet")


async def test_one_that_records_all_continues_clients_traces() -> None:
    async with traced(100) as (edge, collector):
        body = {"user_id": BIG_ID, "text": "a"}
        await edge.client.post("/v1/tweets", json=body, headers=SAMPLED)
        await collector.named("POST /v1/tweets")
        assert edge.tweets.metadata["traceparent"].split("-")[1] == TRACE
