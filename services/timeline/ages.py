"""How long timelines are kept, for the declaration too, which every process reads."""

from typing import Final

__all__ = ["ACTIVE_DAYS", "DAY_MS"]

DAY_MS: Final = 86_400_000

ACTIVE_DAYS: Final = 30
"""Pushes are stored for viewers who read within this time, and are kept for as long."""
