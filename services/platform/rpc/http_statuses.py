"""The HTTP status that says over REST what a code says by gRPC."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

__all__ = ["HTTP_STATUS"]

HTTP_STATUS: Final[Mapping[str, int]] = MappingProxyType(
    {
        "INVALID_ARGUMENT": 400,
        "FAILED_PRECONDITION": 400,
        "OUT_OF_RANGE": 400,
        "UNAUTHENTICATED": 401,
        "PERMISSION_DENIED": 403,
        "NOT_FOUND": 404,
        "UNIMPLEMENTED": 404,
        "ALREADY_EXISTS": 409,
        "RESOURCE_EXHAUSTED": 429,
        "INTERNAL": 500,
        "UNAVAILABLE": 503,
        "DEADLINE_EXCEEDED": 504,
    }
)
"""By the code's name, as the transcoder answers it; UNIMPLEMENTED is what Envoy says by gRPC of a
path that does not exist."""
