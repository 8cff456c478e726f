"""Calls to a sibling of which no process is connected: they wait, and not for ever."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
import pytest
from probe import PROBE, Probe, Stub, Text

from services.platform.config.signing_keys import SigningKey
from services.platform.errors import UnavailableError
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.rpc_client import RpcClient
from services.platform.rpc.server import RpcServer
from services.platform.rpc.signed_channel import SignedChannel
from services.platform.rpc.waiting_channel import WaitingChannel
from services.platform.runtime.clock import SystemClock
from services.platform.security.signing import Signer
from tests.certificates import WAIT_S, until
from tests.processes import free_port

Ask = Callable[[RpcClient, Stub], Awaitable[list[str]]]
FOR_EVER_S = 1e6
QUICK = (("grpc.initial_reconnect_backoff_ms", 100), ("grpc.max_reconnect_backoff_ms", 100))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0
        self.reads = 0

    def __call__(self) -> float:
        self.reads += 1
        return self.now


async def echo(request: Any, _context: Any) -> Any:
    return request


class World:
    """A sibling that comes and goes, and a channel to where it listens."""

    def __init__(self) -> None:
        self.address = f"127.0.0.1:{free_port()}"
        self.clock = Clock()
        self.probe = Probe(echo)
        self.beneath = grpc.aio.insecure_channel(self.address, QUICK)
        self.channel = WaitingChannel(self.beneath, WAIT_S, self.clock)
        self.stub = Stub(self.channel)
        self.rpc = RpcClient(timeout_s=FOR_EVER_S)
        self._server: RpcServer | None = None

    async def comes(self) -> None:
        self._server = RpcServer(self.address, [Servicer(PROBE, self.probe)])
        await self._server.start()

    async def goes(self) -> None:
        if self._server is not None:
            await self._server.stop(0)
            await until(lambda: not self.channel.is_connected)

    async def waits(self, asked: Awaitable[Any]) -> "asyncio.Future[Any]":
        """Return what is asked for once it has looked when to stop waiting."""
        reads, future = self.clock.reads, asyncio.ensure_future(asked)
        await until(lambda: self.clock.reads > reads)
        return future

    async def found_away(self) -> None:
        """Return once gRPC would fail a call at once."""
        failed = grpc.ChannelConnectivity.TRANSIENT_FAILURE
        await until(lambda: self.beneath.get_state(try_to_connect=True) is failed)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    made = World()
    yield made
    await made.channel.close()
    await made.goes()


async def called(rpc: RpcClient, stub: Stub) -> list[str]:
    return [(await rpc.call(stub.Append, Text(text="a b"))).text]


async def streamed(rpc: RpcClient, stub: Stub) -> list[str]:
    return [each.text async for each in rpc.stream(stub.List, Text(text="a b"))]


ASKED = pytest.mark.parametrize(("ask", "answer"), [(called, ["a b"]), (streamed, ["a", "b"])])


@ASKED
async def test_a_call_waits_for_a_sibling_that_starts(
    world: World, ask: Ask, answer: list[str]
) -> None:
    await world.found_away()
    asked = await world.waits(ask(world.rpc, world.stub))
    await world.comes()
    assert await asked == answer


@ASKED
async def test_a_call_waits_for_a_sibling_that_starts_again(
    world: World, ask: Ask, answer: list[str]
) -> None:
    await world.comes()
    for _ in range(2):
        assert await ask(world.rpc, world.stub) == answer
        await world.goes()
        await world.found_away()
        asked = await world.waits(ask(world.rpc, world.stub))
        await world.comes()
        assert await asked == answer
        # Whoever comes later waits from when it is missed again, not from then.
        world.clock.now += WAIT_S


@ASKED
async def test_what_is_gone_for_good_is_waited_for_once(
    world: World, ask: Ask, answer: list[str]
) -> None:
    await world.found_away()
    waiting = await world.waits(ask(world.rpc, world.stub))
    world.clock.now += WAIT_S
    with pytest.raises(UnavailableError):
        await ask(world.rpc, world.stub)
    assert not waiting.done()  # it began when it was worth it
    await world.comes()
    assert await waiting == answer
    assert await ask(world.rpc, world.stub) == answer


async def test_what_was_waited_for_is_part_of_the_calls_time(world: World) -> None:
    world.probe.on_call = lambda *_: asyncio.Event().wait()
    await world.found_away()
    asked = await world.waits(world.stub.Append(Text(), timeout=FOR_EVER_S))
    world.clock.now += FOR_EVER_S
    await world.comes()
    with pytest.raises(grpc.aio.AioRpcError, match="DEADLINE_EXCEEDED"):
        await asked


async def test_each_try_of_a_signed_call_waits(world: World) -> None:
    key = SigningKey("k", b"k" * 32)
    await world.found_away()
    signed = Stub(SignedChannel(world.channel, Signer(lambda: (key,), SystemClock()), []))
    asked = await world.waits(called(world.rpc, signed))
    await world.comes()
    assert await asked == ["a b"]


async def test_closing_ends_the_wait(world: World) -> None:
    await world.found_away()
    asked = await world.waits(world.stub.Append(Text(), timeout=FOR_EVER_S))
    await world.channel.close()
    with pytest.raises(grpc.aio.UsageError):
        await asked


async def test_a_stream_that_is_given_up_while_it_waits_never_begins(world: World) -> None:
    await world.found_away()
    given_up = world.stub.List(Text())
    assert given_up.cancel()
    await world.comes()
    assert await called(world.rpc, world.stub) == ["a b"]
    assert world.probe.calls == 1
    assert not given_up.cancel()
