"""How clients other than a plain REST one reach the API: one port for all of them."""

import base64
import struct

import grpc
import httpx
import pytest
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc

from tests.edge.conftest import BIG_ID, FOUND_ID, LONG, ORIGIN, Edge
from tests.edge.test_edge import assert_error

CREATE = "/aviary.tweet.v1.TweetService/CreateTweet"
LOOKUP = "/aviary.tweet.v1.TweetService/LookupTweets"
HOME = "/aviary.timeline.v1.TimelineService/GetHomeTimeline"
TRAILERS = 0x80
pytestmark = pytest.mark.asyncio(loop_scope="module")


def channel(edge: Edge) -> grpc.aio.Channel:
    return grpc.aio.insecure_channel(f"{edge.client.base_url.host}:{edge.client.base_url.port}")


async def test_grpc_clients_use_their_stubs_at_the_same_port(edge: Edge) -> None:
    async with channel(edge) as opened:
        stub = tweet_grpc.TweetServiceStub(opened)
        answer = await stub.CreateTweet(tweet_pb.CreateTweetRequest(user_id=1, text="a"))
        assert answer.tweet.tweet_id == BIG_ID
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stub.GetTweet(tweet_pb.GetTweetRequest(tweet_id=1))
        assert failure.value.code() is grpc.StatusCode.NOT_FOUND
        assert failure.value.details() == "no such tweet"


async def test_grpc_clients_reach_no_internal_rpc(edge: Edge) -> None:
    async with channel(edge) as opened:
        stub = tweet_grpc.TweetServiceStub(opened)
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await stub.LookupTweets(tweet_pb.LookupTweetsRequest(tweet_ids=[1]))
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
        for path in ("/grpc.health.v1.Health/Check", "/AVIARY.tweet.v1.TweetService/CreateTweet"):
            with pytest.raises(grpc.aio.AioRpcError) as failure:
                await opened.unary_unary(path)(b"")
            assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED


async def grpc_web(edge: Edge, path: str, message: bytes, *, text: bool = False) -> httpx.Response:
    frame = struct.pack(">BI", 0, len(message)) + message
    kind = "application/grpc-web-text" if text else "application/grpc-web+proto"
    headers = {"content-type": kind, "accept": kind, "x-grpc-web": "1"}
    body = base64.b64encode(frame) if text else frame
    return await edge.client.post(path, content=body, headers=headers)


def decoded(text: bytes) -> bytes:
    """Decode base64 of many parts, each of which may end in padding."""
    return b"".join(base64.b64decode(text[at : at + 4]) for at in range(0, len(text), 4))


@pytest.mark.parametrize("text", [False, True])
async def test_grpc_web_clients_too(edge: Edge, *, text: bool) -> None:
    message = tweet_pb.CreateTweetRequest(user_id=1, text="a").SerializeToString()
    answer = await grpc_web(edge, CREATE, message, text=text)
    assert answer.status_code == 200
    body = decoded(answer.content) if text else answer.content
    flags, length = struct.unpack(">BI", body[:5])
    assert not flags
    made = tweet_pb.CreateTweetResponse.FromString(body[5 : 5 + length])
    assert made.tweet.tweet_id == BIG_ID
    trailers = body[5 + length :]
    assert trailers[0] == TRAILERS
    assert b"grpc-status:0" in trailers
    refused = await grpc_web(edge, LOOKUP, b"", text=text)
    assert refused.headers["grpc-status"] == "12"


async def test_json_is_for_rest_paths_and_grpc_for_its_own(edge: Edge) -> None:
    assert_error(await edge.client.post(CREATE, json={"user_id": "1"}), 404, 5)
    answer = await edge.client.post(
        "/v1/tweets", content=b"\0\0\0\0\0", headers={"content-type": "application/grpc"}
    )
    assert answer.headers["grpc-status"] not in {"", "0"}


@pytest.mark.parametrize("name", ["x-other", "x-envoy-original-method"])
async def test_what_answers_in_json_is_not_to_be_called_by_name(edge: Edge, name: str) -> None:
    async with channel(edge) as opened:
        with pytest.raises(grpc.aio.AioRpcError) as failure:
            await opened.unary_unary(f"{HOME}Json")(b"", metadata=((name, "GET"),))
        assert failure.value.code() is grpc.StatusCode.UNIMPLEMENTED
        assert edge.timelines.metadata == {}
        await opened.unary_unary(HOME)(b"")


