"""Bodies that come over HTTP/1.1: what of them reaches an RPC, and what is refused unread."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_pb2
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.composition.dependencies import service_of
from services.platform.rpc.http_connection import MAX_BODY_BYTES
from services.platform.rpc.server import HttpAt, RpcServer, Servicer
from tests.rpc.bare_http import Connection
from tests.rpc.test_http_listener import Dial, dial

__all__ = ["dial"]

POSTS = "/v1/tweets"


class Tweets:
    """Answers with what it was asked, and keeps what came with it."""

    def __init__(self) -> None:
        self.asked: list[dict[str, str]] = []

    async def CreateTweet(  # noqa: N802
        self, request: pb.CreateTweetRequest, context: Any
    ) -> pb.CreateTweetResponse:
        self.asked.append(dict(context.invocation_metadata()))
        tweet = tweet_pb2.Tweet(user_id=request.user_id, text=request.text)
        return pb.CreateTweetResponse(tweet=tweet)

    async def GetTweet(self, request: Any, context: Any) -> Any:  # noqa: ARG002, N802
        raise AssertionError

    DeleteTweet = GetTweets = LookupTweets = ListAuthorTweets = GetTweet
    DecideDelivery = PlaceRetweets = GetTweet
    GetConversation = BackfillReplies = GetTweet
    LookupAuthorCounts = LookupSeenTweets = GetTweet
    ListQuarantinedTweets = QuarantineTweet = ClearTweet = GetTweet

    async def StreamTweets(self, _request: Any, _context: Any) -> Any:  # noqa: N802
        yield pb.StreamTweetsResponse()


@pytest_asyncio.fixture
async def tweets() -> Tweets:
    return Tweets()


@pytest_asyncio.fixture
async def server(tweets: Tweets) -> AsyncIterator[RpcServer]:
    served = [Servicer(service_of(pb.DESCRIPTOR), tweets)]
    running = RpcServer("127.0.0.1:0", served, http=HttpAt("127.0.0.1:0"))
    await running.start()
    yield running
    await running.stop(0)


@pytest_asyncio.fixture
async def connection(server: RpcServer, dial: Dial) -> Connection:
    return await dial(server)


def sized(body: bytes) -> bytes:
    return b"POST /v1/tweets HTTP/1.1\r\ncontent-length: %d\r\n\r\n%s" % (len(body), body)


def chunked(*chunks: bytes, trailers: bytes = b"") -> bytes:
    coded = b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks)
    head = b"POST /v1/tweets HTTP/1.1\r\ntransfer-encoding: chunked\r\n\r\n"
    return head + coded + b"0\r\n" + trailers + b"\r\n"


async def test_a_body_is_the_request_however_it_is_framed(connection: Connection) -> None:
    connection.write(sized(b'{"user_id":"7","text":"caf\xc3\xa9"}') + sized(b"") + sized(b"{}"))
    connection.write(chunked(b'{"user_id":', b"8}"))
    answers = [(await connection.answer())[::2] for _ in range(4)]
    assert [status for status, _ in answers] == [201] * 4
    assert b'"user_id":"7","text":"caf\xc3\xa9"' in answers[0][1]
    assert b'"user_id":"0","text":""' in answers[1][1]
    assert answers[1] == answers[2]
    assert b'"user_id":"8"' in answers[3][1]


async def test_what_comes_behind_a_body_is_no_header(
    connection: Connection, tweets: Tweets
) -> None:
    connection.write(chunked(b"{}", trailers=b"x-user-id: 9\r\nx-scope: act:any\r\n"))
    connection.write(sized(b"{}"))
    for _ in range(2):
        assert (await connection.answer())[0] == 201
    assert not any({"x-user-id", "x-scope"} & asked.keys() for asked in tweets.asked)


@pytest.mark.parametrize("framed", [sized, chunked])
async def test_a_body_has_a_bound(connection: Connection, tweets: Tweets, framed: Any) -> None:
    connection.write(framed(b" " * (MAX_BODY_BYTES - 2) + b"{}"))
    assert (await connection.answer())[0] == 201
    # What was sent ahead behind it would get an answer that is not its own.
    connection.write(framed(b" " * (MAX_BODY_BYTES - 1) + b"{}") + sized(b"{}"))
    status, headers, _ = await connection.answer()
    assert (status, headers["connection"]) == (413, "close")
    assert await connection.is_ended()
    assert len(tweets.asked) == 1


@pytest.mark.parametrize(
    "head",
    [
        b"content-length: 2\r\ntransfer-encoding: chunked",
        b"content-length: 2\r\ncontent-length: 3",
        b"content-length: +2",
        b"content-length: 0x2",
        b"transfer-encoding: gzip",
        b"transfer-encoding: chunked, identity",
        b"content-length : 2",
    ],
)
async def test_a_length_that_may_be_read_in_two_ways_ends_the_connection(
    connection: Connection, tweets: Tweets, head: bytes
) -> None:
    connection.write(b"POST /v1/tweets HTTP/1.1\r\n" + head + b"\r\n\r\n{}")
    assert (await connection.answer())[0] == 400
    assert await connection.is_ended()
    assert tweets.asked == []


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("GET", POSTS, 405),
        ("PUT", POSTS, 405),
        ("POST", f"{POSTS}/1", 404),
        ("POST", f"{POSTS}?&&", 201),
        ("POST", f"{POSTS}?user_id=1", 400),
        ("POST", "/healthz?", 404),
        ("POST", "/aviary.tweet.v1.TweetService/CreateTweet", 404),
    ],
)
async def test_nothing_else_is_served(
    connection: Connection, method: str, target: str, status: int
) -> None:
    connection.ask(target, "content-length: 0", method=method)
    assert (await connection.answer())[0] == status
