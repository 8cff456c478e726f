"""What the issuer needs from outside."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

__all__ = ["Account", "Revocable", "RevokedList", "UserDirectory"]


@dataclass(frozen=True, slots=True)
class Account:
    """A user, as the user service knows them."""

    user_id: int
    handle: str


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


class Revocable(StrEnum):
    """What tokens and keys can be refused by, before they expire."""

    SESSION = "session"
    """By the `sid` of access tokens: what descends from one log-in."""
    USER = "user"
    """By id: a user who is gone, for users' tokens come from other issuers and operators too."""
    APP_KEY = "app-key"
    """By the `jti` of an API key."""


class RevokedList(Protocol):
    """What the edges are told of; an entry lasts until its time, and may be lost before it."""

    async def add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add names, each with the Unix milliseconds when it can be forgotten; idempotent.

        Raises `UnavailableError` when it cannot be kept.
        """
        ...
