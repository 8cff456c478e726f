"""Pauses and the threshold: real consumers on a real bus, real rows, a real server."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import grpc
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as fanout_pb
from aviary.queue.v1 import queue_service_pb2 as pb
from google.protobuf.message import Message as Proto

from services.fanout.spec import CONTROLS, FANOUT_CLOSE, FANOUT_REST
from services.fanout.store import RowThresholdStore
from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import UnavailableError
from services.platform.queues.store import RowPauseStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.specs import all_subscriptions
from services.user.spec import USER_EVENTS
from tests.contract.bus_waits import DEADLINE_S, until
from tests.contract.valkey_servers import valkey_node
from tests.rpc.queue_world import DEFAULT, Process, World

FANOUT = ("fanout.close", "fanout.rest")


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


async def shows(process: Process, *names: str) -> None:
    """Wait until it lists these as paused, and no others."""
    async with asyncio.timeout(DEADLINE_S):
        while await process.paused() != sorted(names):
            pass


async def test_what_is_paused_waits_on_every_replica_until_resumed(world: World) -> None:
    names = pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
    async with world.process(*FANOUT) as one, world.process(*FANOUT) as other:
        for _ in range(2):
            answer = await one.queues.PauseSubscriptions(names)
            assert [p.subscription for p in answer.pauses] == [s.name for s in all_subscriptions()]
            assert [p.subscription for p in answer.pauses if p.paused] == ["fanout.rest"]
        # The other has it from the store; asking it changes nothing but waits for its receive.
        await other.queues.PauseSubscriptions(names)
        await world.bus.publish(FANOUT_REST, [Message(b"waits")])
        await world.bus.publish(FANOUT_CLOSE, [Message(b"passes")])
        await until(lambda: one.seen + other.seen == [b"passes"])
        assert await world.bus.backlog("fanout.rest") == 1
        await other.queues.ResumeSubscriptions(pb.ResumeSubscriptionsRequest(subscriptions=FANOUT))
        await until(lambda: sorted(one.seen + other.seen) == [b"passes", b"waits"])
        assert await other.paused() == []


@pytest.mark.parametrize("name", ["tweet.erasure", "graph.erasure", "identity.erasure"])
async def test_any_service_is_paused_in_its_own_processes(world: World, name: str) -> None:
    async with (
        world.process(*FANOUT) as operated,
        world.process(name) as one,
        world.process(name) as replica,
    ):
        await operated.queues.PauseSubscriptions(pb.PauseSubscriptionsRequest(subscriptions=[name]))
        # Both take nothing, and both show it.
        for each in (one, replica):
            await shows(each, name)
            assert each.pauses.taking_nothing() == {name: True}
            await each.queues.PauseSubscriptions(pb.PauseSubscriptionsRequest(subscriptions=[name]))
        assert operated.pauses.taking_nothing() == dict.fromkeys(FANOUT, False)
        await world.bus.publish(USER_EVENTS, [Message(b"waits")])
        await world.bus.publish(FANOUT_REST, [Message(b"passes")])
        await until(lambda: operated.seen == [b"passes"])
        assert one.seen + replica.seen == []
        assert await world.bus.backlog(name) == 1
        await operated.queues.ResumeSubscriptions(
            pb.ResumeSubscriptionsRequest(subscriptions=[name])
        )
        await until(lambda: one.seen + replica.seen == [b"waits"])


async def test_every_process_follows_what_another_was_asked(world: World) -> None:
    async with world.process("graph.erasure") as one, world.process(*FANOUT) as other:
        await one.fanout.SetCelebrityThreshold(fanout_pb.SetCelebrityThresholdRequest(followers=7))
        await one.queues.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest", "tweet.erasure"])
        )
        await until(lambda: other.threshold.in_force == 7)
        await shows(other, "fanout.rest", "tweet.erasure")


async def test_the_older_contract_pauses_the_fan_out_alone(world: World) -> None:
    async with world.process(*FANOUT) as process:
        await process.queues.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["tweet.erasure"])
        )
        answer = await process.fanout.PauseSubscriptions(
            fanout_pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
        states = {each.subscription: each.paused for each in answer.controls.subscriptions}
        assert len(states) == 6
        assert [name for name in states if states[name]] == ["fanout.rest"]
        assert await process.own_paused() == ["fanout.rest"]
        assert await process.paused() == ["fanout.rest", "tweet.erasure"]
        with pytest.raises(grpc.aio.AioRpcError, match=r"'tweet\.erasure' is not one of"):
            await process.fanout.ResumeSubscriptions(
                fanout_pb.ResumeSubscriptionsRequest(subscriptions=["tweet.erasure"])
            )
        await process.fanout.ResumeSubscriptions(
            fanout_pb.ResumeSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
        assert await process.paused() == ["tweet.erasure"]


async def test_threshold_moves_and_goes_back(world: World) -> None:
    async with world.process() as process:
        for followers, expected in ((7, 7), (9, 9), (0, DEFAULT), (0, DEFAULT)):
            answer = await process.fanout.SetCelebrityThreshold(
                fanout_pb.SetCelebrityThresholdRequest(followers=followers)
            )
            assert answer.controls.celebrity_threshold == expected
            assert answer.controls.default_celebrity_threshold == DEFAULT
            assert process.threshold.followers() == expected


async def test_restart_keeps_what_was_set(world: World) -> None:
    async with world.process(*FANOUT) as before:
        await before.fanout.SetCelebrityThreshold(
            fanout_pb.SetCelebrityThresholdRequest(followers=7)
        )
        await before.queues.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
    await world.bus.publish(FANOUT_REST, [Message(b"waits")])
    async with world.process(*FANOUT) as after:
        await world.bus.publish(FANOUT_CLOSE, [Message(b"passes")])
        await until(lambda: after.seen == [b"passes"])
        assert after.threshold.followers() == 7
        assert await after.paused() == ["fanout.rest"]
        assert await world.bus.backlog("fanout.rest") == 1


async def test_nothing_is_consumed_or_decided_before_what_is_set_is_known(world: World) -> None:
    await world.bus.publish(FANOUT_REST, [Message(b"waits")])
    async with world.process(*FANOUT, gone=True) as process:
        await until(lambda: process.rows.failed_reads > 2)
        assert process.pauses.taking_nothing() == dict.fromkeys(FANOUT, True)
        listed = (await process.queues.ListQueues(pb.ListQueuesRequest())).queues
        assert not any(each.HasField("paused") for each in listed)
        assert len(await process.own_paused()) == 6
        assert process.seen == []
        with pytest.raises(UnavailableError):
            process.threshold.followers()
        process.rows.gone = False
        await until(lambda: process.seen == [b"waits"])
        await until(lambda: process.threshold.in_force == DEFAULT)


async def test_outage_keeps_what_was_known(world: World) -> None:
    async with world.process(*FANOUT) as process:
        await process.fanout.SetCelebrityThreshold(
            fanout_pb.SetCelebrityThresholdRequest(followers=7)
        )
        await process.queues.PauseSubscriptions(
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest"])
        )
        process.rows.gone = True
        await until(lambda: process.rows.failed_reads > 2)
        assert process.threshold.followers() == 7
        assert await process.paused() == ["fanout.rest"]
        for call in (
            process.fanout.SetCelebrityThreshold(fanout_pb.SetCelebrityThresholdRequest()),
            process.queues.ResumeSubscriptions(
                pb.ResumeSubscriptionsRequest(subscriptions=["fanout.rest"])
            ),
        ):
            with pytest.raises(grpc.aio.AioRpcError) as error:
                await call
            assert error.value.code() is grpc.StatusCode.UNAVAILABLE
        process.rows.gone = False
        # The writes got through: what was answered says to repeat, and this is why it may be.
        await until(lambda: process.threshold.followers() == DEFAULT)
        await shows(process)


@pytest.mark.parametrize(
    ("method", "request_", "field"),
    [
        (
            "SetCelebrityThreshold",
            fanout_pb.SetCelebrityThresholdRequest(followers=-1),
            "followers",
        ),
        (
            "SetCelebrityThreshold",
            fanout_pb.SetCelebrityThresholdRequest(followers=1 << 62),
            "followers",
        ),
        ("PauseSubscriptions", pb.PauseSubscriptionsRequest(), "subscriptions"),
        (
            "PauseSubscriptions",
            pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest", "nobody"]),
            "subscriptions",
        ),
        (
            "PauseSubscriptions",
            fanout_pb.PauseSubscriptionsRequest(subscriptions=["fanout.rest", "tweet.erasure"]),
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
    async with world.process() as process:
        is_queues = request_.DESCRIPTOR.file.package == "aviary.queue.v1"
        stub = process.queues if is_queues else process.fanout
        with pytest.raises(grpc.aio.AioRpcError) as error:
            await getattr(stub, method)(request_)
        assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert error.value.details().startswith(field)
        assert await RowThresholdStore(world.stored).load() is None
        assert await RowPauseStore(world.stored, CONTROLS).load() == frozenset()
