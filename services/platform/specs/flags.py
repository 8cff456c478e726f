"""The kinds of feature flags that a service can declare.

A flag that nobody sets leaves things as they are without it.
"""

from dataclasses import dataclass

__all__ = ["Flag", "NumberFlag", "SwitchFlag"]


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
