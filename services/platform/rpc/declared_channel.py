"""A channel that lets through what its process declares to call."""

# ruff: noqa: ANN401 - what passes through here is typed where stubs are made and used

from collections.abc import Collection
from typing import Any, Final, NoReturn

import grpc
import grpc.aio

from services.platform.rpc.passing_channel import PassingChannel

__all__ = ["DeclaredChannel", "UndeclaredCallError"]

HEALTH: Final = "/grpc.health.v1.Health/"
"""What everybody may ask of everybody."""


class UndeclaredCallError(Exception):
    """A process calls an RPC that its service does not declare in `calls`."""


class DeclaredChannel(PassingChannel):
    """Passes health checks and `calls` (`package.Service/Method`) on; all else raises when called.

    Not when a stub is made, which asks for all methods of its contract. A method that is let
    through is that of the channel beneath: being held to a declaration costs no call anything.
    """

    def __init__(self, channel: grpc.aio.Channel, caller: str, calls: Collection[str]) -> None:
        self._channel = channel
        self._caller = caller
        self._paths = frozenset(f"/{call}" for call in calls)

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel beneath."""
        return self._channel

    def unary_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return self._checked(method) or self._channel.unary_unary(method, *args, **options)

    def unary_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return self._checked(method) or self._channel.unary_stream(method, *args, **options)

    def stream_unary(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return self._checked(method) or self._channel.stream_unary(method, *args, **options)

    def stream_stream(self, method: str, *args: Any, **options: Any) -> Any:
        """Return the method of a stub."""
        return self._checked(method) or self._channel.stream_stream(method, *args, **options)

    def _checked(self, method: str) -> "_Refused | None":
        if method in self._paths or method.startswith(HEALTH):
            return None
        return _Refused(self._caller, method)


class _Refused:
    """A stub's method that is not among those declared."""

    def __init__(self, caller: str, method: str) -> None:
        self._caller = caller
        # Named as gRPC's own methods name it, for those who look (`rpc_client`).
        self._method = method

    def __call__(self, *_args: Any, **_options: Any) -> NoReturn:
        name = self._method.removeprefix("/")
        raise UndeclaredCallError(
            f"{self._caller} calls {name}, which is not in its spec's `calls`"
        )
