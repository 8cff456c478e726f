"""A channel whose certificate can be renewed while it is used.

gRPC's Python channels keep the credentials that they were opened with. So this one opens another
when the files have changed: calls go through the new one from then on, while the old one stays
until its calls have ended. A call costs one Python call more (0.6 µs).
"""

# ruff: noqa: ANN401 - what passes through here is typed where stubs are made and used

import asyncio
from collections.abc import Callable
from typing import Any

import grpc
import grpc.aio

from services.platform.rpc.passing_channel import PassingChannel
from services.platform.security.tls import Credentials, TlsFiles

__all__ = ["RenewedChannel"]

SETTLE_S = 1.0
"""A call that was begun on the old channel has reached gRPC by then; a closing one takes none."""

CALLS_END_S = 60.0
"""The longest that a server allows a call: the default deadline of a stream."""

Open = Callable[[Credentials], grpc.aio.Channel]
Bind = Callable[[grpc.aio.Channel], Any]


class RenewedChannel(PassingChannel):
    """Opens channels with `open_with` and the credentials of the moment; stubs outlive them all."""

    def __init__(self, files: TlsFiles, open_with: Open) -> None:
        self._files = files
        self._open_with = open_with
        self._credentials = files.current
        self._channel = open_with(self._credentials)
        self._retired: dict[asyncio.Task[None], grpc.aio.Channel] = {}

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel for a new call."""
        if self._credentials is not self._files.current:
            self._renew()
        return self._channel

    def _renew(self) -> None:
        old = self._channel
        self._credentials = self._files.current
        self._channel = self._open_with(self._credentials)
        closing = asyncio.create_task(_close_later(old), name="channel-close")
        self._retired[closing] = old
        closing.add_done_callback(lambda done: self._retired.pop(done, None))

    async def close(self, grace: float | None = None) -> None:
        """Close all of them."""
        retired = dict(self._retired)
        for closing in retired:
            closing.cancel()
        await asyncio.gather(*retired, return_exceptions=True)
        channels = (*retired.values(), self._channel)
        await asyncio.gather(*(channel.close(grace) for channel in channels))

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return a stub's method, which takes the channel of the moment at each call."""
        return _Method(self, method, lambda on: on.unary_unary(method, *args, **options))

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return a stub's method, as `unary_unary` does, for answers that are streams."""
        return _Method(self, method, lambda on: on.unary_stream(method, *args, **options))

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return a stub's method, as `unary_unary` does, for requests that are streams."""
        return _Method(self, method, lambda on: on.stream_unary(method, *args, **options))

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return a stub's method, as `unary_unary` does, for streams both ways."""
        return _Method(self, method, lambda on: on.stream_stream(method, *args, **options))


class _Method:
    """A stub's method, bound to the channel of the moment."""

    __slots__ = ("_bind", "_bound", "_channel", "_method", "_owner")

    def __init__(self, owner: RenewedChannel, method: str, bind: Bind) -> None:
        self._owner = owner
        # Named as gRPC's own methods name it, for those who look (`rpc_client._method_name`).
        self._method = method
        self._bind = bind
        self._channel = owner.current
        self._bound = bind(self._channel)

    def __call__(self, *args: Any, **options: Any) -> Any:
        channel = self._owner.current
        if channel is not self._channel:
            self._channel, self._bound = channel, self._bind(channel)
        return self._bound(*args, **options)


async def _close_later(channel: grpc.aio.Channel) -> None:
    await asyncio.sleep(SETTLE_S)
    await channel.close(CALLS_END_S)
