"""Domain errors to gRPC status and back, by one table.

What goes over the wire is a `google.rpc.Status` in the `grpc-status-details-bin` trailer: always
an `ErrorInfo`, with `BadRequest` where a field is at fault and `RetryInfo` where a retry may help.
"""

from collections.abc import Mapping
from types import MappingProxyType

import grpc
import grpc.aio
from google.protobuf.any_pb2 import Any
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from google.rpc.status_pb2 import Status

from services.platform.error_reasons import Reason
from services.platform.errors import (
    AlreadyExistsError,
    AviaryError,
    FailedPreconditionError,
    ForeignReason,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    TooManyRequestsError,
    UnavailableError,
)

__all__ = [
    "CODES",
    "DETAILS_KEY",
    "DOMAIN",
    "SERVER_FAULTS",
    "deadline_status",
    "domain_error",
    "internal_status",
    "status_of",
    "status_trailer",
]

DOMAIN = "aviary"
"""`ErrorInfo.domain` of every error: `reason` is unique within it."""

DETAILS_KEY = "grpc-status-details-bin"
"""The trailer in which gRPC libraries of every language look for a `google.rpc.Status`."""

INTERNAL_SENTENCE = "Something went wrong on our side."
DEADLINE_SENTENCE = "The call took longer than its deadline."

CODES: Mapping[type[AviaryError], grpc.StatusCode] = MappingProxyType(
    {
        InvalidArgumentError: grpc.StatusCode.INVALID_ARGUMENT,
        NotFoundError: grpc.StatusCode.NOT_FOUND,
        AlreadyExistsError: grpc.StatusCode.ALREADY_EXISTS,
        FailedPreconditionError: grpc.StatusCode.FAILED_PRECONDITION,
        PermissionDeniedError: grpc.StatusCode.PERMISSION_DENIED,
        TooManyRequestsError: grpc.StatusCode.RESOURCE_EXHAUSTED,
        UnavailableError: grpc.StatusCode.UNAVAILABLE,
    }
)
"""Each domain error's code. An error of none of these types is a bug and answers INTERNAL."""

SERVER_FAULTS = frozenset(
    {
        grpc.StatusCode.UNKNOWN,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.UNIMPLEMENTED,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DATA_LOSS,
    }
)
"""Codes that mean that we failed, for spans, service levels and alerts; the others are the client's
to mend."""

_NUMBERS: Mapping[grpc.StatusCode, int] = {code: code.value[0] for code in grpc.StatusCode}
# These carry the same arguments, so one line of `domain_error` rebuilds each of them.
_PLAIN: Mapping[grpc.StatusCode, type[AviaryError]] = {
    CODES[error]: error
    for error in (
        NotFoundError,
        AlreadyExistsError,
        FailedPreconditionError,
        PermissionDeniedError,
    )
}
# What a client can only wait out: the sibling is gone, too slow to say, or on its way out, when it
# cancels what has just reached it. (What we cancel ourselves is no answer, and never comes here.)
_TRANSIENT = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.DEADLINE_EXCEEDED,
        grpc.StatusCode.CANCELLED,
    }
)

_NANOS_PER_SECOND = 1_000_000_000


def status_of(error: AviaryError) -> tuple[grpc.StatusCode, Status] | None:
    """Return the code and details of a domain error, or None if the table does not know it."""
    code = next((CODES[base] for base in type(error).__mro__ if base in CODES), None)
    if code is None:
        return None
    status = _status(code, str(error), error.reason, error.metadata)
    if isinstance(error, InvalidArgumentError):
        violation = BadRequest.FieldViolation(field=error.field, description=error.description)
        status.details.add().Pack(BadRequest(field_violations=[violation]))
    if isinstance(error, UnavailableError | TooManyRequestsError):
        retry = RetryInfo()
        retry.retry_delay.FromNanoseconds(int(error.retry_after_s * _NANOS_PER_SECOND))
        status.details.add().Pack(retry)
    return code, status


def internal_status() -> tuple[grpc.StatusCode, Status]:
    """Return the one answer to every unknown error: it says nothing of what happened."""
    code = grpc.StatusCode.INTERNAL
    return code, _status(code, INTERNAL_SENTENCE, Reason.INTERNAL, {})


def deadline_status() -> tuple[grpc.StatusCode, Status]:
    """Return the answer to a call that its deadline cut short."""
    code = grpc.StatusCode.DEADLINE_EXCEEDED
    return code, _status(code, DEADLINE_SENTENCE, Reason.DEADLINE_EXCEEDED, {})


def status_trailer(status: Status) -> tuple[tuple[str, bytes]]:
    """Return the trailing metadata that carries `status`."""
    return ((DETAILS_KEY, status.SerializeToString()),)


def domain_error(error: grpc.aio.AioRpcError) -> AviaryError | grpc.aio.AioRpcError:
    """Return the domain error that a sibling's answer stands for.

    UNAVAILABLE, DEADLINE_EXCEEDED and CANCELLED give UnavailableError. A code that no domain error
    has (such as INTERNAL) gives `error` itself, so that it is logged as unknown here too.
    """
    code, sentence = error.code(), error.details() or error.code().name
    info, bad_request, retry = ErrorInfo(), BadRequest(), RetryInfo()
    for detail in _details(error):
        for known in (info, bad_request, retry):
            # Unpack leaves `known` as it is when the detail is of another type.
            detail.Unpack(known)
    if code in _TRANSIENT:
        delay_s = retry.retry_delay.ToNanoseconds() / _NANOS_PER_SECOND
        return UnavailableError(sentence, **({"retry_after_s": delay_s} if delay_s > 0 else {}))
    reason = ForeignReason(info.reason or code.name)
    if code is grpc.StatusCode.INVALID_ARGUMENT:
        if not bad_request.field_violations:
            return InvalidArgumentError("request", sentence, reason=reason)
        violation = bad_request.field_violations[0]
        return InvalidArgumentError(violation.field, violation.description, reason=reason)
    if code is grpc.StatusCode.RESOURCE_EXHAUSTED and info.reason:
        # Without a reason it is gRPC's own: a message that is too large.
        delay_s = retry.retry_delay.ToNanoseconds() / _NANOS_PER_SECOND
        return TooManyRequestsError(
            sentence, reason=reason, metadata=dict(info.metadata), retry_after_s=delay_s
        )
    if code in _PLAIN:
        return _PLAIN[code](sentence, reason=reason, metadata=dict(info.metadata))
    return error


def _status(
    code: grpc.StatusCode, sentence: str, reason: str, metadata: Mapping[str, str]
) -> Status:
    status = Status(code=_NUMBERS[code], message=sentence)
    status.details.add().Pack(ErrorInfo(reason=reason, domain=DOMAIN, metadata=metadata))
    return status


def _details(error: grpc.aio.AioRpcError) -> list[Any]:
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            try:
                return list(Status.FromString(value).details)
            except DecodeError:
                # A proxy's or another server's trailer; the code alone still says enough.
                return []
    return []
