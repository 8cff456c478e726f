"""A channel that signs each request, and tries again what may be tried again.

gRPC's own retries would send the same signature, and the second would be refused as a replay; so
here each try is signed anew, by the same policy (`retries`).
"""

# ruff: noqa: ANN401 - what passes through here is typed where stubs are made and used

import asyncio
import random
import time
from collections.abc import Callable, Collection
from typing import Any

import grpc
import grpc.aio

from services.platform.rpc.passing_channel import PassingChannel
from services.platform.rpc.retries import (
    BACKOFF_MULTIPLIER,
    FIRST_BACKOFF_S,
    MAX_ATTEMPTS,
    MAX_BACKOFF_S,
    MAX_TOKENS,
    TOKEN_RATIO,
)
from services.platform.security.signing import SIGNATURE_KEY, Signer

__all__ = ["RetryBudget", "SignedChannel"]

Serialize = Callable[[Any], bytes]


class RetryBudget:
    """Keeps retries to about a tenth of the calls, however long a sibling is in trouble."""

    def __init__(self) -> None:
        self._tokens: float = MAX_TOKENS

    def succeeded(self) -> None:
        """Earn a little."""
        self._tokens = min(MAX_TOKENS, self._tokens + TOKEN_RATIO)

    def may_retry(self) -> bool:
        """Pay for a failure; whether there is enough left for another try."""
        self._tokens = max(0.0, self._tokens - 1)
        return self._tokens > MAX_TOKENS / 2


class SignedChannel(PassingChannel):
    """Signs what goes through `channel`, for RPCs whose requests are one message.

    `safe` are the paths of the RPCs that may be repeated. A stub's method takes a timeout and
    metadata, and gives an awaitable, or a stream.
    """

    def __init__(self, channel: grpc.aio.Channel, signer: Signer, safe: Collection[str]) -> None:
        self._channel = channel
        self._signer = signer
        self._safe = frozenset(safe)
        self._budget = RetryBudget()

    @property
    def current(self) -> grpc.aio.Channel:
        """The channel beneath."""
        return self._channel

    def stream_unary(self, method: str, *_args: Any, **_options: Any) -> Any:
        """Refuse: a request of many messages has no one signature."""
        raise TypeError(f"{method} streams requests, which cannot be signed")

    stream_stream = stream_unary

    def unary_unary(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - what generated stubs pass
    ) -> Any:
        """Return the method of a stub."""
        send: Any = self._channel.unary_unary(method, None, response_deserializer)
        signed = _Signed(method, request_serializer or bytes, send, self._signer)
        return _Unary(signed, self._budget, MAX_ATTEMPTS if method in self._safe else 1)

    def unary_stream(
        self,
        method: str,
        request_serializer: Serialize | None = None,
        response_deserializer: Callable[[bytes], Any] | None = None,
        _registered_method: bool = False,  # noqa: FBT001, FBT002 - as above
    ) -> Any:
        """Return the method of a stub; a stream is tried once, its readers begin it anew."""
        send: Any = self._channel.unary_stream(method, None, response_deserializer)
        return _Stream(_Signed(method, request_serializer or bytes, send, self._signer))


class _Signed:
    """One try: signs and sends."""

    def __init__(self, method: str, serialize: Serialize, send: Any, signer: Signer) -> None:
        self.method = method
        self.serialize = serialize
        self._send = send
        self._signer = signer

    def send(self, body: bytes, timeout_s: float | None, metadata: Any) -> Any:
        """Begin a call with a signature of its own."""
        signature = (SIGNATURE_KEY, self._signer.sign(self.method, body))
        signed = grpc.aio.Metadata(*(metadata or ()), signature)
        return self._send(body, timeout=timeout_s, metadata=signed)


class _Stream:
    def __init__(self, signed: _Signed) -> None:
        self._signed = signed
        # Named as gRPC's own methods name it, for those who look (`rpc_client._method_name`).
        self._method = signed.method

    def __call__(self, request: Any, *, timeout: float | None = None, metadata: Any = ()) -> Any:
        return self._signed.send(self._signed.serialize(request), timeout, metadata)


class _Unary:
    def __init__(self, signed: _Signed, budget: RetryBudget, attempts: int) -> None:
        self._signed = signed
        self._budget = budget
        self._attempts = attempts
        self._method = signed.method  # as above

    async def __call__(
        self,
        request: Any,
        *,
        timeout: float | None = None,  # noqa: ASYNC109 - a stub's method has it
        metadata: Any = (),
    ) -> Any:
        body = self._signed.serialize(request)
        ends = None if timeout is None else time.monotonic() + timeout
        attempt, backoff_s = 1, FIRST_BACKOFF_S
        while True:
            left_s = None if ends is None else max(0.0, ends - time.monotonic())
            try:
                answer = await self._signed.send(body, left_s, metadata)
            except grpc.aio.AioRpcError as error:
                if error.code() is not grpc.StatusCode.UNAVAILABLE:
                    raise
                if not self._budget.may_retry() or attempt == self._attempts:
                    raise
            else:
                self._budget.succeeded()
                return answer
            await asyncio.sleep(random.uniform(0, backoff_s))  # noqa: S311 - jitter guards nothing
            attempt, backoff_s = attempt + 1, min(MAX_BACKOFF_S, BACKOFF_MULTIPLIER * backoff_s)
