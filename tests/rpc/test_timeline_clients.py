"""How a timeline asks the tweet service for many authors: in calls that it answers."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.composition.dependencies import service_of
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.parts import LARGEST_TWEETS_PER_ANSWER
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.timeline.backfill import PER_AUTHOR
from services.timeline.clients import (
    CALLS_AT_ONCE,
    MAX_AUTHORS_PER_CALL,
    MAX_IDS_PER_ANSWER,
    TweetClient,
)
from services.timeline.model import WINDOW_IDS

WITHIN_S = 30.0
SERVICE = service_of(pb.DESCRIPTOR)


class Tweets:
    """Each author has two tweets. Calls wait for each other until `wanted` have come."""

    def __init__(self, wanted: int) -> None:
        self.asked: list[pb.ListAuthorTweetsRequest] = []
        self.running = self.most = 0
        self._wanted = wanted

    async def ListAuthorTweets(  # noqa: N802 - the RPC's name
        self, request: pb.ListAuthorTweetsRequest, _context: object
    ) -> pb.ListAuthorTweetsResponse:
        self.asked.append(request)
        self.running += 1
        async with asyncio.timeout(WITHIN_S):
            while len(self.asked) < self._wanted:  # noqa: ASYNC110 - which call is the last, no event says
                await asyncio.sleep(0.01)
        self.most = max(self.most, self.running)
        self.running -= 1
        return pb.ListAuthorTweetsResponse(
            authors=[
                {"user_id": each, "tweet_ids": [each + 10_000, each]} for each in request.user_ids
            ]
        )

    async def StreamTweets(  # noqa: N802 - the RPC's name
        self, _request: object, _context: object
    ) -> AsyncIterator[pb.StreamTweetsResponse]:
        yield pb.StreamTweetsResponse()

    def __getattr__(self, _name: str) -> object:
        async def unused(_request: object, _context: object) -> None:
            raise AssertionError

        return unused


@pytest.mark.parametrize("limit", [1, PER_AUTHOR, WINDOW_IDS])
@pytest.mark.parametrize("count", [0, 1, 2_500, 12_500])
async def test_any_number_of_authors_is_listed(count: int, limit: int) -> None:
    per_call = min(MAX_AUTHORS_PER_CALL, MAX_IDS_PER_ANSWER // limit)
    at_once = min(CALLS_AT_ONCE, -(-count // per_call))
    tweets = Tweets(at_once)
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, tweets)])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    try:
        authors = list(range(1, count + 1))
        client = TweetClient(channel, RpcClient(timeout_s=WITHIN_S))
        found = await client.list_by_authors(authors, None, limit)
    finally:
        await channel.close()
        await server.stop(0)
    assert tweets.most == at_once
    assert found == {each: [each + 10_000, each] for each in authors}
    assert sorted(each for request in tweets.asked for each in request.user_ids) == authors
    for request in tweets.asked:
        assert len(request.user_ids) <= MAX_AUTHORS_PER_CALL
        assert len(request.user_ids) * request.limit <= MAX_IDS_PER_ANSWER


class Bodies(Tweets):
    """Tweets whose texts are as long as a test wants them; every seventh is missing."""

    def __init__(self, text: str) -> None:
        super().__init__(0)
        self.looked_up: list[int] = []
        self._text = text

    async def LookupTweets(  # noqa: N802 - the RPC's name
        self, request: pb.LookupTweetsRequest, _context: object
    ) -> pb.LookupTweetsResponse:
        self.looked_up.append(len(request.tweet_ids))
        return pb.LookupTweetsResponse(
            tweets=[
                {"tweet_id": each, "user_id": 1, "text": self._text}
                for each in request.tweet_ids
                if each % 7
            ],
            missing_ids=[each for each in request.tweet_ids if not each % 7],
        )


@pytest.mark.parametrize(
    ("letters", "calls"), [(280, [58]), (270_000, [58, *[LARGEST_TWEETS_PER_ANSWER] * 4, 2])]
)
async def test_a_page_is_looked_up_at_once_unless_it_is_too_large(
    letters: int, calls: list[int]
) -> None:
    tweets = Bodies("x" * letters)
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, tweets)])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    try:
        client = TweetClient(channel, RpcClient(timeout_s=WITHIN_S))
        found, missing = await client.lookup(range(1, 59))
    finally:
        await channel.close()
        await server.stop(0)
    assert tweets.looked_up == calls
    assert [each.tweet_id for each in found] == [each for each in range(1, 59) if each % 7]
    assert missing == list(range(7, 59, 7))
