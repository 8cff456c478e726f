"""A channel over another: what a channel does beside calling goes to the one beneath."""

from abc import abstractmethod
from types import TracebackType
from typing import Self

import grpc
import grpc.aio

__all__ = ["PassingChannel"]


class PassingChannel(grpc.aio.Channel):
    """Base of channels that differ only in which one is beneath, and how calls go through it."""

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
        """Give the connectivity of the channel beneath, now."""
        return self.current.get_state(try_to_connect)

    async def wait_for_state_change(self, last_observed_state: grpc.ChannelConnectivity) -> None:
        """Return when the channel beneath is in another state than this."""
        await self.current.wait_for_state_change(last_observed_state)

    async def channel_ready(self) -> None:
        """Return when the channel beneath is connected."""
        await self.current.channel_ready()
