"""How long the lists may be by which edges refuse or slow single names."""

from typing import Final

__all__ = ["MAX_LISTED"]

MAX_LISTED: Final = 5_000
"""Names of a kind that edges are sent one by one: a megabyte of configuration for each edge, a
quarter of what gRPC takes of one message."""
