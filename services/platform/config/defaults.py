"""Defaults that commands and other programs know, without reading settings."""

from typing import Final

__all__ = [
    "DEFAULT_DATA_DIR",
    "DEFAULT_EDGE_PORT",
    "DEFAULT_ISSUER_URL",
    "MAX_PORT",
]

DEFAULT_DATA_DIR: Final = ".data"
DEFAULT_EDGE_PORT: Final = 8080
DEFAULT_ISSUER_URL: Final = "http://127.0.0.1:8080"
"""Where the edge is on a laptop; an issuer's name must be the same for all who read its tokens."""
MAX_PORT: Final = 65_535
