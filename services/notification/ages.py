"""How long notifications are kept, for the declaration too, which every process reads."""

from typing import Final

__all__ = ["DAY_MS", "KEPT_DAYS", "KEPT_MS"]

DAY_MS: Final = 86_400_000

KEPT_DAYS: Final = 30
"""Older ones nobody scrolls to; and so long a tweet's likes are told apart from repeats."""

KEPT_MS: Final = KEPT_DAYS * DAY_MS
