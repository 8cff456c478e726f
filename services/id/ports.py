"""What the id service needs from the outside."""

from collections.abc import Sequence
from typing import Protocol

from services.platform.ids.model import Lease

__all__ = ["LeaseStore"]


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
