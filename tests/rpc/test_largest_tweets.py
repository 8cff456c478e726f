"""The largest tweets that there can be pass every channel on which an index reads tweets."""

from collections.abc import AsyncIterator, Sequence
from typing import Any, cast

import pytest
from aviary.tweet.v1 import tweet_service_pb2 as pb

from services.platform.composition.dependencies import service_of
from services.platform.rpc.channels import open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.text.urls import MAX_URL_CHARS
from services.search.clients import TweetClient
from services.tweet.content import read_content
from services.tweet.model import MediaRef, Retweet, Tweet, TweetSlice
from services.tweet.servicer import TweetServicer
from services.tweet.streaming import TweetStreaming
from tests.undrawn import undrawn

SERVICE = service_of(pb.DESCRIPTOR)
HOST = "https://a.co/"
LONGEST = HOST + "\u1e01" * (MAX_URL_CHARS - len("https://") - len(HOST))
LONGEST_ID = (1 << 63) - 1
ALT = "\U0001f600" * 1_000
COUNT = 45
WITHIN_S = 30.0


class Largest:
    """Tweets 1 to `COUNT`, each of the most that a tweet can say; a service and a store."""

    def __init__(self, tweets: Sequence[Tweet]) -> None:
        self._tweets = tweets

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[Tweet], list[int]]:
        return [each for each in self._tweets if each.tweet_id in tweet_ids], []

    async def read_slice(self, after: int | None, limit: int) -> TweetSlice:
        found = tuple(each for each in self._tweets if each.tweet_id > (after or 0))[:limit]
        ended = len(found) < limit
        return TweetSlice(found, None if ended else found[-1].tweet_id, 100)


class NoRetweets:
    async def lookup(self, _ids: Sequence[int]) -> list[Retweet]:
        return []


@pytest.fixture
async def client() -> AsyncIterator[TweetClient]:
    said = await read_content(" ".join([LONGEST] * 11), "en")
    assert len(said.entities.urls) == 11
    tweets = [
        Tweet(
            *(each, 7, said.text, 1_800_000_000_000, 0, 0, said.entities, said.language),
            media_refs=tuple(
                MediaRef(LONGEST_ID - n, "image/jpeg", 8192, 8192, "b" * 28, ALT) for n in range(4)
            ),
        )
        for each in range(1, COUNT + 1)
    ]
    largest: Any = Largest(tweets)
    servicer = TweetServicer(
        largest,
        TweetStreaming(largest),
        cast("Any", NoRetweets()),
        *[cast("Any", None)] * 4,
        undrawn(),
        cast("Any", None),
    )
    server = RpcServer("127.0.0.1:0", [Servicer(SERVICE, servicer)])
    await server.start()
    channel = open_channel(server.address, [SERVICE])
    yield TweetClient(channel, RpcClient(timeout_s=WITHIN_S))
    await channel.close()
    await server.stop(0)


async def test_they_are_looked_up(client: TweetClient) -> None:
    found = await client.read(range(1, COUNT + 1))
    assert [each.tweet_id for each in found] == list(range(1, COUNT + 1))


async def test_they_are_streamed(client: TweetClient) -> None:
    found, after, _ = await client.read_all(0, COUNT + 1)
    assert [each.tweet_id for each in found] == list(range(1, COUNT + 1))
    assert after is None
