"""What the tweet service tells the edge of a post."""

from collections.abc import AsyncIterator
from typing import Any, cast

import grpc
import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_service_pb2 as pb
from aviary.tweet.v1 import tweet_service_pb2_grpc as pb_grpc

from services.platform.composition.dependencies import service_of
from services.platform.rpc.content_digest import CONTENT_DIGEST_KEY
from services.platform.rpc.server import RpcServer, Servicer
from services.tweet.model import Tweet
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer
from tests.undrawn import undrawn


class Posting:
    """Takes every text as it is."""

    async def create(self, user_id: int, text: str, **_: object) -> Tweet:
        return Tweet(1, user_id, text, created_at_ms=0, in_reply_to_tweet_id=0, quote_tweet_id=0)


@pytest_asyncio.fixture
async def stub() -> AsyncIterator[pb_grpc.TweetServiceStub]:
    none = cast("Any", None)
    servicer: Any = TweetServicer(cast("TweetService", Posting()), *[none] * 6, undrawn(), none)
    server = RpcServer("127.0.0.1:0", [Servicer(service_of(pb.DESCRIPTOR), servicer)])
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield pb_grpc.TweetServiceStub(channel)
    await server.stop(0)


async def digest(stub: pb_grpc.TweetServiceStub, text: str) -> str:
    call = stub.CreateTweet(pb.CreateTweetRequest(user_id=1, text=text))
    metadata = dict(await call.initial_metadata())
    await call
    return str(metadata[CONTENT_DIGEST_KEY])


@pytest.mark.parametrize("text", [" buy this", "BUY THIS\n", "buy this"])
async def test_an_answer_says_by_a_digest_which_posts_are_alike(
    stub: pb_grpc.TweetServiceStub, text: str
) -> None:
    said = await digest(stub, text)
    assert said == await digest(stub, "Buy this")
    assert said != await digest(stub, "buy that")
    assert "buy" not in said.casefold()
