"""What the user service publishes: domain events to protobuf bytes and back."""

from dataclasses import dataclass

from aviary.event.v1 import event_pb2

from services.platform.rpc.timestamps import time_given, to_timestamp

__all__ = ["UserDeleted", "UserEvents", "decode_user_deleted"]


@dataclass(frozen=True, slots=True)
class UserDeleted:
    """An account was deleted."""

    user_id: int
    deleted_at_ms: int
    """Unix milliseconds."""


class UserEvents:
    """Encodes what the user service publishes."""

    def deleted(self, user_id: int, at_ms: int) -> bytes:
        """Encode the end of an account."""
        event = event_pb2.UserDeleted(
            user_id=user_id, deleted_at=to_timestamp(at_ms), deleted_at_ms=at_ms
        )
        return event_pb2.UserEvent(deleted=event).SerializeToString()


def decode_user_deleted(data: bytes) -> UserDeleted:
    """Decode a message of topic user-events. Raises ValueError for any other body."""
    event = event_pb2.UserEvent.FromString(data)
    if event.WhichOneof("event") != "deleted":
        raise ValueError(f"unknown user event {event.WhichOneof('event')!r}")
    return UserDeleted(event.deleted.user_id, time_given(event.deleted, "deleted_at"))
