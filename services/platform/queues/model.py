"""What operators see of queues."""

from dataclasses import dataclass

__all__ = ["GivenUp", "Queue"]


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
