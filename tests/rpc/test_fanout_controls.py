"""The operators' controls: real consumers on a real bus, real rows, a real server."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import grpc
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs
from google.protobuf.message import Message as Proto

from services.fanout.controls import FanoutControls, StoredThreshold
from services.fanout.ports import StoredControls
from services.fanout.servicer import FanoutServicer
from services.fanout.spec import CONTROLS, FANOUT_CLOSE, FANOUT_REST
from services.fanout.store import RowControlStore
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import UnavailableError
from services.platform.rows.port import RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.specs import all_subscriptions
from tests.contract.bus_waits import DEADLINE_S, until
from tests.contract.valkey_servers import valkey_node

DEFAULT = 500
POLL_S = 0.05


class ControlRows(RowControlStore):
    """Rows that can be gone."""

    def __init__(self, rows: RowStore) -> None:
        super().__init__(rows)
        self.gone = False
        self.failed_loads = 0

    async def load(self) -> StoredControls:
        if self.gone:
            self.failed_loads += 1
            raise UnavailableError("gone")
        return await super().load()


@dataclass
class Replica:
    """One fanout process."""

    stub: stubs.FanoutServiceStub
    threshold: StoredThreshold
    store: ControlRows
    seen: list[bytes] = field(default_factory=list)


@dataclass
class World:
    bus: ValkeyStreamsDriver
    rows: RowStore

    @asynccontextmanager
    async def replica(self, *, gone: bool = False) -> AsyncIterator[Replica]:
        async with AsyncExitStack() as stack:
            seen: list[bytes] = []

            async def see(message: Message, _attempt: int) -> None:
                seen.append(message.data)

            consumers = {}
            for name in ("fanout.close", "fanout.rest"):
                consumers[name] = Consumer(
                    self.bus,
                    name,
                    see,
                    policy=RetryPolicy(max_attempts=2, base_s=0.1, cap_s=1.0),
                    concurrency=4,
                    rng=random.Random(1),  # noqa: S311 - jitter, repeatable
                )
                stack.push_async_callback(consumers[name].stop)
            store, threshold = ControlRows(self.rows), StoredThreshold(DEFAULT)
            store.gone = gone
            controls = FanoutControls(store, threshold, consumers, poll_every_s=POLL_S)
            for consumer in consumers.values():
                consumer.start()
            controls.start()
            stack.push_async_callback(controls.stop)
            (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
            servicer = Servicer(descriptor, FanoutServicer(self.bus, controls))
            server = RpcServer("127.0.0.1:0", [servicer])
            await server.start()
            stack.push_async_callback(server.stop, 0)
            channel = await stack.enter_async_context(grpc.aio.insecure_channel(server.address))
            yield Replica(stubs.FanoutServiceStub(channel), threshold, store, seen)


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    await rows.open()
    with valkey_node(tmp_path) as port:
        bus = ValkeyStreamsDriver(f"redis://127.0.0.1:{port}/0", all_subscriptions())
        await bus.declare(all_subscriptions())
        yield World(bus, rows)
        await bus.close()
    await rows.close()


async def paused(replica: Replica) -> list[str]:
    answer = await replica.stub.GetControls(pb.GetControlsRequest())
    return [each.subscription for each in answer.controls.subscriptions if each.paused]


async def test_paused_waits_on_every_replica_until_resumed(world: World) -> None:
    names = pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
    async with world.replica() as one, world.replica() as other:
        for _ in range(2):
            answer = await one.stub.PauseSubscriptions(names)
            assert [each.paused for each in answer.controls.subscriptions] == [False, True]
        # The other has it from the store; asking it changes nothing but waits for its receive.
        await other.stub.PauseSubscriptions(names)
        await world.bus.publish(FANOUT_REST, [Message(b"waits")])
        await world.bus.publish(FANOUT_CLOSE, [Message(b"passes")])
        await until(lambda: one.seen + other.seen == [b"passes"])
        assert await world.bus.backlog("fanout.rest") == 1
        await other.stub.ResumeSubscriptions(
            pb.ResumeSubscriptionsRequest(subscriptions=["fanout.rest", "fanout.close"])
        )
        await until(lambda: sorted(one.seen + other.seen) == [b"passes", b"waits"])
        assert await paused(other) == []


async def test_a_replica_told_by_another_follows(world: World) -> None:
    async with world.replica() as one, world.replica() as other:
        await one.stub.SetCelebrityThreshold(pb.SetCelebrityThresholdRequest(followers=7))
        await one.stub.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
        await until(lambda: other.threshold.followers() == 7)
        async with asyncio.timeout(DEADLINE_S):
            while await paused(other) != ["fanout.rest"]:
                pass


async def test_threshold_moves_and_goes_back(world: World) -> None:
    async with world.replica() as replica:
        for followers, expected in ((7, 7), (9, 9), (0, DEFAULT), (0, DEFAULT)):
            answer = await replica.stub.SetCelebrityThreshold(
                pb.SetCelebrityThresholdRequest(followers=followers)
            )
            assert answer.controls.celebrity_threshold == expected
            assert answer.controls.default_celebrity_threshold == DEFAULT
            assert replica.threshold.followers() == expected


async def test_restart_keeps_what_was_set(world: World) -> None:
    async with world.replica() as before:
        await before.stub.SetCelebrityThreshold(pb.SetCelebrityThresholdRequest(followers=7))
        await before.stub.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
    await world.bus.publish(FANOUT_REST, [Message(b"waits")])
    async with world.replica() as after:
        await world.bus.publish(FANOUT_CLOSE, [Message(b"passes")])
        await until(lambda: after.seen == [b"passes"])
        assert after.threshold.followers() == 7
        assert await paused(after) == ["fanout.rest"]
        assert await world.bus.backlog("fanout.rest") == 1


async def test_nothing_is_consumed_before_the_controls_are_known(world: World) -> None:
    await world.bus.publish(FANOUT_REST, [Message(b"waits")])
    async with world.replica(gone=True) as replica:
        await until(lambda: replica.store.failed_loads > 1)
        assert await paused(replica) == ["fanout.close", "fanout.rest"]
        assert replica.seen == []
        replica.store.gone = False
        await until(lambda: replica.seen == [b"waits"])


async def test_outage_keeps_what_was_known(world: World) -> None:
    async with world.replica() as replica:
        await replica.stub.SetCelebrityThreshold(pb.SetCelebrityThresholdRequest(followers=7))
        await replica.stub.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
        replica.store.gone = True
        await until(lambda: replica.store.failed_loads > 1)
        assert replica.threshold.followers() == 7
        assert await paused(replica) == ["fanout.rest"]
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await replica.stub.SetCelebrityThreshold(pb.SetCelebrityThresholdRequest())
        assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        replica.store.gone = False
        # The write got through: what was answered says to repeat, and this is why it may be.
        await until(lambda: replica.threshold.followers() == DEFAULT)


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        ("SetCelebrityThreshold", pb.SetCelebrityThresholdRequest(followers=-1), "followers"),
        ("SetCelebrityThreshold", pb.SetCelebrityThresholdRequest(followers=1 << 62), "followers"),
        ("PauseSubscriptions", pb.PauseSubscriptionsRequest(), "subscriptions"),
        (
            "PauseSubscriptions",
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest", "tweet.erasure"]),
            "subscriptions",
        ),
        (
            "ResumeSubscriptions",
            pb.ResumeSubscriptionsRequest(subscriptions=["nobody"]),
            "subscriptions",
        ),
    ],
)
async def test_bad_requests_name_the_field_and_change_nothing(
    world: World, method: str, request_: Proto, field: str
) -> None:
    async with world.replica() as replica:
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await getattr(replica.stub, method)(request_)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error.value.details().startswith(field)
        assert await RowControlStore(world.rows).load() == StoredControls(None, frozenset())
