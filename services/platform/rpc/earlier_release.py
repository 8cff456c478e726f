"""Calls to a process of an earlier release: while an upgrade runs, both stand side by side."""

from collections.abc import Iterator
from contextlib import contextmanager

import grpc
import grpc.aio

from services.platform.errors import PermissionDeniedError, UnavailableError

__all__ = ["EarlierReleaseError", "of_any_release"]


class EarlierReleaseError(UnavailableError):
    """The process that was asked does not know the call yet, or not that this service may make it.

    Who can do without the answer does; for all others it is waited out, as one who does not answer.
    """


@contextmanager
def of_any_release() -> Iterator[None]:
    """Make calls that an earlier release does not know: it gives `EarlierReleaseError`."""
    try:
        yield
    except PermissionDeniedError as error:
        raise EarlierReleaseError(str(error)) from error
    except grpc.aio.AioRpcError as error:
        if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
            raise
        raise EarlierReleaseError("it does not know this call") from error
