"""How many followers users have: few with most, and nearly all with few.

Counts are a Lomax variable (a power law shifted to begin at nought) rounded down, cut off where
everybody follows. The tail's exponent is measured (Kwak, Lee, Park, Moon, "What is Twitter, a
social network or a news media?", WWW 2010); the shift is fitted so that the mean is as asked for.
"""

from dataclasses import dataclass
from random import Random

from bench.errors import BenchError

__all__ = ["Followers", "fitted"]

STEPS = 200
"""Halvings of the range of shifts: more than a float has bits."""
LARGEST_SHIFT = 1e12
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Followers:
    """The distribution of a user's followers."""

    shift: float
    tail: float
    """Exponent of P(X ≥ k), one less than that of P(X = k)."""
    largest: int

    def at_least(self, count: float) -> float:
        """P(X ≥ count)."""
        if count > self.largest:
            return 0.0
        cut = self._uncut(self.largest + 1)
        return (self._uncut(count) - cut) / (1 - cut)

    def share_above(self, threshold: float) -> float:
        """P(X > threshold), for a whole number."""
        return self.at_least(threshold + 1)

    def mean_above(self, threshold: float) -> float:
        """E[X; X > threshold]: over all users, followers of those who have more than that.

        It is also how many such people a user follows in the mean. By summation by parts, with the
        sum of tails as an integral about midpoints, which is exact to a millionth here.
        """
        first = threshold + 1
        if first > self.largest:
            return 0.0
        cut = self._uncut(self.largest + 1)
        total = self._area(first + HALF, self.largest + HALF)
        sums = (total - cut * (self.largest - first)) / (1 - cut)
        return first * self.at_least(first) + sums

    @property
    def mean(self) -> float:
        """E[X]."""
        return self.mean_above(0)

    def threshold_of(self, share: float) -> float:
        """The count that a share of users reach or exceed."""
        cut = self._uncut(self.largest + 1)
        wanted = cut + min(1.0, max(0.0, share)) * (1 - cut)
        return float(self.shift * (wanted ** (-1 / self.tail) - 1))

    def draw(self, rng: Random) -> int:
        """Draw a user's followers."""
        return int(self.threshold_of(1 - rng.random()))

    def _uncut(self, count: float) -> float:
        return float((1 + count / self.shift) ** -self.tail)

    def _area(self, low: float, high: float) -> float:
        """Integrate the uncut tail."""
        power = 1 - self.tail

        def upto(count: float) -> float:
            return float(self.shift / power * (1 + count / self.shift) ** power)

        return upto(high) - upto(low)


def fitted(mean: float, power: float, largest: int) -> Followers:
    """Fit the shift. Raises `BenchError` where no such distribution has the mean."""
    if power <= 1 or power == 2:  # noqa: PLR2004 - where the integral is a logarithm
        raise BenchError(f"the exponent is {power}, wanted above 1 and other than 2")
    low, high = 1e-6, LARGEST_SHIFT
    if not 0 < mean < largest / 2:
        raise BenchError(f"the mean is {mean}, wanted above 0 and below half of {largest:,}")
    for _ in range(STEPS):
        middle = (low * high) ** HALF
        if Followers(middle, power - 1, largest).mean < mean:
            low = middle
        else:
            high = middle
    return Followers(high, power - 1, largest)
