"""A channel whose calls wait, for a moment, for a sibling that is being restarted.

gRPC fails a call at once while no process of the sibling is connected, though nothing of it was
sent and another process may be there in a tenth of a second. Its `wait_for_ready` would wait for as
long as a call may take, each of them, where a sibling is gone for good.
"""

# ruff: noqa: ANN401 - what passes through here is typed where stubs are made and used

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Generator
from contextlib import suppress
from typing import Any, Final

import grpc
import grpc.aio

from services.platform.rpc.passing_channel import PassingChannel

__all__ = ["WAIT_S", "WaitingChannel"]

WAIT_S: Final = 1.0
"""From when a call first found nobody; several times `channels.MAX_RECONNECT_WAIT_MS`."""

Send = Callable[..., Any]


class WaitingChannel(PassingChannel):
    """Has calls wait until `channel` is connected: `wait_s` at most since that was first missed.

    From then on they fail as gRPC fails them, until it is connected again: what is gone for good
    costs nobody time. A call costs one look at the channel's state more.
    """

    def __init__(
        self,
        channel: grpc.aio.Channel,
        wait_s: float = WAIT_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._channel = channel
        self._wait_s = wait_s
        self._clock = clock
        self._missed_at = 0.0
        self._connecting: asyncio.Task[None] | None = None

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel beneath."""
        return self._channel

    @property
    def is_connected(self) -> bool:
        """Whether a process of the sibling is."""
        return self._channel.get_state() is grpc.ChannelConnectivity.READY

    async def connected(self, timeout_s: float | None) -> float | None:
        """Return when one is, or it is no use to wait; give what is left of `timeout_s`."""
        began = self._clock()
        if self._connecting is None:
            self._missed_at = began
            self._connecting = asyncio.create_task(self._connect(), name="channel-connects")
        left_s = self._missed_at + self._wait_s - began
        if left_s > 0:
            within_s = left_s if timeout_s is None else min(left_s, timeout_s)
            await asyncio.wait({self._connecting}, timeout=within_s)
        return None if timeout_s is None else max(0.0, timeout_s - (self._clock() - began))

    async def _connect(self) -> None:
        # One that is closed meanwhile says so by an error of gRPC's own.
        with suppress(Exception):
            await self._channel.channel_ready()
        self._connecting = None

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return _Unary(self, method, self._channel.unary_unary(method, *args, **options))

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return _Stream(self, method, self._channel.unary_stream(method, *args, **options))

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub, as it is: no sibling has one."""
        return self._channel.stream_unary(method, *args, **options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub, as it is: no sibling has one."""
        return self._channel.stream_stream(method, *args, **options)


class _Method:
    def __init__(self, channel: WaitingChannel, method: str, send: Send) -> None:
        self._channel = channel
        # Named as gRPC's own methods name it, for those who look (`rpc_client._method_name`).
        self._method = method
        self._send = send

    async def _later(self, request: Any, timeout_s: float | None, options: Any) -> Any:
        """Begin the call once somebody is there, or it is no use to wait."""
        left_s = await self._channel.connected(timeout_s)
        return self._send(request, timeout=left_s, **options)


class _Unary(_Method):
    def __call__(self, request: Any, *, timeout: float | None = None, **options: Any) -> Any:
        if self._channel.is_connected:
            return self._send(request, timeout=timeout, **options)
        return _LaterCall(self._later(request, timeout, options))


class _Stream(_Method):
    def __call__(self, request: Any, *, timeout: float | None = None, **options: Any) -> Any:
        if self._channel.is_connected:
            return self._send(request, timeout=timeout, **options)
        return _LaterStream(self._later(request, timeout, options))


class _Later:
    """A call that is yet to begin, which all that it is asked for waits for."""

    def __init__(self, begun: Coroutine[Any, Any, Any]) -> None:
        self._begun = asyncio.create_task(begun, name="call-waits")


class _LaterCall(_Later):
    def __await__(self) -> Generator[Any, None, Any]:
        return self._answer().__await__()

    async def _answer(self) -> Any:
        return await (await self._begun)

    async def code(self) -> grpc.StatusCode:
        """Return how it ended."""
        call: grpc.aio.Call = await self._begun
        return await call.code()

    async def initial_metadata(self) -> Any:
        """Return the headers of the answer."""
        return await (await self._begun).initial_metadata()


class _LaterStream(_Later):
    async def __aiter__(self) -> AsyncIterator[Any]:
        async for message in await self._begun:
            yield message

    def cancel(self) -> bool:
        """End the call, also before it has begun."""
        if self._begun.cancel():
            return True
        if self._begun.cancelled() or self._begun.exception() is not None:
            return False
        ended: bool = self._begun.result().cancel()
        return ended
