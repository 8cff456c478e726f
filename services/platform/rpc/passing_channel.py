"""A channel over another: what a channel does beside calling is passed on."""

from abc import abstractmethod
from types import TracebackType
from typing import Self

import grpc
import grpc.aio

__all__ = ["PassingChannel"]


class PassingChannel(grpc.aio.Channel):
    """Leaves to heirs which channel is beneath, and how calls go through it."""

    @property
    @abstractmethod
    def current(self) -> grpc.aio.Channel:
        """The channel beneath, now."""

    async def close(self, grace: float | None = None) -> None:
        """Close the channel beneath."""
        await self.current.close(grace)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_val: BaseException | None,
        exc_tb: TracebackType | None,
    ) -> None:
        await self.close()

    def get_state(self, try_to_connect: bool = False) -> grpc.ChannelConnectivity:  # noqa: FBT001, FBT002 - gRPC's signature
        """See `grpc.aio.Channel`."""
        return self.current.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """See `grpc.aio.Channel`."""
        await self.current.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """See `grpc.aio.Channel`."""
        await self.current.channel_ready()
