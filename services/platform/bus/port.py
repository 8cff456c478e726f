"""The bus port: durable, at-least-once messages, after Pub/Sub's model.

A topic has subscriptions; each gets every message published after it was declared. Drivers make
one try; consumers own retry, back-off and dead letters.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Protocol

__all__ = [
    "MESSAGE_MAX_BYTES",
    "BusDriver",
    "DeadLetter",
    "Message",
    "Publisher",
    "PutBack",
    "Received",
    "RefusedError",
    "Subscription",
    "check_sizes",
    "subscriptions_of",
]

MESSAGE_MAX_BYTES = 9_000_000
"""Of body and attributes, on every engine. Pub/Sub takes 10 MB, also of a dead letter, which has
its reason besides."""


class RefusedError(ValueError):
    """A message that the bus does not take, however often it is asked to."""


@dataclass(frozen=True, slots=True)
class Subscription:
    """One consumer of a topic; replicas of a service share it."""

    name: str
    topic: str


def subscriptions_of(topology: Sequence[Subscription], topic: str) -> tuple[Subscription, ...]:
    """All subscriptions of `topic`. Raises ValueError for a topic that the topology lacks."""
    found = tuple(each for each in topology if each.topic == topic)
    if not found:
        raise ValueError(f"topic {topic!r} has no subscription in the topology")
    return found


@dataclass(frozen=True, slots=True)
class Message:
    """An opaque body with text attributes (trace context travels there)."""

    data: bytes
    attributes: Mapping[str, str] = field(default_factory=dict)


def check_sizes(messages: Sequence[Message]) -> None:
    """Raise `RefusedError` if one is too large."""
    for each in messages:
        size = len(each.data) + sum(
            len(name.encode(errors="replace")) + len(text.encode(errors="replace"))
            for name, text in each.attributes.items()
        )
        if size > MESSAGE_MAX_BYTES:
            raise RefusedError(f"a message of {size} bytes: more than {MESSAGE_MAX_BYTES}")


@dataclass(frozen=True, slots=True)
class Received:
    """A delivery: `handle` names it to the driver, `attempt` counts from 1."""

    message: Message
    handle: str
    attempt: int
    outages: int = 0
    """Earlier deliveries that were put back for an outage; `attempt` leaves them out, and those
    whose handler asked to be called again."""
    published_ms: int | None = None
    """Unix milliseconds of the publishing, or of the last redrive; None where unknown."""
    unreadable: str | None = None
    """Why the bus cannot say what this is; then the message is empty, and it can only be given
    up: the dead letter keeps it as it was."""


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up: `id` names it for redrive."""

    id: str
    message: Message
    reason: str
    raw: Mapping[bytes, bytes] | None = None
    """What there is of it by name, where that is no message; then `message` is empty."""


class PutBack(Enum):
    """Why a delivery is put back, and so what it counts as."""

    FAILED = auto()
    """A failed attempt."""
    OUTAGE = auto()
    """Something else was out of order: an outage, and no attempt."""
    ASKED = auto()
    """Its handler asked to be called again: neither."""


class Publisher(Protocol):
    """The sending half. Raises `UnavailableError` when the engine cannot answer."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Durable for every subscription on return; on an error any part may be. No order.

        Raises `RefusedError` if the engine takes one of the messages at no time.
        """
        ...


class BusDriver(Publisher, Protocol):
    """Every method raises `UnavailableError` when the engine cannot answer."""

    async def declare(self, subscriptions: Sequence[Subscription]) -> None:
        """Make topics and subscriptions exist. Idempotent."""
        ...

    async def receive(
        self, subscription: str, *, max_messages: int, wait_s: float
    ) -> list[Received]:
        """Take up to `max_messages`, waiting up to `wait_s` for the first; may be empty.

        A delivery neither acked nor delayed within the visibility time is delivered again. One that
        cannot be read says so, and spoils no other.
        """
        ...

    async def ack(self, subscription: str, received: Sequence[Received]) -> None:
        """Never deliver these again (best effort on engines that may)."""
        ...

    async def delay(
        self,
        subscription: str,
        received: Received,
        delay_s: float,
        why: PutBack = PutBack.FAILED,
    ) -> None:
        """Deliver again after about `delay_s` seconds.

        Of `attempt` and `outages`, the next delivery has the one higher that `why` counts as.
        """
        ...

    async def dead_letter(self, subscription: str, received: Received, reason: str) -> None:
        """Move aside, durably, then ack."""
        ...

    async def list_dead_letters(self, subscription: str, *, limit: int) -> list[DeadLetter]:
        """Oldest first, without taking them."""
        ...

    async def redrive(self, subscription: str, *, limit: int) -> int:
        """Put up to `limit` dead letters back for this subscription alone; returns how many.

        One that cannot be read goes back too, as it was, and is given up again at once. A crash
        in between may deliver one twice, never lose it.
        """
        ...

    async def drop_dead_letters(self, subscription: str, ids: Sequence[str]) -> int:
        """Forget these for good; returns how many of them there were. Idempotent.

        Best effort on engines whose acks are.
        """
        ...

    async def backlog(self, subscription: str) -> int | None:
        """Messages not yet acked, or None where the engine cannot say."""
        ...

    async def dead_letters(self, subscription: str) -> int | None:
        """Count messages given up and not redriven, or None where the engine cannot say."""
        ...

    async def close(self) -> None:
        """Free connections; deliveries in hand will come again elsewhere."""
        ...
