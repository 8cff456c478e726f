"""How the engagement service asks its siblings: for tweets of any size, and of any release."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb
from aviary.tweet.v1.tweet_pb2 import Tweet
from aviary.user.v1 import user_service_pb2 as user_pb

from services.engagement.clients import TweetClient, UserClient
from services.platform.composition.dependencies import service_of
from services.platform.error_reasons import Reason
from services.platform.errors import PermissionDeniedError, UnavailableError
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.tweet.content import read_content
from services.tweet.streaming import TWEETS_PER_PAGE

TWEETS = service_of(tweet_pb.DESCRIPTOR)
USERS = service_of(user_pb.DESCRIPTOR)
MESSAGE_BYTES = 4 * 1024 * 1024
LETTERS = 270_000
WITHIN_S = 30.0


class NoStream:
    """What stands in for a tweet service that streams nothing."""

    async def StreamTweets(  # noqa: N802 - the RPC's name
        self, _request: object, _context: object
    ) -> AsyncIterator[tweet_pb.StreamTweetsResponse]:
        raise AssertionError
        yield tweet_pb.StreamTweetsResponse()


class Large(NoStream):
    """Tweets as large as they get; every seventh is missing."""

    async def LookupTweets(  # noqa: N802 - the RPC's name
        self, request: tweet_pb.LookupTweetsRequest, _context: object
    ) -> tweet_pb.LookupTweetsResponse:
        return tweet_pb.LookupTweetsResponse(
            tweets=[
                Tweet(tweet_id=each, user_id=1, text="x" * LETTERS)
                for each in request.tweet_ids
                if each % 7
            ],
            missing_ids=[each for each in request.tweet_ids if not each % 7],
        )

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def unused(_request: object, _context: object) -> None:
            raise AssertionError

        return unused


class Earlier(NoStream):
    """A process whose call table does not have the engagement service yet."""

    def __getattr__(self, _name: str) -> Callable[..., Awaitable[Any]]:
        async def refuse(_request: object, _context: object) -> None:
            raise PermissionDeniedError("it may not call this", reason=Reason.CALLER_NOT_ALLOWED)

        return refuse


@asynccontextmanager
async def channel_to(service: Any, servicer: object) -> AsyncIterator[Any]:
    server = RpcServer("127.0.0.1:0", [Servicer(service, servicer)])
    await server.start()
    channel = open_channel(server.address, [service])
    try:
        yield channel
    finally:
        await channel.close()
        await server.stop(0)


async def test_tweets_too_large_for_one_answer_are_asked_for_in_parts() -> None:
    async with channel_to(TWEETS, Large()) as channel:
        client = TweetClient(channel, RpcClient(timeout_s=WITHIN_S))
        assert await client.missing(range(1, 59)) == list(range(7, 59, 7))
        found = await client.encoded(range(1, 59))
    assert [each.tweet_id for each in found] == [each for each in range(1, 59) if each % 7]


async def test_a_refusal_of_a_release_before_is_waited_out() -> None:
    async with channel_to(TWEETS, Earlier()) as channel:
        with pytest.raises(UnavailableError, match="may not call"):
            await TweetClient(channel, RpcClient()).missing([1])
    async with channel_to(USERS, Earlier()) as channel:
        with pytest.raises(UnavailableError, match="may not call"):
            await UserClient(channel, RpcClient()).missing([1])


async def test_the_largest_tweets_fit_by_as_many_as_are_sent_at_once() -> None:
    urls = " ".join(["https://a.co/" + "я" * 4_067] * 11)
    said = await read_content(urls, "")
    size = len(said.text.encode()) + sum(len(each.url.encode()) for each in said.entities.urls)
    assert 170_000 < size < LETTERS
    for most in (TWEETS_PER_PAGE, LARGEST_TWEETS_PER_ANSWER):
        assert most * LETTERS < MESSAGE_BYTES
