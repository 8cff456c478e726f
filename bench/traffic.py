"""What is asked of Aviary and the references: requests as they go over a socket."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from statistics import mean

import grpc.aio
from aviary.timeline.v1 import timeline_service_pb2 as pb
from aviary.tweet.v1 import tweet_pb2, tweet_service_pb2
from google.protobuf.message import Message

from bench.aviary import Aviary, channel_of_edge
from bench.context import Bench
from bench.load.plan import Plan
from bench.rpcs import AS_THE_EDGE, HOME_RPC, USER_RPC
from services.local.readiness import HOST
from services.platform.ids.snowflake_time import time_ms

__all__ = [
    "PAGE",
    "at_rate",
    "get",
    "home_pages",
    "home_reads",
    "is_full",
    "plan_of",
    "post",
    "post_answers",
    "posts",
    "tweets_on",
    "user_pages",
]

PAGE = 50
FULL = 0.95
# Different bodies of one plan; they go round.
POSTS = 2_000


def get(path: str, token: str) -> str:
    """Build a GET."""
    return f"GET {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n\r\n"


def post(path: str, body: Mapping[str, object], token: str) -> str:
    """Build a POST of JSON, in ASCII."""
    content = json.dumps(body, separators=(",", ":"))
    return (
        f"POST {path} HTTP/1.1\r\nhost: bench\r\nauthorization: Bearer {token}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(content)}\r\n\r\n{content}"
    )


def plan_of(bench: Bench, requests: Sequence[str], *, port: int | None = None) -> Plan:
    """Plan a closed loop of these, at Aviary's edge or at another port."""
    return Plan(
        host=HOST,
        port=bench.aviary.port if port is None else port,
        requests=requests,
        connections=bench.options.connections,
        seconds=bench.options.seconds,
    )


def at_rate(plan: Plan, rate: float, connections: int = 128) -> Plan:
    """Make an open loop of a plan."""
    return replace(plan, rate=rate, connections=connections)


def home_reads(bench: Bench, viewers: Sequence[int], limit: int = PAGE) -> list[str]:
    """Read the first page of each one's home."""
    token = bench.aviary.token()
    return [get(f"/v1/timeline/home?user_id={one}&limit={limit}", token) for one in viewers]


def posts(bench: Bench, authors: Sequence[int]) -> list[str]:
    """Post texts of the world's as these authors, in turn."""
    token, texts = bench.aviary.token(), bench.world.texts
    pairs = zip(itertools.cycle(authors), itertools.islice(itertools.cycle(texts), POSTS))
    return [post("/v1/tweets", {"user_id": str(a), "text": text}, token) for a, text in pairs]


def post_answers(bench: Bench) -> list[bytes]:
    """Give answers to posts of the world's texts, as the tweet service encodes them."""
    return [_post_answer(*tweet) for tweet in bench.world.tweets[:POSTS]]


def _post_answer(tweet_id: int, author: int, text: str) -> bytes:
    tweet = tweet_pb2.Tweet(tweet_id=tweet_id, user_id=author, text=text)
    tweet.created_at.FromMilliseconds(time_ms(tweet_id))
    return tweet_service_pb2.CreateTweetResponse(
        tweet=tweet, tweet_id=tweet_id, created_at=tweet.created_at
    ).SerializeToString()


def home_pages(aviary: Aviary, viewers: Sequence[int], limit: int = PAGE) -> list[bytes]:
    """Give the pages that those reads answer with, as the timeline service encodes them."""
    requests = [pb.GetHomeTimelineRequest(user_id=viewer, limit=limit) for viewer in viewers]
    return asyncio.run(_pages(aviary, HOME_RPC, requests))


def user_pages(aviary: Aviary, users: Sequence[int], limit: int) -> list[bytes]:
    """Give the pages of these users' own timelines, encoded likewise."""
    requests = [pb.GetUserTimelineRequest(user_id=user, limit=limit) for user in users]
    return asyncio.run(_pages(aviary, USER_RPC, requests))


def is_full(pages: Sequence[bytes]) -> bool:
    """Say whether pages are what they are called: of 50 tweets, but for a few."""
    return tweets_on(pages) >= PAGE * FULL


def tweets_on(pages: Sequence[bytes]) -> float:
    """Give the mean number of tweets on pages."""
    return mean(len(pb.GetHomeTimelineResponse.FromString(page).tweets) for page in pages)


async def _pages(aviary: Aviary, rpc: str, requests: Sequence[Message]) -> list[bytes]:
    async with channel_of_edge(aviary.data_dir, "timeline") as channel:
        call: grpc.aio.UnaryUnaryMultiCallable[bytes, bytes] = channel.unary_unary(rpc)
        return [await call(one.SerializeToString(), metadata=AS_THE_EDGE) for one in requests]
