"""The mix for a long time: does Aviary keep its speed and its size while data grows."""

import time

from bench.context import Bench
from bench.load.run import generate
from bench.measuring import Measured, take_turns
from bench.reference import limit
from bench.results import TIMES, Better, Figure, Result, Row
from bench.scenarios.mix import POST, against, answers, both

__all__ = ["NAME", "TITLE", "run"]

NAME = "soak"
TITLE = "The mix before and after a soak"
STEP_S = 10.0
"""Between looks at memory; queues drain at each, so that none hides what is owed."""
MB = 1e6
LARGEST_MB = 150.0
LONG_S = 15 * 60
GROWN = 10.0
"""How long a soak is, and how many times the data there is after it, that the targets are for."""
FLAT = 1.1
"""Memory at the end of one that does not grow, in that at the middle: allocators vary."""


def _by_cpu(ours: Measured, theirs: Measured) -> float:
    return ours.total_cpu_us / theirs.total_cpu_us


def run(bench: Bench) -> Result:
    """Measure the mix against the limit, soak, measure again."""
    series: dict[str, list[tuple[float, float]]] = {}
    posted = failed = 0
    with limit.running(bench.folder / NAME, answers(bench)) as reference:
        subjects = both(bench, reference)
        before = take_turns(subjects, rounds=bench.options.rounds)
        soaking, _ = both(bench, reference, seconds=STEP_S)
        began = time.monotonic()
        while (at := time.monotonic() - began) < bench.options.soak_s:
            _weigh(bench, at, series)
            outcome = generate(soaking.plan(), overload=True)
            bad = sum(n for status, n in outcome.statuses.items() if not status.startswith("2"))
            # As if all that failed were posts: what was not made is no data.
            posted += max(0, len(outcome.latencies[POST]) - bad)
            failed += bad
            bench.aviary.drain()
        _weigh(bench, time.monotonic() - began, series)
        after = take_turns(subjects, rounds=bench.options.rounds)
    first = len(bench.world.tweets)
    times = (first + posted) / first
    long = bench.options.soak_s >= LONG_S
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "throughput after it against before, in shares of the limit",
                against(*after) / against(*before),
                target=0.95,
                at_size=long and times >= GROWN,
            ),
            Figure("the same by CPU", _by_cpu(*before) / _by_cpu(*after)),
            Figure("tweets after it against before", times, TIMES),
            *_sizes(series, long=long),
            Figure("failed while it soaked", failed, better=Better.LOWER),
        ],
        [
            *(Row.of(each, name=f"{each.name}, before") for each in before),
            *(Row.of(each, name=f"{each.name}, after") for each in after),
        ],
        [f"{bench.options.soak_s / 60:.1f} minutes of the mix."],
        {f"{name}, MB": points for name, points in series.items()},
    )


def _weigh(bench: Bench, at: float, series: dict[str, list[tuple[float, float]]]) -> None:
    for name, size in bench.aviary.memory().items():
        series.setdefault(name, []).append((at, size / MB))


def _sizes(series: dict[str, list[tuple[float, float]]], *, long: bool) -> list[Figure]:
    """Give the largest process at the end, and the one that grew most since the soak's middle."""
    services = {
        name: [mb for _, mb in each] for name, each in series.items() if "valkey" not in name
    }
    grown = {name: each[-1] / each[len(each) // 2] for name, each in services.items()}
    largest = max(services, key=lambda name: services[name][-1])
    grew = max(grown, key=lambda name: grown[name])
    return [
        Figure(
            f"largest process: {largest}",
            services[largest][-1],
            "MB",
            Better.LOWER,
            LARGEST_MB,
            at_size=long,
        ),
        Figure(
            f"memory at its end against its middle, the most: {grew}",
            grown[grew],
            TIMES,
            Better.LOWER,
            FLAT,
            at_size=long,
        ),
    ]
