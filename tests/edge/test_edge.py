"""What a REST client notices at the edge."""

import asyncio

import httpx
import pytest
from grpc_health.v1 import health_pb2

from services.platform.rpc.server import READY
from tests.edge.conftest import BIG_ID, FOUND_ID, ORIGIN, Edge

NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
pytestmark = pytest.mark.asyncio(loop_scope="module")


def assert_error(
    answer: httpx.Response, status: int, code: int, *, oauth: str | None = None
) -> str:
    """Check the one error shape and give the message; with `oauth`, its own shape too."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"].startswith("application/json")
    error = answer.json()
    if oauth is not None:
        assert error.pop("error") == oauth
        assert error.pop("error_description") == error["message"]
    assert error.keys() == {"code", "message", "details"}
    assert error["code"] == code
    assert error["message"]
    assert isinstance(error["details"], list)
    return str(error["message"])


async def test_a_tweet_goes_through_as_json(edge: Edge) -> None:
    answer = await edge.client.post("/v1/tweets", json={"user_id": str(BIG_ID), "text": "hé"})
    assert answer.status_code == 201, answer.text
    tweet = answer.json()["tweet"]
    assert tweet["tweet_id"] == str(BIG_ID)
    assert tweet["user_id"] == str(BIG_ID)
    assert tweet["text"] == "hé"


async def test_clients_cannot_set_trusted_headers(edge: Edge) -> None:
    headers = {"x-user-id": "7", "x-envoy-retry-on": "5xx", "idempotency-key": "k1"}
    headers |= {"x-scope": "act:any", "x-client-id": "loader"}
    await edge.client.post("/v1/tweets", json={"user_id": "1", "text": "a"}, headers=headers)
    assert not {"x-user-id", "x-scope", "x-client-id"} & edge.tweets.metadata.keys()
    assert "x-envoy-retry-on" not in edge.tweets.metadata
    assert edge.tweets.metadata["idempotency-key"] == "k1"


async def test_an_empty_list_is_shown(edge: Edge) -> None:
    answer = await edge.client.get("/v1/timeline/home", params={"user_id": "1"})
    assert answer.json() == {"tweets": []}


async def test_an_error_of_a_service_keeps_its_details(edge: Edge) -> None:
    answer = await edge.client.get(f"/v1/tweets/{BIG_ID}")
    assert assert_error(answer, 404, 5) == "no such tweet"
    (info,) = answer.json()["details"]
    assert info["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    assert info["reason"] == "TWEET_NOT_FOUND"
    assert info["metadata"] == {"tweet_id": str(BIG_ID)}


@pytest.mark.parametrize("body", ["{", '{"user_id": "x"}', "[]"])
async def test_bad_json_is_400(edge: Edge, body: str) -> None:
    headers = {"content-type": "application/json"}
    assert_error(await edge.client.post("/v1/tweets", content=body, headers=headers), 400, 3)


async def test_an_unknown_query_parameter_is_400(edge: Edge) -> None:
    params = {"user_id": "1", "limitt": "3"}
    assert_error(await edge.client.get("/v1/timeline/home", params=params), 400, 3)


@pytest.mark.parametrize(
    "path",
    ["/", "/v2/tweets", "/v1/tweets/", "/v1/tweets/1/likes", "/v1/tweets:x", "/v1/tweets//1"],
)
async def test_an_unknown_path_is_404(edge: Edge, path: str) -> None:
    assert_error(await edge.client.get(path), 404, 5)


@pytest.mark.parametrize("method", ["PUT", "GET", "DELETE", "HEAD", "TRACE"])
async def test_another_method_is_405_and_shown_which_are_taken(edge: Edge, method: str) -> None:
    answer = await edge.client.request(method, "/v1/follow")
    assert answer.headers["allow"] == "POST, OPTIONS"
    if method != "HEAD":
        assert_error(answer, 405, 12)
    options = await edge.client.options("/v1/tweets/1")
    assert (options.status_code, options.headers["allow"]) == (204, "DELETE, GET, HEAD, OPTIONS")


@pytest.mark.parametrize("path", ["/v1/tweets", "/v1/tweets/1", "/v1/timeline/home"])
@pytest.mark.parametrize(
    "headers",
    [
        {"access-control-request-method": "POST"},
        {"access-control-request-method": "POST", "origin": ""},
        {"access-control-request-method": "", "origin": ORIGIN},
    ],
    ids=str,
)
async def test_what_no_page_asks_beforehand_is_answered_by_the_edge(
    edge: Edge, path: str, headers: dict[str, str]
) -> None:
    answer = await edge.client.options(path, headers=headers)
    assert answer.status_code == 204, answer.headers
    assert "OPTIONS" in answer.headers["allow"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        # The transcoder would let each of these set a field that is set elsewhere too.
        ("DELETE", "/v1/tweets/1?tweet_id=2"),
        ("DELETE", "/v1/tweets/1?tweetId=2"),
        ("DELETE", "/v1/tweets/1?tweet%5fid=2"),
        ("POST", "/v1/tweets?user_id=2"),
        ("GET", "/v1/timeline/home?user_id=1&user_id=2"),
        ("GET", "/v1/timeline/home?userId=1"),
        ("GET", "/v1/timeline/home?user_id=1&limit=1&limit=2"),
    ],
)
async def test_a_field_is_given_in_one_place_and_once(edge: Edge, method: str, path: str) -> None:
    assert_error(await edge.client.request(method, path), 400, 3)


@pytest.mark.parametrize(
    "query", ["user_id=1&limit=1&", "&user_id=1&&limit=1", "limit=1&user_id=1&&"]
)
async def test_an_empty_parameter_is_none(edge: Edge, query: str) -> None:
    answer = await edge.client.get(f"/v1/timeline/home?{query}")
    assert len(answer.json()["tweets"]) == 1
    assert (await edge.client.delete("/v1/tweets/1?&&")).status_code == 200


async def test_a_bad_query_is_told_which_parameters_there_are(edge: Edge) -> None:
    answer = await edge.client.get("/v1/timeline/home?user_id=1&limitt=3")
    assert "user_id, cursor, limit" in assert_error(answer, 400, 3)
    assert assert_error(await edge.client.delete("/v1/tweets/1?x=1"), 400, 3).endswith(
        "request_id, user_id"
    )


@pytest.mark.parametrize("query", ["user_id=x", "user_id=1&limit=a", "user_id=1&limit="])
async def test_a_value_of_a_wrong_type_is_explained(edge: Edge, query: str) -> None:
    answer = await edge.client.get(f"/v1/timeline/home?{query}")
    name, _, value = query.rpartition("&")[2].partition("=")
    assert f'{name}: invalid value "{value}"' in assert_error(answer, 400, 3)


async def test_a_field_of_the_path_is_not_in_the_body(edge: Edge) -> None:
    answer = await edge.client.patch("/v1/users/1", json={"user_id": "2", "handle": "a"})
    assert_error(answer, 400, 3)


async def test_no_header_of_a_rest_client_reaches_grpc(edge: Edge) -> None:
    headers = {"grpc-encoding": "gzip", "grpc-timeout": "1n", "x-bin": "?", "a$b": "1", "ok": "1"}
    answer = await edge.client.get(f"/v1/tweets/{FOUND_ID}", headers=headers)
    assert answer.status_code == 200, answer.text
    assert edge.tweets.metadata["ok"] == "1"
    assert not {"grpc-encoding", "x-bin", "a$b"} & edge.tweets.metadata.keys()


@pytest.mark.parametrize("content_type", ["application/json", "application/grpc", None])
@pytest.mark.parametrize(
    "path",
    [
        "/aviary.tweet.v1.TweetService/DecideDelivery",
        "/aviary.tweet.v1.TweetService/CreateTweet",
        "//aviary.tweet.v1.TweetService/LookupTweets",
        "/v1/../aviary.tweet.v1.TweetService/LookupTweets",
        "/%61viary.tweet.v1.TweetService/LookupTweets",
        "/%2Faviary.tweet.v1.TweetService/LookupTweets",
    ],
)
async def test_raw_grpc_paths_are_refused(edge: Edge, path: str, content_type: str | None) -> None:
    headers = {"content-type": content_type} if content_type else {}
    # Over a bare socket: httpx would tidy the path first.
    url = edge.client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    lines = [f"POST {path} HTTP/1.1", "host: edge", "content-length: 5", "connection: close"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "", ""]).encode() + b"\0\0\0\0\0")
    answer = await asyncio.wait_for(reader.read(), 10)
    writer.close()
    await writer.wait_closed()
    if content_type == "application/grpc":
        # Envoy speaks gRPC to what looks like gRPC: 200 with a status that refuses.
        assert b"grpc-status: 0" not in answer
        assert b"grpc-status: " in answer
    else:
        assert answer.split(b" ")[1] in {b"404", b"400", b"415"}
    assert b"server: envoy" in answer
    assert b"x-envoy-upstream-service-time" not in answer


async def test_a_large_body_is_413(edge: Edge) -> None:
    body = {"user_id": "1", "text": "x" * 70_000}
    assert_error(await edge.client.post("/v1/tweets", json=body), 413, 3)


async def test_a_stopped_service_is_503(own_edge: Edge) -> None:
    await own_edge.over_http.stop(0)
    answer = await own_edge.client.post("/v1/tweets", json={"user_id": "1", "text": "a"})
    assert_error(answer, 503, 14)
    await own_edge.server.stop(None)
    assert_error(await own_edge.client.delete("/v1/tweets/1"), 503, 14)


async def test_a_stuck_service_is_504(edge: Edge) -> None:
    answer = await edge.client.get("/v1/timeline/user", params={"user_id": "1"})
    assert_error(answer, 504, 4)


async def test_health_names_what_is_not_ready(own_edge: Edge) -> None:
    answer = await own_edge.client.get("/healthz")
    assert answer.json() == {
        "status": "SERVING",
        "services": [{"name": "graph", "ready": True}, {"name": "tweet", "ready": True}],
    }
    await own_edge.second_health.set(READY, NOT_SERVING)
    answer = await own_edge.until("GET", "/healthz", 503)
    assert assert_error(answer, 503, 14) == "not ready: graph"
    await own_edge.health.set(READY, NOT_SERVING)
    answer = await own_edge.client.get("/healthz")
    assert assert_error(answer, 503, 14) == "not ready: graph, tweet"
