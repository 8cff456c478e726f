"""What the user service needs from the outside."""

from collections.abc import Sequence
from typing import Protocol

from services.user.model import HandleClaim, User

__all__ = ["IdSource", "UserStore"]


class IdSource(Protocol):
    """Where user ids come from."""

    async def next_id(self) -> int:
        """Make a positive id, unique in the system; `UnavailableError` if that cannot be."""
        ...


class UserStore(Protocol):
    """The durable users. Every method raises `UnavailableError` when the engine cannot answer."""

    async def get_claim(self, canonical_handle: str) -> HandleClaim | None:
        """Read the claim of a handle, None if nobody ever claimed it."""
        ...

    async def replace_claim(
        self, canonical_handle: str, expected: HandleClaim | None, claim: HandleClaim
    ) -> bool:
        """Make `claim` the handle's claim if it now is `expected` (None: there is none).

        Atomic, and durable once it returns True. On an error the change may have been made.
        """
        ...

    async def put(self, user: User) -> None:
        """Write the user's row. Idempotent."""
        ...

    async def remove(self, user_id: int) -> None:
        """Delete the user's row; nothing happens if there is none."""
        ...

    async def get(self, user_ids: Sequence[int]) -> dict[int, User]:
        """Read users by id; one that does not exist is missing."""
        ...
