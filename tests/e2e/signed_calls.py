"""Signatures for channels of tests without an event loop, where requests are signed."""

from pathlib import Path
from typing import Any, NamedTuple

import grpc

from services.platform.config.signing_keys import key_file
from services.platform.rpc.operator import operator_signing_keys
from services.platform.runtime.clock import SystemClock
from services.platform.security.signing import SIGNATURE_KEY, Signer

__all__ = ["signer_of", "signing"]


class _Details(NamedTuple):
    """What gRPC's own are made of."""

    method: Any
    timeout: Any
    metadata: Any
    credentials: Any


def signer_of(data_dir: Path) -> Signer | None:
    """A signer by the keys of the system that runs there; None where it signs nothing."""
    path = operator_signing_keys(data_dir)
    return None if path is None else Signer(key_file(path), SystemClock())


def signing(channel: grpc.Channel, data_dir: Path) -> grpc.Channel:
    """Sign what goes through the channel, as that system wants it."""
    signer = signer_of(data_dir)
    return channel if signer is None else grpc.intercept_channel(channel, _Signing(signer))


class _Signing(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):  # type: ignore[misc]
    def __init__(self, signer: Signer) -> None:
        self._signer = signer

    def intercept_unary_unary(self, send: Any, details: Any, request: Any) -> Any:
        method = details.method.decode() if isinstance(details.method, bytes) else details.method
        signature = self._signer.sign(method, request.SerializeToString())
        metadata = (*(details.metadata or ()), (SIGNATURE_KEY, signature))
        return send(
            _Details(details.method, details.timeout, metadata, details.credentials), request
        )

    intercept_unary_stream = intercept_unary_unary
