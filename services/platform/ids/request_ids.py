"""The `request_id` of a mutation: what it may be, and what makes a second one a repeat."""

import hashlib
import json

from services.platform.error_reasons import Reason
from services.platform.errors import AlreadyExistsError, InvalidArgumentError

__all__ = ["MAX_REQUEST_ID_CHARS", "fingerprint", "reused", "validate_request_id"]

MAX_REQUEST_ID_CHARS = 64
"""Room for a UUID with a prefix."""


def validate_request_id(request_id: str) -> str:
    """Check a request id, of which the empty one means none; `InvalidArgumentError` if bad."""
    if len(request_id) > MAX_REQUEST_ID_CHARS or not (
        request_id.isascii() and request_id.isprintable()
    ):
        raise InvalidArgumentError(
            "request_id", f"must be at most {MAX_REQUEST_ID_CHARS} printable ASCII characters"
        )
    return request_id


def fingerprint(*content: str | int | None) -> str:
    """Digest what a request asks for: only a request with the same digest is a repeat."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


def reused(request_id: str) -> AlreadyExistsError:
    """Build the answer to a request id that was used for other content."""
    return AlreadyExistsError(
        "request_id was used for other content",
        reason=Reason.REQUEST_ID_REUSED,
        metadata={"request_id": request_id},
    )
