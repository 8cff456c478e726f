"""Dead letters by the operators' RPCs, on a real bus and a real server."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, NamedTuple

import grpc
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.queue.v1 import queue_service_pb2 as queue_pb
from redis.asyncio import Redis

from services.fanout.spec import CONTROLS
from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.outbox.outbox import OutboxEntry
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.specs import all_subscriptions
from tests.contract.valkey_servers import valkey_node
from tests.rpc.queue_world import World


@pytest.fixture
async def valkey(tmp_path) -> AsyncIterator[Redis]:
    with valkey_node(tmp_path) as port:
        async with Redis(port=port) as client:
            yield client


@pytest.fixture
async def bus(valkey) -> AsyncIterator[ValkeyStreamsDriver]:
    port = valkey.connection_pool.connection_kwargs["port"]
    driver = ValkeyStreamsDriver(f"redis://127.0.0.1:{port}/0", all_subscriptions())
    await driver.declare(all_subscriptions())
    yield driver
    await driver.close()


class Operated(NamedTuple):
    """One of the two contracts: its messages, a stub, and what counts the queues."""

    world: World
    pb: Any
    stub: Any
    count: Callable[[], Awaitable[Any]]


@pytest.fixture(params=["queue", "fanout"])
async def operated(request, bus: ValkeyStreamsDriver, tmp_path: Path) -> AsyncIterator[Operated]:
    """A stub of each contract that operates queues: QueueService, and the older FanoutService."""
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    await rows.open()
    world = World(bus, rows)
    async with world.process() as process:
        if request.param == "queue":
            stub = process.queues
            yield Operated(
                world, queue_pb, stub, lambda: stub.ListQueues(queue_pb.ListQueuesRequest())
            )
        else:
            older = process.fanout
            yield Operated(world, pb, older, lambda: older.GetBacklog(pb.GetBacklogRequest()))
    await rows.close()


async def test_what_cannot_be_read_is_listed_as_bytes(bus, operated, valkey) -> None:
    await valkey.xadd("bus:{fanout.plan}", {b"\xff": b"\x1b" * 5_000})
    (received,) = await bus.receive("fanout.plan", max_messages=1, wait_s=5)
    await bus.dead_letter("fanout.plan", received, "not \ud800 good")
    await valkey.xadd("bus:{fanout.plan}:dead", {b"r": b"\xff" * 5_000})
    listed = await operated.stub.ListDeadLetters(
        operated.pb.ListDeadLettersRequest(subscription="fanout.plan")
    )
    first, second = listed.dead_letters
    assert first.reason == "not \\ud800 good"
    assert [(f.name, f.value) for f in first.fields] == [(b"\xff", b"\x1b" * 100)]
    assert second.reason == "\\xff" * 125
    assert [(f.name, f.value) for f in second.fields] == [(b"r", b"\xff" * 100)]


async def test_dead_letters_are_read_whole(bus, tmp_path: Path) -> None:
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    await rows.open()
    for body in (b"x" * 3_000_005, b"second"):
        await bus.publish("tweet-events", [Message(body, {"traceparent": "00-1"})])
        (received,) = await bus.receive("fanout.plan", max_messages=1, wait_s=5)
        await bus.dead_letter("fanout.plan", received, "cannot be read")
    async with World(bus, rows).process() as process:

        async def read(**fields: Any) -> list[queue_pb.ReadDeadLettersResponse]:
            request = queue_pb.ReadDeadLettersRequest(subscription="fanout.plan", **fields)
            return [each async for each in process.queues.ReadDeadLetters(request)]

        first, second = await read()
        assert (len(first.data), first.data_size) == (3_000_000, 3_000_005)
        assert (second.data, second.data_size) == (b"second", 6)
        assert second.attributes["traceparent"] == "00-1"
        assert second.dead_letter.reason == "cannot be read"
        assert await read(limit=1) == [first]
        assert await read(ids=[second.dead_letter.id]) == [second]
        with pytest.raises(grpc.aio.AioRpcError, match="has no dead letter 1-0") as refused:
            await read(ids=[second.dead_letter.id, "1-0"])
        assert refused.value.code() is grpc.StatusCode.NOT_FOUND
        with pytest.raises(grpc.aio.AioRpcError, match="ids: must be 40 at most"):
            await read(ids=["1-0"] * 41)
        # Nothing was taken.
        assert await read() == [first, second]
    await rows.close()


async def test_dead_letters_are_dropped(operated, valkey) -> None:
    entry = await valkey.xadd("bus:{fanout.plan}:dead", {b"r": b"why"})
    request = operated.pb.DropDeadLettersRequest(subscription="fanout.plan", ids=[entry.decode()])
    assert (await operated.stub.DropDeadLetters(request)).dropped == 1
    assert (await operated.stub.DropDeadLetters(request)).dropped == 0
    for ids in ([], ["1-0"] * 41):
        with pytest.raises(grpc.aio.AioRpcError, match="ids: must be 1 to 40"):
            await operated.stub.DropDeadLetters(
                operated.pb.DropDeadLettersRequest(subscription="fanout.plan", ids=ids)
            )
    with pytest.raises(grpc.aio.AioRpcError, match="must be one of"):
        await operated.stub.DropDeadLetters(
            operated.pb.DropDeadLettersRequest(subscription="x", ids=["1-0"])
        )


async def test_dead_letter_is_listed_and_redriven(bus, operated) -> None:
    await bus.publish("tweet-events", [Message(b"poison")])
    (received,) = await bus.receive("fanout.plan", max_messages=1, wait_s=5)
    await bus.dead_letter("fanout.plan", received, "cannot be read")

    listed = await operated.stub.ListDeadLetters(
        operated.pb.ListDeadLettersRequest(subscription="fanout.plan")
    )
    assert [each.reason for each in listed.dead_letters] == ["cannot be read"]

    queues = (await operated.count()).queues
    (plan,) = (each for each in queues if each.subscription == "fanout.plan")
    assert (plan.messages, plan.dead_letters) == (0, 1)

    answer = await operated.stub.RedriveDeadLetters(
        operated.pb.RedriveDeadLettersRequest(subscription="fanout.plan")
    )
    assert answer.redriven == 1
    backlog = await operated.count()
    waiting = {each.subscription: each.messages for each in backlog.queues}
    assert (waiting["fanout.plan"], waiting["fanout.rest"]) == (1, 0)
    assert {each.dead_letters for each in backlog.queues} == {0}


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"subscription": "nobody"}, "subscription"),
        ({"subscription": "fanout.plan", "limit": -1}, "limit"),
    ],
)
async def test_bad_requests_name_the_field(operated, fields, field) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await operated.stub.ListDeadLetters(operated.pb.ListDeadLettersRequest(**fields))
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details().startswith(field)


async def test_what_the_bus_refuses_is_a_dead_letter_of_its_outbox(operated: Operated) -> None:
    pb, stub, name = operated.pb, operated.stub, "outbox.tweet_outbox"
    before = {each.subscription for each in (await operated.count()).queues}
    assert name not in before
    for entry_id in (7, 8):
        entry = OutboxEntry(entry_id, "tweet-events", b"12345")
        await operated.world.refused().record("tweet_outbox", entry, "RefusedError: too large")
    queues = {each.subscription: each for each in (await operated.count()).queues}
    assert queues.keys() == before | {name}
    assert (queues[name].messages, queues[name].dead_letters) == (0, 2)
    answer = await stub.ListDeadLetters(pb.ListDeadLettersRequest(subscription=name))
    assert [each.id for each in answer.dead_letters] == ["7", "8"]
    assert answer.dead_letters[0].reason == "RefusedError: too large"
    assert [(each.name, each.value) for each in answer.dead_letters[0].fields] == [
        (b"topic", b"tweet-events"),
        (b"bytes", b"5"),
    ]
    drop = pb.DropDeadLettersRequest(subscription=name, ids=["7", "9"])
    assert (await stub.DropDeadLetters(drop)).dropped == 1
    redrive = pb.RedriveDeadLettersRequest(subscription=name)
    assert (await stub.RedriveDeadLetters(redrive)).redriven == 1
    assert {each.subscription for each in (await operated.count()).queues} == before
    with pytest.raises(grpc.aio.AioRpcError, match="subscriptions"):
        await stub.PauseSubscriptions(pb.PauseSubscriptionsRequest(subscriptions=[name]))
