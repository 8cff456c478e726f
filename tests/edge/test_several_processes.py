"""An edge in front of a service with two processes: both are asked, and one alone when one dies."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
from aviary.tweet.v1 import tweet_service_pb2 as tweet_pb

from services.platform.composition.dependencies import service_of
from services.platform.rpc.server import HttpAt, RpcServer, Servicer
from tests.edge.conftest import FOUND_ID, Edge, Tweets, running_edge

AT_ONCE = 40
"""Enough that without a rule of where to try again some calls would meet the dead one each time."""


class Counted(Tweets):
    """Counts what it is asked."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = self.posts = 0

    async def GetTweet(self, request, context):  # noqa: N802
        self.reads += 1
        return await super().GetTweet(request, context)

    async def CreateTweet(self, request, context):  # noqa: N802
        self.posts += 1
        return await super().CreateTweet(request, context)


class Process(NamedTuple):
    tweets: Counted
    server: RpcServer


class World(NamedTuple):
    edge: Edge
    processes: list[Process]


async def started() -> Process:
    tweets = Counted()
    served = [Servicer(service_of(tweet_pb.DESCRIPTOR), tweets)]
    process = Process(tweets, RpcServer("127.0.0.1:0", served, http=HttpAt("127.0.0.1:0")))
    await process.server.start()
    return process


@pytest_asyncio.fixture
async def world() -> AsyncIterator[World]:
    processes = [await started(), await started()]
    grpc = ",".join(each.server.address for each in processes)
    http = ",".join(f"127.0.0.1:{each.server.http_port}" for each in processes)
    async with running_edge(
        backends={"tweet": grpc},
        json_backends={"tweet": http},
        unauthenticated=True,
        limits=False,
    ) as edge:
        yield World(edge, processes)
    for each in processes:
        await each.server.stop(0)


async def statuses(world: World, method: str, path: str, **request: Any) -> set[int]:
    answers = await asyncio.gather(
        *(world.edge.client.request(method, path, **request) for _ in range(AT_ONCE))
    )
    return {answer.status_code for answer in answers}


async def read(world: World) -> set[int]:
    return await statuses(world, "GET", f"/v1/tweets/{FOUND_ID}")


async def post(world: World) -> set[int]:
    return await statuses(world, "POST", "/v1/tweets", json={"user_id": "1", "text": "hi"})


async def test_both_are_asked(world: World) -> None:
    assert await read(world) == {200}
    assert await post(world) == {201}
    for tweets, _ in world.processes:
        assert tweets.reads > 0
        assert tweets.posts > 0


@pytest.mark.parametrize("gone", [0, 1])
async def test_calls_that_meet_one_that_is_gone_go_to_the_other(world: World, gone: int) -> None:
    assert await read(world) == {200}
    assert await post(world) == {201}
    await world.processes[gone].server.stop(0)
    # Before a health check can have told.
    assert await read(world) == {200}
    assert await post(world) == {201}
