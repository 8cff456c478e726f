"""What each command about tweets in quarantine does, once its options are read."""

import os
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import click
import grpc.aio
from aviary.tweet.v1 import tweet_service_pb2 as pb
from aviary.tweet.v1.tweet_service_pb2_grpc import TweetServiceStub

from services.cli.operate.calling import channel_to, explained
from services.cli.operate.client import TIMEOUT_S
from services.cli.operate.finding import Found, find
from services.cli.operate.showing import show_table
from services.cli.options import echo_json
from services.platform.rpc.rpc_client import RpcClient
from services.platform.specs import server_of

__all__ = ["clear", "hide", "quarantined", "show_as_json", "show_as_table"]

TWEETS: Final = "aviary.tweet.v1.TweetService"


class TweetClient:
    """A client of `aviary.tweet.v1.TweetService`; every method raises `OperateError`."""

    def __init__(self, found: Found, channel: grpc.aio.Channel) -> None:
        self._found = found
        self._stub = TweetServiceStub(channel)
        self._rpc = RpcClient(timeout_s=TIMEOUT_S)

    async def quarantined(self, limit: int) -> Sequence[pb.QuarantinedTweet]:
        """List up to `limit` tweets that are hidden, the oldest first."""
        with explained(self._found):
            request = pb.ListQuarantinedTweetsRequest(limit=limit)
            return (await self._rpc.call(self._stub.ListQuarantinedTweets, request)).tweets

    async def hide(self, tweet_id: int, reason: str) -> None:
        """Hide a tweet."""
        with explained(self._found):
            request = pb.QuarantineTweetRequest(tweet_id=tweet_id, reason=reason)
            await self._rpc.call(self._stub.QuarantineTweet, request)

    async def clear(self, tweet_id: int) -> None:
        """Have a tweet shown again."""
        with explained(self._found):
            await self._rpc.call(self._stub.ClearTweet, pb.ClearTweetRequest(tweet_id=tweet_id))


@asynccontextmanager
async def _reached(data_dir: Path | None) -> AsyncIterator[TweetClient]:
    """Open a channel for a while."""
    found = find(server_of(TWEETS).name, data_dir, os.environ)
    async with channel_to(found, pb.DESCRIPTOR) as channel:
        yield TweetClient(found, channel)


async def quarantined(data_dir: Path | None, limit: int, *, as_json: bool = False) -> None:
    """Print one line for each tweet that is hidden."""
    async with _reached(data_dir) as client:
        listed = await client.quarantined(limit)
    (show_as_json if as_json else show_as_table)(listed)


async def hide(data_dir: Path | None, tweet_id: int, reason: str) -> None:
    """Hide a tweet."""
    async with _reached(data_dir) as client:
        await client.hide(tweet_id, reason)
    click.echo(f"tweet {tweet_id} is in quarantine")


async def clear(data_dir: Path | None, tweet_id: int) -> None:
    """Show a tweet again."""
    async with _reached(data_dir) as client:
        await client.clear(tweet_id)
    click.echo(f"tweet {tweet_id} is shown again")


def show_as_table(listed: Iterable[pb.QuarantinedTweet]) -> None:
    """Print one line for each tweet, without what it says."""
    rows = [
        (str(each.tweet_id), str(each.user_id), each.quarantined_at.ToJsonString(), each.reason)
        for each in listed
    ]
    show_table([("tweet", "author", "since", "found"), *rows])


def show_as_json(listed: Iterable[pb.QuarantinedTweet]) -> None:
    """`{"tweets": [{"tweet_id", "user_id", "quarantined_at", "reason", "text"}]}`."""
    echo_json(
        {
            "tweets": [
                {
                    "tweet_id": str(each.tweet_id),
                    "user_id": str(each.user_id),
                    "quarantined_at": each.quarantined_at.ToJsonString(),
                    "reason": each.reason,
                    "text": each.text,
                }
                for each in listed
            ]
        }
    )
