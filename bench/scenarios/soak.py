"""The mix for a long time: does Aviary keep its speed and its size while data grows."""

import time

from bench.context import Bench
from bench.load.run import generate
from bench.measuring import Measured, take_turns
from bench.reference import limit
from bench.results import TIMES, Better, Figure, Result, Row
from bench.scenarios.mix import against, answers, both

__all__ = ["NAME", "TITLE", "run"]

NAME = "soak"
TITLE = "The mix before and after a soak"
POSTS = 0.5
"""Share of posts while it soaks: so that data grows fast."""
STEP_S = 10.0
"""Between looks at memory; queues drain at each, so that none hides what is owed."""
MB = 1e6
LARGEST_MB = 150.0


def _by_cpu(ours: Measured, theirs: Measured) -> float:
    return ours.total_cpu_us / theirs.total_cpu_us


def run(bench: Bench) -> Result:
    """Measure the mix against the limit, soak, measure again."""
    series: dict[str, list[tuple[float, float]]] = {}
    posted = 0
    with limit.running(bench.folder / NAME, answers(bench)) as reference:
        subjects = both(bench, reference)
        before = take_turns(subjects, rounds=bench.options.rounds)
        soaking, _ = both(bench, reference, posts=POSTS, seconds=STEP_S)
        began = time.monotonic()
        while (at := time.monotonic() - began) < bench.options.soak_s:
            for name, size in bench.aviary.memory().items():
                series.setdefault(f"{name}, MB", []).append((at, size / MB))
            outcome = generate(soaking.plan(), overload=True)
            posted += len(outcome.latencies[-1])
            bench.aviary.drain()
        after = take_turns(subjects, rounds=bench.options.rounds)
    largest = {
        name: size / MB
        for name, size in bench.aviary.memory().items()
        if not name.startswith("valkey")
    }
    worst = max(largest, key=lambda name: largest[name])
    first = len(bench.world.tweets)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "throughput after it against before, in shares of the limit",
                against(*after) / against(*before),
                target=0.95,
            ),
            Figure("the same by CPU", _by_cpu(*before) / _by_cpu(*after)),
            Figure("tweets after it against before", (first + posted) / first, TIMES),
            Figure(f"largest process: {worst}", largest[worst], "MB", Better.LOWER, LARGEST_MB),
        ],
        [
            *(Row.of(each, name=f"{each.name}, before") for each in before),
            *(Row.of(each, name=f"{each.name}, after") for each in after),
        ],
        [f"{bench.options.soak_s / 60:.1f} minutes, half of all requests posts."],
        series,
    )
