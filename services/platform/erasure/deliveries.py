"""How an erasure is spread over deliveries of its message."""

from typing import Final

__all__ = ["WORK_S"]

WORK_S: Final = 5.0
"""Seconds of work in one delivery: well within the time after which the bus would give the message
to somebody else, which is 10 s at the least."""
