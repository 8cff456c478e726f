"""Whose tweets are pushed, for a while."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs

from bench.aviary import Aviary

__all__ = ["celebrities_above"]

DEFAULT = 0


@contextmanager
def celebrities_above(aviary: Aviary, followers: int) -> Iterator[None]:
    """Leave tweets to readers whose authors have more followers; they stay celebrities for good."""
    asyncio.run(_set(aviary, followers))
    try:
        yield
    finally:
        asyncio.run(_set(aviary, DEFAULT))


async def _set(aviary: Aviary, followers: int) -> None:
    async with aviary.channel("fanout") as channel:
        stub: stubs.FanoutServiceAsyncStub = stubs.FanoutServiceStub(channel)
        await stub.SetCelebrityThreshold(pb.SetCelebrityThresholdRequest(followers=followers))
