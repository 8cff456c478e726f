"""Planning the fan-out of an author with many followers: real graph service, real bus."""

import random
import struct
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import grpc.aio
import pytest
from aviary.graph.v1 import graph_service_pb2 as pb
from aviary.graph.v1.graph_service_pb2_grpc import GraphServiceStub

from services.cli.serving import running
from services.fanout.clients import FollowersClient
from services.fanout.consumers import FanoutConsumers
from services.fanout.jobs import BusJobs, decode_fanout_job
from services.fanout.lag import FanoutLag
from services.fanout.model import Audience
from services.fanout.planning import PLAN_MAX_S, Planning
from services.graph.keys import edge_row_key
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import BusDriver, Message, Received, Subscription
from services.platform.bus.tracing import traced_handler
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.config.settings import Settings
from services.platform.rows.port import RowMutation, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.channels import open_channel
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.specs import all_subscriptions
from tests.contract.valkey_servers import valkey_node
from tests.tweet_messages import created

AUTHOR, TWEET = 7, 70
FOLLOWERS = 20_500
FRIENDS = range(1_001, 1_011)
"""Followers whom the author follows back."""
DEADLINE_S = 60.0


@dataclass(frozen=True, slots=True)
class World:
    graph: FollowersClient
    stub: GraphServiceStub
    bus: ValkeyStreamsDriver


class CountedBus:
    """The real bus, with a count of what is asked of it."""

    def __init__(self, driver: BusDriver) -> None:
        self._driver = driver
        self.published: list[tuple[str, int]] = []

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        self.published.append((topic, len(messages)))
        await self._driver.publish(topic, messages)


class SteppingTime:
    """Time in which each look takes `step_s`."""

    def __init__(self, step_s: float) -> None:
        self._step_s = step_s
        self._now_s = 0.0

    def __call__(self) -> float:
        self._now_s += self._step_s
        return self._now_s


