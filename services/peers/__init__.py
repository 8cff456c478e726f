"""Siblings over gRPC: each module is a client of one service, in the terms of its callers."""

from collections.abc import Iterator
from contextlib import contextmanager

from grpc import StatusCode
from grpc.aio import AioRpcError

from services.errors import FailedPreconditionError, UnavailableError

__all__ = ["CALL_TIMEOUT_S", "peer_errors"]

CALL_TIMEOUT_S = 2.0
"""Deadline of one call in seconds: point reads answer in milliseconds, and a caller waits."""

_PASSING = frozenset(
    {
        StatusCode.UNAVAILABLE,
        StatusCode.DEADLINE_EXCEEDED,
        StatusCode.RESOURCE_EXHAUSTED,
        StatusCode.ABORTED,
        StatusCode.CANCELLED,
    }
)
"""What may be gone at the next try."""


@contextmanager
def peer_errors(peer: str) -> Iterator[None]:
    """Turn status codes into domain errors; other codes are faults of ours and pass as they are."""
    try:
        yield
    except AioRpcError as error:
        if error.code() in _PASSING:
            raise UnavailableError(f"the {peer} service cannot answer now") from error
        if error.code() is StatusCode.FAILED_PRECONDITION:
            raise FailedPreconditionError(
                error.details() or f"the {peer} service refused", reason="PEER_REFUSED"
            ) from error
        raise
