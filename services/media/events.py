"""What the media service publishes: domain events to protobuf bytes and back."""

from aviary.event.v1 import event_pb2

__all__ = ["MediaEvents", "decode_uploaded"]


class MediaEvents:
    """Encodes what the media service publishes."""

    def uploaded(self, media_id: int) -> bytes:
        """Encode that the bytes of a picture have come."""
        event = event_pb2.MediaUploaded(media_id=media_id)
        return event_pb2.MediaEvent(uploaded=event).SerializeToString()


def decode_uploaded(data: bytes) -> int:
    """Decode which picture's bytes have come. Raises ValueError for any other body."""
    event = event_pb2.MediaEvent.FromString(data)
    match event.WhichOneof("event"):
        case "uploaded":
            return event.uploaded.media_id
        case kind:
            raise ValueError(f"unknown media event {kind!r}")
