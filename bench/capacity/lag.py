"""How long tweets wait for the fan-out: a queue of pages with as many servers as workers.

A tweet is one page for each thousand followers or part of them. Tweets come at random (Poisson),
pages are served in order of arrival by whoever is free, and a tweet is there with its last page.
That is an M[X]/G/k queue, whose tail has no formula: it is simulated. `expected_wait` is the
formula for single pages (Allen and Cunneen), which tests hold the simulation to.
"""

import heapq
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from random import Random

__all__ = ["Lag", "erlang_c", "expected_wait", "poisson", "simulate", "surge"]

WARM_UP = 0.1
"""Share of tweets that are not counted: the queue begins empty."""


@dataclass(frozen=True, slots=True)
class Lag:
    """Seconds from the moment that a tweet is planned to its last follower's timeline."""

    p50_s: float
    p99_s: float
    mean_wait_s: float
    """Until its first page begins."""


def simulate(
    arrivals: Iterator[float], pages: Callable[[], list[float]], workers: int, tweets: int
) -> Lag:
    """Serve tweets: `arrivals` are gaps in seconds, `pages` draws the seconds each page takes."""
    free = [0.0] * workers
    now = 0.0
    lags: list[float] = []
    waits: list[float] = []
    for number in range(tweets):
        now += next(arrivals)
        last = first = now
        for place, seconds in enumerate(pages()):
            began = max(now, free[0])
            if place == 0:
                first = began
            heapq.heapreplace(free, began + seconds)
            last = max(last, began + seconds)
        if number >= tweets * WARM_UP:
            lags.append(last - now)
            waits.append(first - now)
    lags.sort()
    return Lag(_percentile(lags, 0.5), _percentile(lags, 0.99), sum(waits) / len(waits))


def poisson(rate: float, rng: Random) -> Iterator[float]:
    """Give gaps between arrivals."""
    while True:
        yield rng.expovariate(rate)


def surge(arriving: float, served: float, until_s: float) -> float:
    """Give the lag in seconds that a surge leaves when more workers come after `until_s`.

    Both rates are of the same work, a second; what cannot be served waits.
    """
    return max(0.0, arriving / served - 1.0) * until_s


def erlang_c(workers: int, offered: float) -> float:
    """Give the share of arrivals that wait in M/M/k, with `offered` busy servers in the mean."""
    if offered >= workers:
        return 1.0
    blocked = 1.0  # Erlang B, by its recursion
    for servers in range(1, workers + 1):
        blocked = offered * blocked / (servers + offered * blocked)
    return blocked / (1 - offered / workers * (1 - blocked))


def expected_wait(rate: float, mean_s: float, variation: float, workers: int) -> float:
    """Approximate the mean wait in M/G/k; `variation` is service's variance by its mean squared."""
    offered = rate * mean_s
    if offered >= workers:
        return math.inf
    return erlang_c(workers, offered) * mean_s / (workers - offered) * (1 + variation) / 2


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]
