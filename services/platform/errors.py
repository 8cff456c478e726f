"""Domain errors: what went wrong, in terms a caller can act on.

Each error has a stable `reason`, of those in the contracts, and `metadata`;
`services.platform.rpc.status` maps them to gRPC status with `google.rpc` details. Code below the
servicers raises these and nothing else on purpose.
"""

from collections.abc import Mapping
from types import MappingProxyType

from services.platform.error_reasons import Reason

__all__ = [
    "AlreadyExistsError",
    "AviaryError",
    "CallAgain",
    "FailedPreconditionError",
    "ForeignReason",
    "InvalidArgumentError",
    "NotFoundError",
    "PermissionDeniedError",
    "TooManyRequestsError",
    "UnavailableError",
]


class ForeignReason(str):
    """A reason that another process gave, which may be of a version that knows more of them."""

    __slots__ = ()


class AviaryError(Exception):
    """Base of all domain errors; `str(error)` is the sentence a caller sees."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason | ForeignReason,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.reason = reason
        self.metadata: Mapping[str, str] = MappingProxyType(dict(metadata or {}))


class CallAgain(Exception):  # noqa: N818 - no error
    """Raised by the handler of a message to be called with it again in about `after_s` seconds.

    What it did so far stands, and nothing is out of order: the work is done in parts, or something
    must have come to rest first. It is neither a failed attempt nor an outage. No RPC raises it.
    """

    def __init__(self, reason: str, *, after_s: float) -> None:
        super().__init__(reason)
        self.after_s = after_s


class InvalidArgumentError(AviaryError):
    """A request field breaks its stated limit. `field` is its proto name."""

    def __init__(
        self, field: str, message: str, *, reason: Reason | ForeignReason = Reason.INVALID_FIELD
    ) -> None:
        super().__init__(f"{field}: {message}", reason=reason, metadata={"field": field})
        self.field = field
        self.description = message


class NotFoundError(AviaryError):
    """The thing named in the request does not exist, or no longer does."""


class AlreadyExistsError(AviaryError):
    """The thing to be made, or its unique name, is there already."""


class FailedPreconditionError(AviaryError):
    """The request is well formed but the system is not in a state to do it."""


class PermissionDeniedError(AviaryError):
    """The caller may not do this."""


class TooManyRequestsError(AviaryError):
    """The caller has used up a budget; there is more of it after `retry_after_s` seconds."""

    def __init__(
        self,
        message: str,
        *,
        reason: Reason | ForeignReason,
        metadata: Mapping[str, str] | None = None,
        retry_after_s: float = 1.0,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_after_s = retry_after_s


class UnavailableError(AviaryError):
    """A store, bus or sibling cannot be reached now; the caller may retry after `retry_after_s`."""

    def __init__(self, message: str, *, retry_after_s: float = 1.0) -> None:
        super().__init__(message, reason=Reason.UNAVAILABLE)
        self.retry_after_s = retry_after_s
