"""What the issuer needs from outside."""

from dataclasses import dataclass
from typing import Protocol

__all__ = ["Account", "UserDirectory"]


@dataclass(frozen=True, slots=True)
class Account:
    """A user, as the user service knows them."""

    user_id: int
    handle: str
    generation: int = 0
    """Of the password that was shown, if one was; see `services.identity.model.Credential`."""


class UserDirectory(Protocol):
    """Who exists. Every method raises `UnavailableError` if nobody can say."""

    async def create(self, handle: str, display_name: str, request_id: str) -> Account:
        """Make a user; a repeat of `request_id` within a day gives the same one.

        Raises `AlreadyExistsError` for a handle of somebody else, `InvalidArgumentError`.
        """
        ...

    async def by_handle(self, handle: str) -> Account | None:
        """Find a user by handle, in any case; None if it is free or cannot be one."""
        ...

    async def by_id(self, user_id: int) -> Account | None:
        """Find a user; None if there is none, or none any more."""
        ...
