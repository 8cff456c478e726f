"""The id that the edge gave to the request at hand: in its answer, its log, and every log line."""

from contextvars import ContextVar
from typing import Final

__all__ = ["MAX_REQUEST_ID_CHARS", "REQUEST_ID", "REQUEST_ID_KEY"]

REQUEST_ID_KEY: Final = "x-request-id"
"""The header, and the key of gRPC metadata between services."""
MAX_REQUEST_ID_CHARS: Final = 64
"""Longer than any that the edge makes; a peer's own must not fill logs."""
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Empty where there is no request, or none from the edge."""
