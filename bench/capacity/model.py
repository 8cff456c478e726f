"""The model: fleets, storage, lag and cost at a threshold, and the threshold that costs least."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from bench.capacity.assumptions import Assumptions, Prices, Scale
from bench.capacity.costs import UnitCosts
from bench.capacity.fleet import Demand, Region, demand, region, stored_bytes, whole
from bench.capacity.followers import Followers, fitted
from bench.capacity.lag import Lag, poisson, simulate, surge
from bench.capacity.money import fixed, monthly
from bench.errors import BenchError

__all__ = ["Lags", "Model", "Plan", "best", "thresholds"]

SEED = 5
TWEETS = 60_000
"""Simulated for a lag: its p99 is then of 600."""
FANOUT = "fanout"
MICRO = 1e-6
PER_DECADE = 8
FEWEST = 1_000
"""The lowest threshold tried: one page of followers, which is pushed at one go."""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a threshold takes."""

    threshold: int
    load_mean: Demand
    load_peak: Demand
    mean: Region
    peak: Region
    stored_bytes: float
    """In each Bigtable cluster."""
    dollars: dict[str, float]
    """A month, of what the threshold moves."""

    @property
    def total(self) -> float:
        """Dollars a month of that; infinite where it cannot be served."""
        return sum(self.dollars.values())


@dataclass(frozen=True, slots=True)
class Lags:
    """From a post to the last timeline, in seconds."""

    mean: Lag
    peak: Lag
    surge_s: float
    """What a jump from the mean to the peak leaves when the first new workers come."""


@dataclass(frozen=True, slots=True)
class Model:
    """Answers for one scale."""

    scale: Scale
    given: Assumptions
    prices: Prices
    costs: UnitCosts
    followers: Followers

    @classmethod
    def of(cls, scale: Scale, given: Assumptions, prices: Prices, costs: UnitCosts) -> "Model":
        """Fit the followers. Raises `BenchError` for what cannot be modelled."""
        if min(given.utilisation, given.serving_regions, given.clusters, scale.peak) <= 0:
            raise BenchError("utilisation, serving_regions, clusters and peak are above 0")
        followers = fitted(scale.followings, given.power, int(scale.daily_users))
        return cls(scale, given, prices, costs, followers)

    def plan(self, threshold: int) -> Plan:
        """Size everything for a threshold."""
        loads = [
            demand(self.scale, self.given, self.followers, threshold, peak=peak)
            for peak in (False, True)
        ]
        sized = [region(load, self.scale, self.given, self.costs) for load in loads]
        stored = stored_bytes(self.scale, self.given, self.costs, loads[0])
        dollars = monthly(sized[0], sized[1], stored, self.given, self.prices)
        return Plan(threshold, loads[0], loads[1], sized[0], sized[1], stored, dollars)

    def curve(self) -> list[Plan]:
        """Plan for thresholds from one page of followers to everybody."""
        most = max(FEWEST + 1, int(self.scale.daily_users))
        return [self.plan(threshold) for threshold in thresholds(FEWEST, most)]

    def fixed(self) -> dict[str, float]:
        """Dollars a month for what no threshold changes."""
        return fixed(self.scale, self.given, self.prices)

    def tweets_bytes_per_day(self) -> tuple[float, float]:
        """(bytes of a day's tweets, the same with all copies)."""
        raw = self.scale.tweets_per_day * self.given.tweet_bytes
        return raw, raw * self.given.copies

    def lags(self, plan: Plan, tweets: int = TWEETS) -> Lags:
        """Simulate the fan-out's queue with the workers of a plan."""
        rng = Random(SEED)  # noqa: S311 - drawn again from the same seed
        each = [
            self._lag(load.posts, whole(sized.pods[FANOUT]), plan.threshold, tweets, rng)
            for load, sized in ((plan.load_mean, plan.mean), (plan.load_peak, plan.peak))
        ]
        # All of a worker's CPU, not what the autoscaler aims at.
        served = whole(plan.mean.pods[FANOUT]) * self.given.pod_vcpu
        late = surge(plan.peak.vcpu[FANOUT], served, self.given.autoscaling_s)
        return Lags(each[0], each[1], late)

    def _lag(self, posts: float, workers: int, threshold: int, tweets: int, rng: Random) -> Lag:
        page, delivery_s = self.given.page, self.costs.delivery.us.get(FANOUT, 0.0) * MICRO
        fixed_s = self.costs.post.us.get(FANOUT, 0.0) * MICRO

        def pages() -> list[float]:
            count = self.followers.draw(rng)
            if count > threshold:
                return [fixed_s]
            whole, rest = divmod(count, int(page))
            return [fixed_s + rest * delivery_s, *[page * delivery_s] * whole]

        lag = simulate(poisson(posts, rng), pages, workers, tweets)
        base = self.costs.delivery_delay.total_us * MICRO
        return Lag(lag.p50_s + base, lag.p99_s + base, lag.mean_wait_s)


def best(plans: list[Plan]) -> Plan:
    """Give the plan that costs least."""
    least = min(plans, key=lambda plan: plan.total)
    if not math.isfinite(least.total):
        raise BenchError("no threshold can be served: timeline processes only read celebrities")
    return least


def thresholds(low: int, high: int) -> Iterator[int]:
    """Give thresholds evenly spaced by logarithm, with two digits each, ends included."""
    steps = math.ceil(math.log10(high / low) * PER_DECADE)
    seen = set()
    for step in range(steps + 1):
        exact = low * (high / low) ** (step / max(1, steps))
        digits = 10 ** max(0, math.floor(math.log10(exact)) - 1)
        rounded = high if step == steps else round(exact / digits) * digits
        if rounded not in seen:
            seen.add(rounded)
            yield rounded
