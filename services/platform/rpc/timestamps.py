"""Times on the wire: Unix milliseconds here, `google.protobuf.Timestamp` there."""

from google.protobuf.timestamp_pb2 import Timestamp

__all__ = ["from_timestamp", "to_timestamp"]


def to_timestamp(unix_ms: int) -> Timestamp:
    """Translate Unix milliseconds."""
    timestamp = Timestamp()
    timestamp.FromMilliseconds(unix_ms)
    return timestamp


def from_timestamp(timestamp: Timestamp) -> int:
    """Give a time in Unix milliseconds; what is below a millisecond is cut off."""
    return timestamp.ToMilliseconds()
