"""What operators see of queues."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["Content", "GivenUp", "Queue"]


@dataclass(frozen=True, slots=True)
class Queue:
    """What waits for one subscription."""

    subscription: str
    messages: int | None
    """Not yet handled; None where the engine cannot say."""
    dead_letters: int | None
    """Given up and not put back; None where the engine cannot say."""
    paused: bool | None
    """Whether nothing is to be taken from it; None while that could not be read yet."""


@dataclass(frozen=True, slots=True)
class GivenUp:
    """A dead letter, cut to what fits into an answer with a thousand of them."""

    id: str
    reason: str
    fields: tuple[tuple[bytes, bytes], ...]
    """Names and values of what is no message; empty for any other."""


@dataclass(frozen=True, slots=True)
class Content:
    """A dead letter with what it says, cut to what fits into an answer of its own."""

    letter: GivenUp
    attributes: Mapping[str, str]
    data: bytes
    data_size: int
    """Bytes before it was cut."""
