"""A sibling with several processes: calls go to each, and on when one is gone."""

import asyncio
from collections.abc import AsyncIterator

import grpc.aio
import pytest
from aviary.id.v1 import id_service_pb2 as pb
from aviary.id.v1 import id_service_pb2_grpc as stubs

from services.platform.rpc.channels import open_channel
from services.platform.rpc.server import RpcServer
from services.platform.security.process import PLAIN
from tests.certificates import WAIT_S, Ids, id_server, lease, until

CALLS = 20
(SERVICE,) = pb.DESCRIPTOR.services_by_name.values()


class Process:
    """One of them, which counts its calls."""

    def __init__(self) -> None:
        self.ids = Ids()
        self.server = id_server(self.ids, PLAIN)


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    both = [Process(), Process()]
    for each in both:
        await each.server.start()
    yield both
    for each in both:
        await each.server.stop(0)


def addresses(*servers: RpcServer) -> str:
    return ",".join(server.address for server in servers)


async def test_calls_go_to_each_in_turn(processes: list[Process]) -> None:
    async with open_channel(addresses(*(each.server for each in processes)), []) as channel:

        async def both_called() -> bool:
            assert await lease(channel) == "OK"
            return all(each.ids.calls > 0 for each in processes)

        await until(both_called)
        before = [each.ids.calls for each in processes]
        for _ in range(CALLS):
            assert await lease(channel) == "OK"
        added = [each.ids.calls - past for each, past in zip(processes, before, strict=True)]
        assert added == [CALLS // 2] * 2


@pytest.mark.parametrize("gone", [0, 1])
async def test_what_may_be_repeated_goes_on_when_one_is_gone_and_takes_it_back(
    processes: list[Process], gone: int
) -> None:
    address = addresses(*(each.server for each in processes))
    async with open_channel(address, [SERVICE]) as channel:
        stub = stubs.IdServiceStub(channel)

        async def both_called() -> bool:
            await stub.RenewLease(pb.RenewLeaseRequest(), timeout=WAIT_S)
            return all(each.ids.calls > 0 for each in processes)

        await until(both_called)
        lost = processes[gone]
        await lost.server.stop(0)
        for _ in range(CALLS):
            await stub.RenewLease(pb.RenewLeaseRequest(), timeout=WAIT_S)
        lost.ids = Ids()
        lost.server = id_server(lost.ids, PLAIN, lost.server.address)
        await lost.server.start()
        await until(both_called)


async def test_one_that_was_never_there_costs_nothing(processes: list[Process]) -> None:
    alive, other = processes
    await other.server.stop(0)
    async with open_channel(addresses(other.server, alive.server), []) as channel:
        for _ in range(CALLS):
            assert await lease(channel) == "OK"
    assert alive.ids.calls == CALLS


async def test_one_that_is_to_end_is_left_before_it_takes_no_more_calls(
    processes: list[Process],
) -> None:
    ending, other = processes
    async with open_channel(addresses(*(each.server for each in processes)), []) as channel:

        async def both_called() -> bool:
            assert await lease(channel) == "OK"
            return all(each.ids.calls > 0 for each in processes)

        async def is_left() -> bool:
            before = ending.ids.calls
            for _ in range(CALLS):
                assert await lease(channel) == "OK"
            return ending.ids.calls == before

        await until(both_called)
        stopping = asyncio.create_task(ending.server.stop(WAIT_S, leave_s=WAIT_S))
        await until(is_left)
        assert not stopping.done()
        # Whoever comes only now, and has not heard of its end, is answered as ever.
        async with grpc.aio.insecure_channel(ending.server.address) as late:
            assert await lease(late) == "OK"
        before = other.ids.calls
        await ending.server.cut()
        await stopping
        for _ in range(CALLS):
            assert await lease(channel) == "OK"
    assert other.ids.calls == before + CALLS
