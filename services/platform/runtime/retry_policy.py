"""How often to try, and how long to wait in between."""

import random
from dataclasses import dataclass

__all__ = ["Backoff", "RetryPolicy"]

_MAX_DOUBLINGS = 32
"""Keeps the power finite for any number of failures; every sane cap is reached long before."""


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential back-off with full jitter: waits that spread those who failed together.

    See "Exponential Backoff And Jitter", AWS Architecture Blog, 2015.
    """

    base_s: float
    """The longest wait after the first failure; it doubles with each."""
    cap_s: float
    """The longest wait of all."""

    def longest_s(self, failures: int) -> float:
        """Return the seconds to wait at most after so many failures in a row, 1 or more."""
        return min(self.cap_s, self.base_s * 2.0 ** min(failures - 1, _MAX_DOUBLINGS))

    def delay_s(self, failures: int, rng: random.Random) -> float:
        """Draw the seconds to wait after so many failures in a row, 1 or more."""
        return rng.uniform(0, self.longest_s(failures))


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy(Backoff):
    """A back-off that ends."""

    max_attempts: int
    """Failed attempts before giving up; what is an outage does not count."""
