"""Whom tweets are pushed to."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum, auto

__all__ = ["Audience", "Priority"]


class Priority(Enum):
    """Whom a page of pushes goes to: close friends come before all others."""

    CLOSE = auto()
    REST = auto()


@dataclass(frozen=True, slots=True)
class Audience:
    """Who follows an author."""

    author: int
    followers: int
    """How many, nearly exact."""
    page: tuple[Sequence[int], Sequence[int]] | None
    """(close friends, the rest), all of them; None where there are more than make a page."""
