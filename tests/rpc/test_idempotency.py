"""`Idempotency-Key` metadata, and requests that cannot be decoded."""

from collections.abc import AsyncIterator, Sequence
from typing import Any

import grpc
import grpc.aio
import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_service_pb2 as pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as pb_grpc
from google.rpc.error_details_pb2 import BadRequest
from grpc_status import rpc_status

from services.platform.rpc.server import RpcServer, Servicer

KEY = "idempotency-key"


class Tweets:
    """Keeps what it was asked."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def DeleteTweet(self, request: Any, _context: Any) -> Any:  # noqa: N802 - an RPC's name
        self.asked.append(request)
        return pb.DeleteTweetResponse()

    async def GetTweet(self, request: Any, _context: Any) -> Any:  # noqa: N802
        self.asked.append(request)
        return pb.GetTweetResponse()

    CreateTweet = GetTweets = LookupTweets = ListAuthorTweets = GetTweet
    DecideDelivery = PlaceRetweets = GetTweet
    GetConversation = BackfillReplies = GetTweet
    LookupAuthorCounts = LookupSeenTweets = GetTweet
    ListQuarantinedTweets = QuarantineTweet = ClearTweet = GetTweet

    async def StreamTweets(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        yield pb.StreamTweetsResponse()


@pytest_asyncio.fixture
async def served() -> AsyncIterator[tuple[Tweets, grpc.aio.Channel]]:
    tweets = Tweets()
    descriptor = pb.DESCRIPTOR.services_by_name["TweetService"]
    server = RpcServer("127.0.0.1:0", [Servicer(descriptor, tweets)])
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield tweets, channel
    await server.stop(0)


Metadata = Sequence[tuple[str, str]]


@pytest.mark.parametrize(
    ("field", "metadata", "wanted"),
    [
        ("", [(KEY, "k")], "k"),
        ("k", [(KEY, "k")], "k"),
        ("k", [], "k"),
        ("k", [(KEY, "")], "k"),
        ("", [(KEY, "k"), (KEY, "k")], "k"),
        ("", [], ""),
    ],
)
async def test_the_header_names_the_request(
    served: tuple[Tweets, grpc.aio.Channel], field: str, metadata: Metadata, wanted: str
) -> None:
    tweets, channel = served
    request = pb.DeleteTweetRequest(tweet_id=1, request_id=field)
    await pb_grpc.TweetServiceStub(channel).DeleteTweet(request, metadata=metadata)
    assert tweets.asked == [pb.DeleteTweetRequest(tweet_id=1, request_id=wanted)]


@pytest.mark.parametrize(
    ("field", "metadata"), [("other", [(KEY, "k")]), ("", [(KEY, "k"), (KEY, "other")])]
)
async def test_two_names_are_refused(
    served: tuple[Tweets, grpc.aio.Channel], field: str, metadata: Metadata
) -> None:
    tweets, channel = served
    request = pb.DeleteTweetRequest(tweet_id=1, request_id=field)
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await pb_grpc.TweetServiceStub(channel).DeleteTweet(request, metadata=metadata)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _field_at_fault(failure.value) == "request_id"
    assert tweets.asked == []


async def test_it_is_harmless_where_no_request_is_named(
    served: tuple[Tweets, grpc.aio.Channel],
) -> None:
    tweets, channel = served
    await pb_grpc.TweetServiceStub(channel).GetTweet(
        pb.GetTweetRequest(tweet_id=1), metadata=[(KEY, "k"), (KEY, "other")]
    )
    assert tweets.asked == [pb.GetTweetRequest(tweet_id=1)]


@pytest.mark.parametrize("encoded", [b"\x12\x01\xff", b"\xff", b"\x08"])
async def test_a_request_that_cannot_be_decoded_is_the_clients_fault(
    served: tuple[Tweets, grpc.aio.Channel], encoded: bytes
) -> None:
    tweets, channel = served
    with pytest.raises(grpc.aio.AioRpcError) as failure:
        await channel.unary_unary("/aviary.tweet.v1.TweetService/DeleteTweet")(encoded)
    assert failure.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert _field_at_fault(failure.value) == "request"
    assert "protobuf" not in str(failure.value.details())
    assert tweets.asked == []


def _field_at_fault(error: grpc.aio.AioRpcError) -> str:
    status = rpc_status.from_call(_Trailers(error))
    bad = BadRequest()
    for detail in status.details:
        detail.Unpack(bad)
    (violation,) = bad.field_violations
    return violation.field


class _Trailers:
    """An error as `grpc_status` reads it: with plain values where grpc.aio has its own."""

    def __init__(self, error: grpc.aio.AioRpcError) -> None:
        self._error = error

    def trailing_metadata(self) -> Any:
        return tuple(self._error.trailing_metadata())

    def code(self) -> Any:
        return self._error.code()

    def details(self) -> Any:
        return self._error.details()
