"""Home reads after the cache has lost everything."""

from dataclasses import replace

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import take_turns
from bench.results import Better, Figure, Result, Row
from bench.subjects import aviary
from bench.traffic import at_rate, home_reads

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-cold"
TITLE = "Home read of 50, cold: the cache is flushed"
RATE = 50.0
MANY = 500
"""Homes to read at least: fewer are read before the queue of them shows."""


def run(bench: Bench) -> Result:
    """Read each home once after a flush: as fast as answers come, then at a rate."""
    viewers = bench.viewers

    def reads() -> list[str]:
        # Before each round: what was read once is warm.
        with bench.aviary.cache() as cache:
            cache.flushall()
        return home_reads(bench, viewers)

    def once(plan: Plan) -> Plan:
        return replace(plan, seconds=None, count=len(viewers))

    def slowly(plan: Plan) -> Plan:
        seconds = min(len(viewers) / RATE, bench.options.seconds * 4)
        return at_rate(replace(plan, seconds=seconds), RATE)

    closed = aviary(bench, reads, name="as fast as it goes", change=once)
    opened = aviary(bench, reads, name="50 a second", change=slowly)
    (fast,) = take_turns([closed], rounds=bench.options.rounds, warm_up=False)
    (slow,) = take_turns([opened], rounds=1, warm_up=False)
    rows = [Row.of(fast), Row.of(slow)]
    return Result(
        NAME,
        TITLE,
        [
            Figure("cold reads", fast.rate, "/s", target=400.0, at_size=len(viewers) >= MANY),
            Figure("p99 at 50 a second", rows[1].latency_ms["p99"], "ms", Better.LOWER, 500.0),
            Figure("CPU of all processes", fast.total_cpu_us / 1_000, "ms", Better.LOWER),
        ],
        rows,
    )
