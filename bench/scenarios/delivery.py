"""How long a tweet takes from its post to the last of its author's followers.

And by how much a tweet of an author with very many followers, posted just before, holds others up.
"""

import time
from collections.abc import Sequence

import httpx
from redis import Redis

from bench.checks import ID, hot_heads
from bench.context import Bench
from bench.errors import BenchError
from bench.load.run import Latencies
from bench.measuring import median
from bench.results import TIMES, Better, Figure, Result
from bench.threshold import celebrities_above
from services.timeline.keys import home_list_key

__all__ = ["NAME", "TITLE", "run"]

NAME = "delivery"
TITLE = "From the post to the last follower's timeline"
FEW, SOME = 100, 1_000
MANY = 100_000
"""Followers that the crowd's targets are for."""
AT_ONCE = 500
"""Timelines looked at in one round trip: some milliseconds."""
POLL_S = 0.002
TRIES = 5
WITHIN_S = 120.0
MS = 1e3
TEXT = "timed on its way"


def run(bench: Bench) -> Result:
    """Post, and look into the followers' hot timelines until the last has the tweet."""
    world, viewers = bench.world, bench.viewers
    crowd = [*viewers, *(one.user_id for one in world.people(bench.options.crowd))]
    crowd = crowd[: bench.options.crowd]
    some, few = crowd[:SOME], crowd[:FEW]
    famous, known, usual, other = (one.user_id for one in world.people(4))
    follows: dict[int, list[int]] = {}
    for author, followers in ((famous, crowd), (known, some), (usual, few), (other, few)):
        for follower in followers:
            follows.setdefault(follower, []).append(author)
    world.follow(follows)
    _heat(bench, crowd)
    with bench.aviary.cache() as cache, httpx.Client(base_url=bench.aviary.url) as client:
        probe = _Probe(bench, client, cache)
        probe.way(known, some)  # warms up
        to_some = [probe.way(known, some) for _ in range(bench.options.probes)]
        to_crowd = [probe.way(famous, crowd) for _ in range(max(3, bench.options.probes // 5))]
        alone: list[float] = []
        after_few: list[float] = []
        after_crowd: list[float] = []
        for _ in range(bench.options.probes):
            alone.append(probe.way(usual, few))
            bench.aviary.drain()
            after_few.append(probe.way_after(other, usual, few))
            after_crowd.append(probe.way_after(famous, usual, few))
        after_few_again, after_celebrity = list[float](), list[float]()
        with celebrities_above(bench.aviary, len(crowd) - 1):
            for _ in range(bench.options.probes):
                after_few_again.append(probe.way_after(other, usual, few))
                after_celebrity.append(probe.way_after(famous, usual, few))
    return Result(
        NAME,
        TITLE,
        [
            _p99(len(some), to_some, 1.0, at_size=len(some) == SOME),
            _p99(len(crowd), to_crowd, 5.0, at_size=len(crowd) >= MANY),
            Figure(f"to the last of {len(few)}, median", median(alone) * MS, "ms", Better.LOWER),
            Figure(
                f"just after another post to {len(few)}: median",
                median(after_few) * MS,
                "ms",
                Better.LOWER,
            ),
            Figure(
                f"just after a post to {len(crowd):,}, against just after one to {len(few)}",
                median(after_crowd) / median(after_few),
                TIMES,
                Better.LOWER,
            ),
            Figure(
                "just after a post of an author above the threshold, against the same",
                median(after_celebrity) / median(after_few_again),
                TIMES,
                Better.LOWER,
                1.1,
            ),
        ],
        notes=[
            "All followers have read their home, so that each has a hot and a stored timeline.",
            (
                "A post just after another waits for the next publish of its outbox, however few "
                "follow the other's author; so a crowd's delay is measured against that."
            ),
            (
                "An author with a million followers is above the threshold, half a million, and so "
                "is the author with the crowd while that is measured."
            ),
        ],
    )


def _heat(bench: Bench, followers: Sequence[int]) -> None:
    """Let all read their home until each has a hot timeline, which pushes then go to."""
    cold = list(followers)
    with bench.aviary.cache() as cache:
        for _ in range(TRIES):
            bench.world.read(cold)
            with cache.pipeline(transaction=False) as pipeline:
                for one in cold:
                    pipeline.lindex(home_list_key(one), -1)
                ends = pipeline.execute()
            # A list that is being filled ends in a longer mark than an id.
            cold = [one for one, end in zip(cold, ends, strict=True) if len(end or b"") != ID.size]
            if not cold:
                return
    raise BenchError(f"{len(cold)} of {len(followers)} homes do not get hot")


def _p99(count: int, ways: Sequence[float], target: float, *, at_size: bool) -> Figure:
    name = f"to the last of {count:,} followers, p99 of {len(ways)}"
    p99 = Latencies(sorted(ways)).percentile(0.99)
    return Figure(name, p99, "s", Better.LOWER, target, at_size)


class _Probe:
    def __init__(self, bench: Bench, client: httpx.Client, cache: Redis) -> None:
        self._bench = bench
        self._client = client
        self._cache = cache

    def post(self, author: int) -> int:
        """Post; give the tweet."""
        answer = self._client.post(
            "/v1/tweets",
            json={"user_id": str(author), "text": TEXT},
            headers={"authorization": f"Bearer {self._bench.aviary.token()}"},
        )
        answer.raise_for_status()
        return int(answer.json()["tweet_id"])

    def way_after(self, first: int, author: int, followers: Sequence[int]) -> float:
        """As `way`, just after a post of another author, and wait until both are delivered."""
        self.post(first)
        took_s = self.way(author, followers)
        self._bench.aviary.drain()
        return took_s

    def way(self, author: int, followers: Sequence[int]) -> float:
        """Post; give the seconds until the last follower's timeline begins with the tweet."""
        began = time.perf_counter()
        head = ID.pack(self.post(author))
        waiting = [home_list_key(one) for one in followers]
        while waiting:
            if time.perf_counter() - began > WITHIN_S:
                raise BenchError(f"{len(waiting)} of {len(followers)} never get the tweet")
            looked = waiting[:AT_ONCE]
            found = hot_heads(self._cache, looked)
            left = [key for key, first in zip(looked, found, strict=True) if first != head]
            if len(left) == len(looked):
                time.sleep(POLL_S)
            waiting = left + waiting[AT_ONCE:]
        return time.perf_counter() - began
