"""Times on the wire: Unix milliseconds here, `google.protobuf.Timestamp` there."""

from typing import Final

from google.protobuf.message import Message
from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["from_timestamp", "time_given", "to_timestamp"]

MS_SUFFIX: Final = "_ms"
"""Ends the name of a deprecated field: milliseconds that say what the field without it does."""


def to_timestamp(unix_ms: int) -> Timestamp:
    """Translate Unix milliseconds."""
    timestamp = Timestamp()
    timestamp.FromMilliseconds(unix_ms)
    return timestamp


def from_timestamp(timestamp: Timestamp) -> int:
    """Give a time in Unix milliseconds; what is below a millisecond is cut off."""
    return timestamp.ToMilliseconds()


def time_given(message: Message, field: str) -> int:
    """Read a time that a message may have in both forms, in Unix milliseconds; 0 for none.

    The Timestamp counts, where it is there: who sends it sends the number only for who reads
    nothing else. Raises ValueError for a Timestamp that is none.
    """
    if message.HasField(field):
        return from_timestamp(getattr(message, field))
    unix_ms: int = getattr(message, field + MS_SUFFIX)
    return unix_ms
