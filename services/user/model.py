"""Users, and the claims that keep their handles unique."""

from dataclasses import dataclass

__all__ = ["HandleClaim", "User"]


@dataclass(frozen=True, slots=True)
class User:
    """A person or organisation that tweets, follows and reads."""

    user_id: int
    handle: str
    """As its owner writes it; unique without case."""
    display_name: str
    created_at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class HandleClaim:
    """Who holds a handle.

    A claim is made open before its user row is written and settled after it. Only an open claim
    may pass to another user, so that settling decides who won.
    """

    user_id: int
    claimed_at_ms: int
    """Unix milliseconds."""
    settled: bool
