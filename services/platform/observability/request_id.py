"""The id that the edge gave to the request at hand: in its answer, its log, and every log line."""

from contextvars import ContextVar
from typing import Final

__all__ = ["REQUEST_ID", "REQUEST_ID_KEY"]

REQUEST_ID_KEY: Final = "x-request-id"
"""The header, and the key of gRPC metadata between services."""
REQUEST_ID: Final[ContextVar[str]] = ContextVar("request_id", default="")
"""Empty where there is no request, or none from the edge."""
