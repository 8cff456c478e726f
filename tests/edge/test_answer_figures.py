"""What the edge counts of its callers' requests is what they got, whoever answered them."""

import asyncio
import contextlib
import re
from collections.abc import Callable

import grpc
import grpc.aio
import httpx
import pytest
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc

from tests.edge.bare_connection import connected
from tests.edge.conftest import FOUND_ID, POLL_S, START_TIMEOUT_S, Edge, admin_client

HOME = "aviary.timeline.v1.TimelineService/GetHomeTimeline"
USER = "aviary.timeline.v1.TimelineService/GetUserTimeline"
GET = "aviary.tweet.v1.TweetService/GetTweet"
HOME_PATH = "/v1/timeline/home?user_id=1&limit=1"
pytestmark = pytest.mark.asyncio(loop_scope="module")
_SAMPLE = re.compile(r"envoy_aviary_(\w+)\{([^}]*)\} ([\d.]+)")

Figures = dict[tuple[str, ...], float]


@pytest.fixture
def edge(own_edge: Edge) -> Edge:
    """Counts from nothing in each test."""
    return own_edge


async def figures(edge: Edge) -> Figures:
    """(series, values of its labels) to its value."""
    async with admin_client(edge.folder) as client:
        text = (await client.get("/stats/prometheus")).text
    return {
        (name, *re.findall(r'"([^"]*)"', labels)): float(value)
        for name, labels, value in _SAMPLE.findall(text)
    }


async def until(edge: Edge, holds: Callable[[Figures], bool]) -> Figures:
    """Wait: an answer is counted when it is over, and histograms are brought up now and then."""
    async with asyncio.timeout(START_TIMEOUT_S):
        while not holds(found := await figures(edge)):  # noqa: ASYNC110 - Envoy has no event for us
            await asyncio.sleep(POLL_S)
    return found


@contextlib.asynccontextmanager
async def by_grpc(edge: Edge):
    target = str(edge.client.base_url).removeprefix("http://")
    async with grpc.aio.insecure_channel(target) as channel:
        yield tweet_grpc.TweetServiceStub(channel)


async def test_what_callers_send_wrong_is_no_failure(edge: Edge) -> None:
    async with connected(edge) as (reader, writer):
        writer.write(b"POST /v1/tweets HTTP/1.1\r\nhost: edge\r\ntransfer-encoding: x\r\n\r\n")
        assert b" 400 " in (await reader.read()).splitlines()[0]
    found = await until(edge, lambda found: found.get(("requests", "")) == 1)
    assert found["failures", ""] == 0


async def test_an_outage_shows_as_failures(edge: Edge) -> None:
    assert (await edge.client.get(HOME_PATH)).status_code == 200
    before = await until(edge, lambda found: found.get(("requests", HOME)) == 1)
    # There before its first failure: what appears with it has no increase.
    assert before["failures", HOME] == 0
    assert before["answers", HOME, "200", ""] == 1
    await edge.over_http.stop(0)
    for _ in range(3):
        assert (await edge.client.get(HOME_PATH)).status_code == 503
    found = await until(edge, lambda found: found.get(("requests", HOME)) == 4)
    assert found["failures", HOME] == 3
    assert found["answers", HOME, "503", ""] == 3


async def test_a_caller_by_grpc_gets_failures_too(edge: Edge) -> None:
    async with by_grpc(edge) as stub:
        await stub.GetTweet(tweet_pb.GetTweetRequest(tweet_id=FOUND_ID), timeout=20)
        with pytest.raises(grpc.aio.AioRpcError):
            await stub.GetTweet(tweet_pb.GetTweetRequest(tweet_id=1), timeout=20)
        found = await until(edge, lambda found: found.get(("requests", GET)) == 2)
        # That there is no such tweet is no failure.
        assert found["failures", GET] == 0
        await edge.server.stop(None)
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await stub.GetTweet(tweet_pb.GetTweetRequest(tweet_id=FOUND_ID), timeout=20)
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE
    found = await until(edge, lambda found: found.get(("requests", GET)) == 3)
    assert found["failures", GET] == 1


async def test_refusals_are_neither_failures_nor_quick_answers(edge: Edge) -> None:
    assert (await edge.client.get("/v1/tweets/1")).status_code == 404
    assert (await edge.client.get("/v1/tweets/1?no=such")).status_code == 400
    assert (await edge.client.get(f"/v1/tweets/{FOUND_ID}")).status_code == 200
    found = await until(edge, lambda found: found.get(("answer_time_count", GET), 0) > 0)
    assert found["requests", GET] == 3
    assert found["failures", GET] == 0
    assert found["answer_time_count", GET] == 1


async def test_who_leaves_before_an_answer_has_waited(edge: Edge) -> None:
    with pytest.raises(httpx.ReadTimeout):
        await edge.client.get("/v1/timeline/user?user_id=1", timeout=0.6)
    found = await until(edge, lambda found: found.get(("answer_time_count", USER), 0) > 0)
    assert found["answers", USER, "0", ""] == 1
    assert found["failures", USER] == 0
    assert found["answer_time_bucket", USER, "500"] == 0


async def test_nothing_that_clients_write_makes_a_series(edge: Edge) -> None:
    await edge.client.get("/made/up")
    await edge.client.request("MADEUP", "/v1/tweets")
    await edge.client.post("/made.Up/MadeUp", headers={"content-type": "application/grpc"})
    found = await until(edge, lambda found: found.get(("requests", "elsewhere"), 0) >= 2)
    assert "made" not in str(found).lower()
