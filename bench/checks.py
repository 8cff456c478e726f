"""Checks that what is compared does the same work, and that what is counted has been done."""

import struct
from collections.abc import Sequence

import httpx
from redis import Redis

from bench.context import Bench
from bench.errors import BenchError
from services.local.readiness import HOST
from services.timeline.keys import home_list_key

__all__ = ["check_pushed", "check_same_bytes", "check_same_tweets", "hot_heads"]

CHECKED = 5
ID = struct.Struct(">Q")
"""How a hot list holds a tweet."""


def check_same_bytes(bench: Bench, port: int, viewer: int, limit: int) -> None:
    """Compare Aviary's page with the next one of the limit at a port. Raises `BenchError`."""
    ours, theirs = (_home(bench, one, viewer, limit) for one in (bench.aviary.port, port))
    if ours.content != theirs.content:
        raise BenchError(
            f"the limit answers {len(theirs.content)} bytes, Aviary {len(ours.content)} others"
        )


def check_same_tweets(bench: Bench, port: int, viewers: Sequence[int], limit: int) -> None:
    """Compare pages of both by the tweets on them. Raises `BenchError`."""
    for viewer in viewers[:CHECKED]:
        ours, theirs = (
            [tweet["tweet_id"] for tweet in _home(bench, one, viewer, limit).json()["tweets"]]
            for one in (bench.aviary.port, port)
        )
        if ours != theirs:
            raise BenchError(f"user {viewer} is shown other tweets by one than by the other")


def check_pushed(bench: Bench, viewers: Sequence[int], tweet_id: int) -> None:
    """Look whether all these hot timelines begin with the tweet. Raises `BenchError`."""
    with bench.aviary.cache() as cache:
        heads = hot_heads(cache, [home_list_key(one) for one in viewers])
    if missing := sum(head != ID.pack(tweet_id) for head in heads):
        raise BenchError(f"{missing} of {len(viewers)} timelines lack the last tweet")


def hot_heads(cache: Redis, keys: Sequence[bytes]) -> list[bytes | None]:
    """Give the newest entry of each list, in one round trip; None for one that is not there."""
    with cache.pipeline(transaction=False) as pipeline:
        for key in keys:
            pipeline.lindex(key, 0)
        found: list[bytes | None] = pipeline.execute()
    return found


def _home(bench: Bench, port: int, viewer: int, limit: int) -> httpx.Response:
    answer = httpx.get(
        f"http://{HOST}:{port}/v1/timeline/home",
        params={"user_id": viewer, "limit": limit},
        headers={"authorization": f"Bearer {bench.aviary.token()}"},
    )
    answer.raise_for_status()
    return answer
