"""How often to try, and how long to wait in between."""

import random
from dataclasses import dataclass

__all__ = ["RetryPolicy"]

_MAX_DOUBLINGS = 32
"""Keeps the power finite for any attempt number; every sane cap is reached long before."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """Exponential back-off with full jitter.

    See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    max_attempts: int
    """Failed attempts before giving up; what is an outage does not count."""
    base_s: float
    cap_s: float

    def delay_s(self, attempt: int, rng: random.Random) -> float:
        """Seconds to wait after failed attempt `attempt`, which counts from 1."""
        ceiling = self.base_s * 2 ** min(attempt - 1, _MAX_DOUBLINGS)
        return rng.uniform(0, min(self.cap_s, ceiling))
