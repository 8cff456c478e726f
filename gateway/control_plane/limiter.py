"""Decides on writes, for all edges together."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from gateway.control_plane.keys import counts_key, reputation_key, subject_key
from gateway.control_plane.reputation import ReputationRules
from gateway.control_plane.scripts import COUNT, WINDOW_SLOTS
from gateway.limits.budgets import (
    Age,
    Budget,
    EndpointClass,
    Reputation,
    SlidingWindow,
    Subject,
    TokenBucket,
    divisor,
    reputation_divisor,
    shrunk,
)
from gateway.limits.table import NEW_ACCOUNT_DAYS
from services.platform.ids.snowflake_time import time_ms
from services.platform.runtime.clock import CLOCK_SKEW_MS, Clock
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.script import Page, Script

__all__ = ["BUDGETS", "Decision", "Limiter", "age_of"]

_MS_PER_S = 1_000
_MS_PER_DAY = 86_400_000
_MAX_ID_DIGITS = 19  # of 63 bits
BUDGETS = ("burst", "sustained")
_REPUTATIONS = (Reputation.GOOD, Reputation.SUSPECT, Reputation.HOSTILE)


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a request may pass, and what the tightest budget says."""

    allowed: bool
    limit: int
    remaining: int
    reset_s: int
    """Seconds until one more request is let through; 0 when one would be now."""
    budget: str
    reputation: Reputation
    """Of the subject whose budget it is."""


def age_of(user_id: str, now_ms: int) -> Age:
    """Judge how old an account is by the time in its id."""
    is_id = user_id.isascii() and user_id.isdecimal() and len(user_id) <= _MAX_ID_DIGITS
    made_ms = time_ms(int(user_id)) if is_id else 0
    return Age.NEW if now_ms - made_ms < NEW_ACCOUNT_DAYS * _MS_PER_DAY else Age.SETTLED


class Limiter:
    """Counts in Valkey: token buckets, and sliding windows that hold for every span.

    Each subject is counted by itself, for its keys are of one slot and another's of another. So a
    request that one budget refuses may have been counted by the others.
    """

    def __init__(self, client: ValkeyClient, clock: Clock, rules: ReputationRules) -> None:
        self._clock = clock
        self._rules = rules
        self._count = Script(client, COUNT)
        self._known: dict[tuple[str, Subject, Age, bool], tuple[bytes | int, ...]] = {}

    async def decide(
        self, endpoints: EndpointClass, subjects: Mapping[Subject, str], *, proven: bool = False
    ) -> Decision:
        """Count a request; raises UnavailableError when Valkey cannot be asked.

        `proven` work lifts what bad reputation costs, and has budgets beside those used up already.
        """
        now_ms = self._clock.now_ms()
        asked = [subject for subject in endpoints.budgets if subject in subjects]
        # One pipeline, without a task for each subject.
        answers = await self._count.run_pages(
            [self._page(endpoints, one, subjects[one], now_ms, proven=proven) for one in asked]
        )
        return min(map(_decision, answers), key=lambda one: (one.allowed, one.remaining))

    def _page(
        self, endpoints: EndpointClass, subject: Subject, name: str, now_ms: int, *, proven: bool
    ) -> Page:
        who = subject_key(subject, name)
        age = age_of(name, now_ms) if subject is Subject.USER else Age.SETTLED
        counted = f"{endpoints.name}:proven" if proven else endpoints.name
        keys = (counts_key(who, counted), reputation_key(who))
        return keys, (now_ms, *self._rest(endpoints, subject, age, proven=proven))

    def _rest(
        self, endpoints: EndpointClass, subject: Subject, age: Age, *, proven: bool
    ) -> tuple[bytes | int, ...]:
        """Give the script's arguments but for the time, made once."""
        kind = (endpoints.name, subject, age, proven)
        if (known := self._known.get(kind)) is not None:
            return known
        by = divisor(endpoints, age, Reputation.GOOD)
        budgets = [shrunk(budget, by) for _, budget in endpoints.budgets[subject].named()]
        made = self._known[kind] = (
            self._rules.suspect_ms,
            self._rules.hostile_ms,
            *((1, 1) if proven else map(reputation_divisor, _REPUTATIONS[1:])),
            WINDOW_SLOTS,
            self._rules.most_ms,
            CLOCK_SKEW_MS,
            *(argument for budget in budgets for argument in _arguments(budget)),
        )
        return made


def _decision(answer: Sequence[int]) -> Decision:
    allowed, limit, remaining, reset_ms, number, reputation = answer
    return Decision(
        bool(allowed),
        limit,
        remaining,
        -(-reset_ms // _MS_PER_S),
        BUDGETS[number],
        _REPUTATIONS[reputation],
    )


def _arguments(budget: Budget) -> tuple[bytes, int, int]:
    if isinstance(budget, SlidingWindow):
        return b"w", budget.limit, budget.window_s * _MS_PER_S
    assert isinstance(budget, TokenBucket)  # noqa: S101 - for mypy; there is no third kind
    return b"b", budget.capacity, budget.refill_s * _MS_PER_S
