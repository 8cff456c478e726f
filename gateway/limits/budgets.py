"""What the table of limits is made of: budgets, who has them, and what makes them smaller."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import product

__all__ = [
    "Age",
    "Budget",
    "Budgets",
    "EndpointClass",
    "Reputation",
    "SlidingWindow",
    "Subject",
    "TokenBucket",
    "WithoutValkey",
    "divisor",
    "edge_bucket",
    "kinds_of",
    "reputation_divisor",
    "shrunk",
]


class Subject(StrEnum):
    """Whose budget it is."""

    USER = "user"
    APP = "app"
    IP = "ip"


class Age(StrEnum):
    """How long an account has been there."""

    NEW = "new"
    SETTLED = "settled"


class Reputation(StrEnum):
    """What a subject's anomaly score says of it."""

    GOOD = "good"
    SUSPECT = "suspect"
    HOSTILE = "hostile"


class WithoutValkey(StrEnum):
    """What becomes of a request while the shared counters cannot be asked."""

    NOT_ASKED = "not asked"
    OPEN = "open"
    CLOSED = "closed"


@dataclass(frozen=True, slots=True)
class TokenBucket:
    """`capacity` requests at once; an empty bucket is full again, evenly, after `refill_s`.

    So in any span of `refill_s` at most twice the capacity passes.
    """

    capacity: int
    refill_s: int


@dataclass(frozen=True, slots=True)
class SlidingWindow:
    """At most `limit` requests in any span of `window_s`, wherever the span begins."""

    limit: int
    window_s: int

    def as_bucket(self) -> TokenBucket:
        """Give the token bucket that keeps the promise without a log of requests.

        Half at once and half evenly over the window: what is saved up and what flows in during
        any one window add up to the limit.
        """
        return TokenBucket(max(1, self.limit // 2), self.window_s)


Budget = TokenBucket | SlidingWindow


@dataclass(frozen=True, slots=True)
class Budgets:
    """One subject's budgets in one class; a request must fit into both."""

    burst: Budget
    sustained: Budget
    why: str

    def named(self) -> tuple[tuple[str, Budget], tuple[str, Budget]]:
        """Give both with their names."""
        return ("burst", self.burst), ("sustained", self.sustained)


@dataclass(frozen=True, slots=True)
class EndpointClass:
    """Endpoints that cost and endanger alike, and so share budgets."""

    name: str
    rpcs: tuple[str, ...]
    """Full names, such as `aviary.tweet.v1.TweetService/CreateTweet`."""
    budgets: Mapping[Subject, Budgets]
    without_valkey: WithoutValkey
    """`not asked`: the edge alone decides, and pays no RPC for it. So it is for every read."""
    new_account_divisor: int
    """What a new account's budgets are divided by."""
    paths: tuple[str, ...] = ()
    """Beginnings of paths that are no RPCs of the descriptor set."""
    step_up: bool = False
    """Whether a subject of bad reputation may prove work instead of being slowed."""
    minds_reputation: bool = True
    """False where bad reputation costs nothing: to ask for a challenge is the way out of it."""

    @property
    def is_shared(self) -> bool:
        """Whether all edges count together, by the rate limit service."""
        return self.without_valkey is not WithoutValkey.NOT_ASKED


# A suspect still gets through by hand, not by script; a hostile subject hardly at all. Not zero,
# or an innocent behind the same address could never earn a better one.
_REPUTATION_DIVISORS: Mapping[Reputation, int] = {
    Reputation.GOOD: 1,
    Reputation.SUSPECT: 4,
    Reputation.HOSTILE: 20,
}


def reputation_divisor(reputation: Reputation) -> int:
    """Give what budgets are divided by for such a reputation."""
    return _REPUTATION_DIVISORS[reputation]


def divisor(endpoints: EndpointClass, age: Age, reputation: Reputation) -> int:
    """Give what budgets of the class are divided by for such a subject."""
    young = endpoints.new_account_divisor if age is Age.NEW else 1
    return young * (reputation_divisor(reputation) if endpoints.minds_reputation else 1)


def kinds_of(subject: Subject) -> Iterator[tuple[Age, Reputation]]:
    """Give each pair of age and reputation that a subject of this kind can have.

    An address is no account, so it has no age; an app's reputation is its users'.
    """
    ages = Age if subject is Subject.USER else (Age.SETTLED,)
    reputations = (Reputation.GOOD,) if subject is Subject.APP else Reputation
    return product(ages, reputations)


def shrunk(budget: Budget, by: int) -> Budget:
    """Divide a budget; one request is always left."""
    if isinstance(budget, TokenBucket):
        return TokenBucket(max(1, budget.capacity // by), budget.refill_s)
    return SlidingWindow(max(1, budget.limit // by), budget.window_s)


def edge_bucket(budget: Budget, *, is_shared: bool) -> TokenBucket:
    """Give the bucket by which one edge keeps a budget in memory.

    Where the rate limit service counts, the edge only spares it the flood, and with twice the room:
    so it is the service that refuses, and knows how long and whether a proof would help.
    """
    if is_shared:
        amount, span = _figures(budget)
        return TokenBucket(2 * amount, span)
    return budget if isinstance(budget, TokenBucket) else budget.as_bucket()


def _figures(budget: Budget) -> tuple[int, int]:
    if isinstance(budget, TokenBucket):
        return budget.capacity, budget.refill_s
    return budget.limit, budget.window_s