async def test_rest_over_http2_at_the_same_port(edge: Edge) -> None:
    async with httpx.AsyncClient(base_url=edge.client.base_url, http1=False, http2=True) as client:
        answer = await client.post("/v1/tweets", json={"user_id": "1", "text": "a"})
        assert (answer.http_version, answer.status_code) == ("HTTP/2", 201)
        assert answer.json()["tweet"]["tweet_id"] == str(BIG_ID)


async def test_pages_of_a_known_origin_may_call(edge: Edge) -> None:
    asked = {"origin": ORIGIN, "access-control-request-method": "PATCH"}
    preflight = await edge.client.options("/v1/users/1", headers=asked)
    assert preflight.status_code == 200
    assert preflight.headers["access-control-allow-origin"] == ORIGIN
    assert "PATCH" in preflight.headers["access-control-allow-methods"]
    assert "authorization" in preflight.headers["access-control-allow-headers"]
    assert "idempotency-key" in preflight.headers["access-control-allow-headers"]
    assert "access-control-allow-credentials" not in preflight.headers
    for path, status in (("/v1/timeline/home?user_id=1", 200), ("/v1/tweets/1", 404)):
        answer = await edge.client.get(path, headers={"origin": ORIGIN})
        assert answer.status_code == status
        assert answer.headers["access-control-allow-origin"] == ORIGIN
        assert "etag" in answer.headers["access-control-expose-headers"]


@pytest.mark.parametrize("origin", ["https://evil.example", f"{ORIGIN}.evil.example", "null"])
async def test_pages_of_other_origins_may_not(edge: Edge, origin: str) -> None:
    headers = {"origin": origin, "access-control-request-method": "POST"}
    preflight = await edge.client.options("/v1/tweets", headers=headers)
    assert "access-control-allow-origin" not in preflight.headers
    answer = await edge.client.get("/healthz", headers={"origin": origin})
    assert "access-control-allow-origin" not in answer.headers


async def test_large_answers_are_compressed_for_who_asks(edge: Edge) -> None:
    params = {"user_id": "1", "limit": "20"}
    packed = await edge.client.get("/v1/timeline/home", params=params)
    assert packed.headers["content-encoding"] == "gzip"
    assert set(packed.headers["vary"].lower().split(",")) == {"accept-encoding", "origin"}
    assert len(packed.json()["tweets"]) == 20
    plain = await edge.client.get(
        "/v1/timeline/home", params=params, headers={"accept-encoding": "identity"}
    )
    assert "content-encoding" not in plain.headers
    assert plain.json() == packed.json()
    small = await edge.client.get("/v1/timeline/home", params={"user_id": "1"})
    assert "content-encoding" not in small.headers


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
async def test_a_tweet_that_one_has_is_not_sent_again(edge: Edge, encoding: str) -> None:
    path, ask = f"/v1/tweets/{FOUND_ID}", {"accept-encoding": encoding}
    first = await edge.client.get(path, headers=ask)
    strong = f'"{FOUND_ID}"'
    assert first.headers["etag"] == (strong if encoding == "identity" else f"W/{strong}")
    for etags in (first.headers["etag"], strong, f'"1", W/{strong}', "*"):
        answer = await edge.client.get(path, headers={**ask, "if-none-match": etags})
        assert (answer.status_code, answer.content) == (304, b""), etags
        assert "content-type" not in answer.headers
    twice = [("if-none-match", '"1"'), ("if-none-match", strong), *ask.items()]
    assert (await edge.client.get(path, headers=twice)).status_code == 304
    for etags in ('"1"', f'"{FOUND_ID}0"', f"{FOUND_ID}", ""):
        answer = await edge.client.get(path, headers={**ask, "if-none-match": etags})
        assert answer.json()["tweet"]["text"] == LONG, etags


async def test_a_tweet_that_is_gone_is_404_whatever_one_has(edge: Edge) -> None:
    answer = await edge.client.get("/v1/tweets/1", headers={"if-none-match": "*"})
    assert_error(answer, 404, 5)


async def test_a_trace_goes_on_behind_the_edge(edge: Edge) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01"}
    await edge.client.post("/v1/tweets", json={"user_id": "1", "text": "a"}, headers=headers)
    assert edge.tweets.metadata["traceparent"].split("-")[1] == trace
