"""What a generator is asked to do, and what came of it: plain data, as they go through pipes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

__all__ = ["Outcome", "Plan", "source_address"]

_ADDRESSES_PER_NET = 250


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Requests that are sent in turn, over and over, until the end.

    Closed loop without a `rate`: until `seconds` have passed or `count` were sent. Open loop with
    one: `rate * seconds` requests.
    """

    host: str
    port: int
    requests: Sequence[str]
    """Each whole, head and body, in ASCII."""
    kinds: Sequence[int] = field(default_factory=list)
    """To each request a number from 0, by which latencies are told apart; empty: all are 0."""
    connections: int
    first_address: int = 0
    """Number of the first connection's source address (`source_address`)."""
    seconds: float | None = None
    count: int | None = None
    rate: float | None = None
    """Requests a second."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a plan."""

    latencies: Sequence[Sequence[float]]
    """In seconds, by kind, in the order of answers; what failed has the longest wait at least."""
    statuses: Mapping[str, int]
    """Answers by HTTP status; `unanswered` when there came none in time."""
    refusal: str
    """The first answer that was none of 2xx, whole."""
    seconds: float
    """From the first request to the last answer."""
    cpu_s: float
    """Of the generator."""
    late_s: float = 0.0
    """Open loop: how late half of the requests were sent at least; latencies include it."""
    latest_s: float = 0.0
    """Open loop: how late a request was sent at most."""


def source_address(number: int) -> str:
    """Give one of many loopback addresses, by number from 0: callers do not all come from one."""
    high, low = divmod(number, _ADDRESSES_PER_NET)
    return f"127.1.{high % _ADDRESSES_PER_NET}.{low + 1}"
