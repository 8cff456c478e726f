"""What was revoked, as the issuer hands it to the edges."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from services.platform.tokens.lives import ACCESS_TOKEN_S, APP_KEY_S, USER_TOKEN_S

__all__ = ["LIVES_S", "Revocable", "Revoked", "RevokedList"]


class Revocable(StrEnum):
    """What tokens and keys can be refused by, before they expire."""

    SESSION = "session"
    """By the `sid` of access tokens: what descends from one log-in."""
    USER = "user"
    """By id: a user who is gone, for users' tokens come from other issuers and operators too."""
    APP_KEY = "app-key"
    """By the `jti` of an API key."""


LIVES_S: Final = {
    Revocable.SESSION: ACCESS_TOKEN_S,
    Revocable.USER: USER_TOKEN_S,
    Revocable.APP_KEY: APP_KEY_S,
}
"""How long at most what is refused lives, in seconds. It was issued before it was revoked."""


@dataclass(frozen=True, slots=True)
class Revoked:
    """What was revoked of one kind."""

    names: frozenset[str]
    """Those that last longest, `MAX_LISTED` at most."""
    issued_by_s: int | None = None
    """Everything issued until then, in Unix seconds, is refused, whatever its name; None if all
    names are there."""


class RevokedList(Protocol):
    """The lists that edges are sent; an entry lasts until its time, and may be lost before it.

    Edges know the `MAX_LISTED` names of a kind that last longest. While there are more, they refuse
    whatever of this kind was issued before the last of the others was revoked.
    """

    async def add(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add names, each with the Unix milliseconds when it can be forgotten; idempotent.

        Raises `UnavailableError` when it cannot be kept.
        """
        ...

    async def restore(self, kind: Revocable, until_ms: Mapping[str, int]) -> None:
        """Add all names there are, or the `MAX_LISTED + 1` that last longest. Atomic, idempotent.

        Until this was done, a list that lost its names counts as lost, not as short. Raises
        `UnavailableError`.
        """
        ...
