"""Opening a bucket, where one is set: nobody else pays for the import of Google's library."""

from services.media.ports import MediaBytes
from services.platform.runtime.clock import Clock

__all__ = ["open_bucket"]


def open_bucket(name: str, clock: Clock) -> MediaBytes:
    """Open a bucket of Cloud Storage by the process's own credentials."""
    from services.media.bucket_bytes import opened  # noqa: PLC0415 - as above

    return opened(name, clock)