async def _follow(data_dir: Path) -> None:
    """Write follows as the graph service keeps them: by RPC this many would take a minute."""
    tables = [TableSpec("followers"), TableSpec("following"), TableSpec("follow_counts")]
    store = SqliteRowStore(data_dir / "graph.db", tables, SystemClock())
    await store.open()
    await store.mutate(
        [
            RowMutation("followers", edge_row_key(AUTHOR, AUTHOR + n), {b"state": b"1"})
            for n in range(1, FOLLOWERS + 1)
        ]
    )
    followed = {struct.pack(">Q", friend): b"1" for friend in FRIENDS}
    await store.mutate([RowMutation("following", b"%016x" % AUTHOR, followed)])
    await store.close()


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    with ExitStack() as processes:
        port = processes.enter_context(valkey_node(tmp_path))
        settings = Settings.from_environment(
            {
                "AVIARY_DATA_DIR": str(tmp_path / "data"),
                "AVIARY_BUS_VALKEY_URL": f"redis://127.0.0.1:{port}/0",
                "AVIARY_CACHE_VALKEY_URL": f"redis://127.0.0.1:{port}/1",
            }
        )
        async with AsyncExitStack() as stack:
            for name in ("id", "graph"):
                servicers = await stack.enter_async_context(running(name, settings))
                server = RpcServer("127.0.0.1:0", servicers)
                await server.start()
                stack.push_async_callback(server.stop, 0)
                addresses = {**settings.addresses, name: server.address}
                settings = replace(settings, addresses=addresses)
            await _follow(settings.data_dir)
            driver = ValkeyStreamsDriver(settings.bus_valkey_url, all_subscriptions())
            stack.push_async_callback(driver.close)
            (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
            channel = open_channel(settings.addresses["graph"], [descriptor])
            stack.push_async_callback(channel.close)
            yield World(FollowersClient(channel, RpcClient()), GraphServiceStub(channel), driver)


def _planning(world: World, bus: BusDriver | CountedBus, step_s: float) -> Planning:
    # Nothing is pushed at once of an author with more followers than a page.
    unused: Any = None
    return Planning(
        followers=world.graph,
        deliveries=NoDeliveries(),
        celebrities=Nobody(),
        jobs=BusJobs(bus),
        timelines=unused,
        threshold=EverybodyPushes(),
        lag=FanoutLag(SystemClock()),
        now_s=SteppingTime(step_s),
    )


class EverybodyPushes:
    def followers(self) -> int:
        return FOLLOWERS


class NoDeliveries:
    async def decide(self, tweet_id: int, *, push: bool) -> bool:
        raise AssertionError(f"{tweet_id} was decided without a call ({push})")


class Nobody:
    async def add(self, author: int) -> None:
        raise AssertionError(f"{author} is no celebrity")


async def _jobs(bus: BusDriver, subscription: str) -> list[int]:
    """The followers of all jobs that wait, with doubles."""
    found: list[int] = []
    while received := await bus.receive(subscription, max_messages=100, wait_s=0.1):
        for each in received:
            job = decode_fanout_job(each.message.data)
            assert job.tweet_id == TWEET
            assert len(job.follower_ids) <= 1_000
            found += job.follower_ids
        await bus.ack(subscription, received)
    return found


async def test_plan_queues_every_follower_once_in_few_publishes(world: World) -> None:
    bus = CountedBus(world.bus)
    planning = _planning(world, bus, step_s=0)
    await planning.plan({TWEET: AUTHOR})
    # Large authors are planned beside others, who do not wait for them.
    assert bus.published == [("fanout-legs", 1)]
    await planning.plan_from(AUTHOR, TWEET, None)
    close, rest = await _jobs(world.bus, "fanout.close"), await _jobs(world.bus, "fanout.rest")
    assert sorted(close) == list(FRIENDS)
    assert sorted(close + rest) == [AUTHOR + n for n in range(1, FOLLOWERS + 1)]
    sizes = [count for topic, count in bus.published if topic == "fanout-rest"]
    # The first page goes at once, the others in ever larger batches: 21 pages.
    assert sizes == [1, 2, 4, 8, 6]
    # A stream of all of them put the count right.
    assert await world.graph.audiences([AUTHOR]) == [Audience(AUTHOR, FOLLOWERS, None)]


async def test_long_plan_goes_on_in_continuations_of_bounded_time(world: World) -> None:
    # After four looks at the time the rest is left to a continuation.
    planning = _planning(world, world.bus, step_s=PLAN_MAX_S / 3)
    unused: Any = None
    consumers = FanoutConsumers(planning, unused, unused)
    continuations: list[Received] = []

    async def plan_on(body: bytes) -> None:
        continuations.append(Received(Message(body), "", 1))
        await consumers.plan_on(body)

    await consumers.plan([created(TWEET, AUTHOR)])
    assert await world.bus.backlog("fanout.legs") == 1
    consumer = Consumer(
        world.bus,
        "fanout.legs",
        traced_handler(Subscription("fanout.legs", "fanout-legs"), plan_on, "valkey"),
        policy=RetryPolicy(max_attempts=2, base_s=0.1, cap_s=1.0),
        concurrency=1,
        rng=random.Random(1),  # noqa: S311 - jitter, repeatable
    )
    await consumer.start()
    close: list[int] = []
    rest: list[int] = []
    deadline = time.monotonic() + DEADLINE_S
    while len(close) + len(rest) < FOLLOWERS:
        assert time.monotonic() < deadline, f"{len(close) + len(rest)} so far"
        close += await _jobs(world.bus, "fanout.close")
        rest += await _jobs(world.bus, "fanout.rest")
    await consumer.stop()
    assert sorted(close) == list(FRIENDS)
    assert sorted(close + rest) == [AUTHOR + n for n in range(1, FOLLOWERS + 1)]
    assert len(continuations) >= 3
    assert await world.bus.backlog("fanout.legs") == 0


async def test_stream_of_followers_resumes_after_an_id(world: World) -> None:
    pages = [page async for page in world.graph.pages(AUTHOR, AUTHOR + FOLLOWERS - 3)]
    assert pages == [([], [AUTHOR + FOLLOWERS - 2, AUTHOR + FOLLOWERS - 1, AUTHOR + FOLLOWERS])]
    assert [page async for page in world.graph.pages(AUTHOR, AUTHOR + FOLLOWERS)] == []
    request = pb.StreamFollowersRequest(user_id=AUTHOR, page_size=1, after_follower_id=-1)
    with pytest.raises(grpc.aio.AioRpcError, match="after_follower_id"):
        _ = [page async for page in world.stub.StreamFollowers(request)]
