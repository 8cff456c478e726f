"""A call that came over HTTP/1.1, as the interceptors and handlers of RPCs see one."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NoReturn

import grpc
import grpc.aio

from services.platform.rpc.interceptors import DEFAULT_DEADLINE_S

__all__ = ["HttpCall", "Metadata"]

Metadata = Sequence[tuple[str, str | bytes]]

_TIMEOUT_KEY: Final = "x-envoy-expected-rq-timeout-ms"
"""How long the edge waits for the answer. It takes it from no client."""
_MS_PER_S: Final = 1_000
_SPIFFE_KEY: Final = "peer_spiffe_id"
_NOBODY: Final[Mapping[str, Sequence[bytes]]] = {}


class HttpCall:
    """Has what the chain uses of a `grpc.aio.ServicerContext`, and says how the call went."""

    __slots__ = ("_auth", "_code", "_metadata", "_peername", "headers", "trailing")

    def __init__(
        self, metadata: Metadata, peername: tuple[str, int], spiffe_id: str | None = None
    ) -> None:
        """Take the request's headers, names in lower case, and who is at the other end."""
        self._metadata = metadata
        self._peername = peername
        self._auth = _NOBODY if spiffe_id is None else {_SPIFFE_KEY: (spiffe_id.encode(),)}
        self._code: grpc.StatusCode | None = None
        self.headers: Sequence[tuple[str, str]] = ()
        """What the handler has to say in headers of its answer."""
        self.trailing: Metadata = ()
        """What came with the status of a call that was aborted."""

    def invocation_metadata(self) -> Metadata:
        """Give the headers of the request."""
        return self._metadata

    def time_remaining(self) -> float | None:
        """Give the seconds that the edge waits, where that is less than what a call has anyhow."""
        for key, value in self._metadata:
            if key == _TIMEOUT_KEY:
                given_s = int(value) / _MS_PER_S if value.isdigit() else DEFAULT_DEADLINE_S
                return min(given_s, DEFAULT_DEADLINE_S)
        return None

    def peer(self) -> str:
        """Give the address at the other end, as gRPC writes it."""
        return f"ipv4:{self._peername[0]}:{self._peername[1]}"

    def auth_context(self) -> Mapping[str, Iterable[bytes]]:
        """Give what the peer's certificate says, under the name that gRPC has for it."""
        return self._auth

    def code(self) -> grpc.StatusCode | None:
        """Give the code that the call was aborted with."""
        return self._code

    async def send_initial_metadata(self, metadata: Sequence[tuple[str, str]]) -> None:
        """Say this in headers of the answer."""
        self.headers = metadata

    async def abort(
        self, code: grpc.StatusCode, details: str = "", trailing_metadata: Metadata = ()
    ) -> NoReturn:
        """End the call with an error."""
        self._code, self.trailing = code, trailing_metadata
        raise grpc.aio.AbortError(f"{code.name}: {details}")
