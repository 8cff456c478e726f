"""What the id service and its clients need from the outside."""

from collections.abc import Sequence
from typing import Protocol

from services.id.model import Lease

__all__ = ["IdSource", "LeaseSource", "LeaseStore"]


class LeaseStore(Protocol):
    """The durable record of each worker number: its newest lease.

    Records are never deleted, for the end of the last window bounds the start of the next. Every
    method raises `UnavailableError` when the engine cannot answer.
    """

    async def get(self, workers: Sequence[int]) -> dict[int, Lease]:
        """Read the newest lease of each worker; one never leased is missing."""
        ...

    async def claim(self, expected: Lease | None, lease: Lease) -> bool:
        """Replace the record of `lease.worker` if it equals `expected` (None: there is none).

        Atomic and durable once it returns True. On an error the write may or may not have been
        made.
        """
        ...


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
