"""Where ids and worker numbers come from."""

from typing import Protocol

from services.platform.ids.model import Lease

__all__ = ["IdSource", "LeaseSource"]


class LeaseSource(Protocol):
    """Where a process gets its worker number: the id service, in process or over the wire.

    `last_used_ms` is the newest millisecond an id was made at by the owner, 0 for none. Every
    method raises `UnavailableError` when no answer came; the change may have been made.
    """

    async def acquire(self, owner: str, last_used_ms: int) -> Lease:
        """Get a fresh lease with room after `last_used_ms`; a repeat gives another number."""
        ...

    async def renew(self, worker: int, owner: str, last_used_ms: int) -> Lease:
        """Get the same window with a later end; `FailedPreconditionError` if it was lost."""
        ...

    async def release(self, worker: int, owner: str, last_used_ms: int) -> None:
        """Give the number back; nothing happens if it is held no longer."""
        ...


class IdSource(Protocol):
    """Where ids come from."""

    async def next_id(self) -> int:
        """Make an id greater than all before from here; `UnavailableError` if it cannot."""
        ...
