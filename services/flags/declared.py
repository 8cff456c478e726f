"""Every feature flag there is. A flag nobody sets leaves things as they are without it.

docs/reference/flags.md tells the same to those who set them.
"""

from dataclasses import dataclass
from typing import Final

__all__ = [
    "CELEBRITY_THRESHOLD",
    "CLOSE_FRIENDS_FIRST",
    "DECLARED",
    "PUBLIC_READS",
    "Flag",
    "NumberFlag",
    "SwitchFlag",
]


@dataclass(frozen=True, slots=True)
class NumberFlag:
    """A whole number within bounds. Unset, something else decides."""

    name: str
    least: int
    most: int

    @property
    def wants(self) -> str:
        """What a value must be."""
        return f"a whole number from {self.least} to {self.most}"

    def allows(self, value: object) -> bool:
        """Whether the flag can have this value; True is no number."""
        return type(value) is int and self.least <= value <= self.most


@dataclass(frozen=True, slots=True)
class SwitchFlag:
    """On or off. Unset, it is as `default` says; None leaves that to its reader."""

    name: str
    default: bool | None

    @property
    def wants(self) -> str:
        """What a value must be."""
        return "true or false"

    def allows(self, value: object) -> bool:
        """Whether the flag can have this value."""
        return isinstance(value, bool)


Flag = NumberFlag | SwitchFlag

# More followers than there are people.
CELEBRITY_THRESHOLD: Final = NumberFlag("fanout.celebrity-threshold", 1, 10_000_000_000)
"""T: followers above which an author's tweets are merged at read, not pushed. Comes before the
setting AVIARY_CELEBRITY_THRESHOLD, and after what an operator has set (`aviary threshold`)."""
CLOSE_FRIENDS_FIRST: Final = SwitchFlag("fanout.close-friends-first", default=True)
"""Whether pages of pushes to close friends go before those to all others. Off, both go side by
side: for a flood of the former that starves the latter."""

PUBLIC_READS: Final = SwitchFlag("edge.public-reads", default=None)
"""Whether the edge lets callers without a token read what is public. Comes before the setting
AVIARY_PUBLIC_READS."""

DECLARED: Final = (CELEBRITY_THRESHOLD, CLOSE_FRIENDS_FIRST, PUBLIC_READS)
