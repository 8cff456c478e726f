"""What clients of gRPC and gRPC-Web get of the edge's own errors: a status, as from a service."""

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import grpc
import httpx
import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as tweet_grpc
from google.protobuf.message import Message
from google.rpc import error_details_pb2
from google.rpc.status_pb2 import Status
from grpc_status import rpc_status

from gateway.limits.budgets import Subject
from tests.edge import tokens
from tests.edge.conftest import Edge, running_edge
from tests.edge.limited_edge import UNMOVED, LimitedEdge, limited_edge
from tests.edge.limited_requests import documented, headers_of
from tests.edge.test_auth import issuer
from tests.edge.test_edge_protocols import CREATE, LOOKUP, grpc_web

pytestmark = pytest.mark.asyncio(loop_scope="module")

# What a token says beside the usual. Tokens are made when they are needed: they do not last for as
# long as the tests before may take.
GOOD: dict[str, Any] = {}
WEAK = {"scope": "tweets:read"}
EXPIRED = {"exp": 1}
LARGE = "x" * 70_000

Metadata = Sequence[tuple[str, str]]

ERRORS: dict[str, tuple[str, str, dict[str, Any] | None, grpc.StatusCode, str]] = {
    "no token": (CREATE, "a", None, grpc.StatusCode.UNAUTHENTICATED, "Jwt is missing"),
    "expired": (CREATE, "a", EXPIRED, grpc.StatusCode.UNAUTHENTICATED, "Jwt is expired"),
    "no scope": (
        *(CREATE, "a", WEAK, grpc.StatusCode.PERMISSION_DENIED),
        "the token does not carry the scope that this takes",
    ),
    "no such method": (LOOKUP, "a", GOOD, grpc.StatusCode.UNIMPLEMENTED, "no such method"),
    "too large": (
        *(CREATE, LARGE, GOOD, grpc.StatusCode.RESOURCE_EXHAUSTED),
        "the message is too large",
    ),
}


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def edge(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Edge]:
    keys: Path = tmp_path_factory.mktemp("keys")
    async with running_edge(tokens.token(), issuers=(issuer(keys),), limits=False) as running:
        yield running


def shown(says: dict[str, Any] | None) -> Metadata:
    """The metadata of a call with such a token, or with none."""
    return [] if says is None else [("authorization", f"Bearer {tokens.token(**says)}")]


async def failure(url: httpx.URL, path: str, text: str, metadata: Metadata) -> grpc.aio.AioRpcError:
    message = tweet_pb.CreateTweetRequest(user_id=1, text=text).SerializeToString()
    async with grpc.aio.insecure_channel(f"{url.host}:{url.port}") as channel:
        with pytest.raises(grpc.aio.AioRpcError) as raised:
            await channel.unary_unary(path)(message, metadata=metadata)
    return raised.value


def details(error: grpc.aio.AioRpcError) -> list[str]:
    """Unpack what the status carries: each detail's type."""
    status = rpc_status.from_call(error)  # raises where code or message are others than the call's
    return [] if status is None else [one.TypeName() for one in status.details]


@pytest.mark.parametrize("case", ERRORS)
async def test_the_edge_refuses_with_a_grpc_status(edge: Edge, case: str) -> None:
    path, text, says, code, words = ERRORS[case]
    error = await failure(edge.client.base_url, path, text, shown(says))
    assert (error.code(), error.details()) == (code, words)
    assert details(error) == []


@pytest.mark.parametrize("text", [False, True])
@pytest.mark.parametrize("case", ERRORS)
async def test_grpc_web_gets_the_same(edge: Edge, case: str, *, text: bool) -> None:
    path, tweet, says, code, words = ERRORS[case]
    message = tweet_pb.CreateTweetRequest(user_id=1, text=tweet).SerializeToString()
    edge.client.headers.update(shown(says))
    answer = await grpc_web(edge, path, message, text=text)
    edge.client.headers.pop("authorization", None)
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("application/grpc-web")
    assert answer.headers["grpc-status"] == str(code.value[0])
    assert unquote(answer.headers["grpc-message"]) == words
    assert answer.content == b""


async def test_a_stopped_service_is_unavailable_for_a_while(tmp_path: Path) -> None:
    async with running_edge(tokens.token(), issuers=(issuer(tmp_path),), limits=False) as edge:
        await edge.server.stop(None)
        error = await failure(edge.client.base_url, CREATE, "a", shown(GOOD))
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert error.details() == "the service is unavailable; try again"
        assert details(error) == ["google.rpc.RetryInfo"]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def limited() -> AsyncIterator[LimitedEdge]:
    async with limited_edge(rules=UNMOVED, trusted_hops=1) as running:
        yield running


def unpacked(status: Status, kind: type[Message]) -> Message:
    found = kind()
    assert [one.Unpack(found) for one in status.details if one.Is(kind.DESCRIPTOR)] == [True]
    return found


async def until_refused(channel: grpc.aio.Channel, metadata: Metadata) -> grpc.aio.AioRpcError:
    stub = tweet_grpc.TweetServiceStub(channel)
    for _ in range(10 * documented("post", "user")):
        try:
            await stub.CreateTweet(tweet_pb.CreateTweetRequest(user_id=1), metadata=metadata)
        except grpc.aio.AioRpcError as error:
            return error
    raise AssertionError("never refused")


async def test_too_many_calls_are_told_when_to_come_again(limited: LimitedEdge) -> None:
    who = list(headers_of(Subject.USER, 7_000).items())
    url = limited.client.base_url
    async with grpc.aio.insecure_channel(f"{url.host}:{url.port}") as channel:
        error = await until_refused(channel, who)
    assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.details() == "too many requests"
    status = rpc_status.from_call(error)
    assert status is not None
    retry = unpacked(status, error_details_pb2.RetryInfo)
    headers = dict(error.initial_metadata()) | dict(error.trailing_metadata())
    assert retry.retry_delay.seconds == int(headers["retry-after"]) >= 1
    info = unpacked(status, error_details_pb2.ErrorInfo)
    assert (info.reason, info.domain, dict(info.metadata)) == (
        *("RATE_LIMITED", "aviary"),
        {"budget": "burst"},
    )
