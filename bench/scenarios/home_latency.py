"""How long a home read takes at half of what saturates, beside the limit at half of its own."""

from collections.abc import Sequence
from dataclasses import replace

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import Subject, take_turns
from bench.reference import limit
from bench.results import TIMES, Better, Figure, Result, Row
from bench.rpcs import HOME_RPC
from bench.subjects import Change, aviary, bare
from bench.traffic import at_rate, home_pages, home_reads, is_full

__all__ = ["NAME", "TITLE", "run"]

NAME = "home-latency"
TITLE = "Home read at half of saturation, open loop"
HALF = 0.5


def run(bench: Bench) -> Result:
    """Find what saturates each, then ask for half of that."""

    def reads() -> list[str]:
        return home_reads(bench, bench.viewers)

    pages = home_pages(bench.aviary, bench.viewers)
    with limit.running(bench.folder / NAME, {HOME_RPC: pages}) as reference:
        most = _saturated(
            [
                [aviary(bench, reads, change=change), bare(bench, reference, reads, change=change)]
                for change in map(_at_once, bench.options.tried)
            ]
        )
        ours, theirs = take_turns(
            [
                aviary(bench, reads, change=_half_of(most[0])),
                bare(bench, reference, reads, change=_half_of(most[1])),
            ],
            rounds=bench.options.rounds,
            warm_up=False,
        )
    rows = [Row.of(ours), Row.of(theirs)]
    p99, bound = (row.latency_ms["p99"] for row in rows)
    return Result(
        NAME,
        TITLE,
        [
            Figure(
                "p99 in p99s of the limit",
                p99 / bound,
                TIMES,
                Better.LOWER,
                5.0,
                at_size=is_full(pages),
            ),
            Figure("p99", p99, "ms", Better.LOWER),
            Figure("Aviary's saturation", most[0], "/s"),
            Figure("the limit's", most[1], "/s"),
        ],
        rows,
    )


def _saturated(each: Sequence[Sequence[Subject]]) -> list[float]:
    """Give the highest rate that each subject has at any number of connections."""
    rates = [[one.rate for one in take_turns(subjects, rounds=1)] for subjects in each]
    return [max(of_one) for of_one in zip(*rates, strict=True)]


def _at_once(connections: int) -> Change:
    def change(plan: Plan) -> Plan:
        return replace(plan, connections=connections)

    return change


def _half_of(rate: float) -> Change:
    def change(plan: Plan) -> Plan:
        return at_rate(plan, rate * HALF)

    return change
