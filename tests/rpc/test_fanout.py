"""The operators' RPCs on a real bus and a real server."""

from collections.abc import AsyncIterator

import grpc
import pytest
from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs
from redis.asyncio import Redis

from services.fanout.controls import FanoutControls, StoredThreshold
from services.fanout.servicer import FanoutServicer
from services.fanout.spec import CONTROLS
from services.fanout.store import RowControlStore
from services.platform.bus.port import Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.server import RpcServer
from services.platform.runtime.clock import SystemClock
from services.platform.specs import all_subscriptions
from tests.contract.valkey_servers import valkey_node


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


@pytest.fixture
async def fanout(bus: ValkeyStreamsDriver, tmp_path) -> AsyncIterator[stubs.FanoutServiceStub]:
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    controls = FanoutControls(RowControlStore(rows), StoredThreshold(1), {})
    (descriptor,) = pb.DESCRIPTOR.services_by_name.values()
    server = RpcServer("127.0.0.1:0", [Servicer(descriptor, FanoutServicer(bus, controls))])
    await server.start()
    async with grpc.aio.insecure_channel(server.address) as channel:
        yield stubs.FanoutServiceStub(channel)
    await server.stop()


async def test_what_cannot_be_read_is_listed_as_bytes(bus, fanout, valkey) -> None:
    await valkey.xadd("bus:{fanout.plan}", {b"\xff": b"\x1b" * 5_000})
    (received,) = await bus.receive("fanout.plan", max_messages=1, wait_s=5)
    await bus.dead_letter("fanout.plan", received, "not \ud800 good")
    await valkey.xadd("bus:{fanout.plan}:dead", {b"r": b"\xff" * 5_000})
    listed = await fanout.ListDeadLetters(pb.ListDeadLettersRequest(subscription="fanout.plan"))
    first, second = listed.dead_letters
    assert first.reason == "not \\ud800 good"
    assert first.fields == [pb.UnreadableField(name=b"\xff", value=b"\x1b" * 100)]
    assert second.reason == "\\xff" * 125
    assert second.fields == [pb.UnreadableField(name=b"r", value=b"\xff" * 100)]


async def test_dead_letters_are_dropped(fanout, valkey) -> None:
    entry = await valkey.xadd("bus:{fanout.plan}:dead", {b"r": b"why"})
    request = pb.DropDeadLettersRequest(subscription="fanout.plan", ids=[entry.decode()])
    assert (await fanout.DropDeadLetters(request)).dropped == 1
    assert (await fanout.DropDeadLetters(request)).dropped == 0
    for ids in ([], ["1-0"] * 41):
        with pytest.raises(grpc.aio.AioRpcError, match="ids: must be 1 to 40"):
            await fanout.DropDeadLetters(
                pb.DropDeadLettersRequest(subscription="fanout.plan", ids=ids)
            )
    with pytest.raises(grpc.aio.AioRpcError, match="must be one of"):
        await fanout.DropDeadLetters(pb.DropDeadLettersRequest(subscription="x", ids=["1-0"]))


async def test_dead_letter_is_listed_and_redriven(bus, fanout) -> None:
    await bus.publish("tweet-events", [Message(b"poison")])
    (received,) = await bus.receive("fanout.plan", max_messages=1, wait_s=5)
    await bus.dead_letter("fanout.plan", received, "cannot be read")

    listed = await fanout.ListDeadLetters(pb.ListDeadLettersRequest(subscription="fanout.plan"))
    assert [each.reason for each in listed.dead_letters] == ["cannot be read"]

    queues = (await fanout.GetBacklog(pb.GetBacklogRequest())).queues
    (plan,) = (each for each in queues if each.subscription == "fanout.plan")
    assert (plan.messages, plan.dead_letters) == (0, 1)

    answer = await fanout.RedriveDeadLetters(
        pb.RedriveDeadLettersRequest(subscription="fanout.plan")
    )
    assert answer.redriven == 1
    backlog = await fanout.GetBacklog(pb.GetBacklogRequest())
    waiting = {each.subscription: each.messages for each in backlog.queues}
    assert (waiting["fanout.plan"], waiting["fanout.rest"]) == (1, 0)
    assert {each.dead_letters for each in backlog.queues} == {0}


@pytest.mark.parametrize(
    ("request_", "field"),
    [
        (pb.ListDeadLettersRequest(subscription="nobody"), "subscription"),
        (pb.ListDeadLettersRequest(subscription="fanout.plan", limit=-1), "limit"),
    ],
)
async def test_bad_requests_name_the_field(fanout, request_, field) -> None:
    with pytest.raises(grpc.aio.AioRpcError) as error:
        await fanout.ListDeadLetters(request_)
    assert error.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert error.value.details().startswith(field)
