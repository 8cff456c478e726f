"""Subjects as most scenarios have them: Aviary at its edge, and the limit beside it."""

from collections.abc import Callable, Sequence

from bench.context import Bench
from bench.load.plan import Plan
from bench.measuring import Subject
from bench.reference.limit import Limit
from bench.traffic import plan_of

__all__ = ["Change", "Requests", "aviary", "bare"]

Requests = Callable[[], Sequence[str]]
Change = Callable[[Plan], Plan]


def _unchanged(plan: Plan) -> Plan:
    return plan


def aviary(
    bench: Bench,
    requests: Requests,
    *,
    name: str = "Aviary",
    change: Change = _unchanged,
    settled: bool = False,
) -> Subject:
    """Ask Aviary's edge; if `settled`, what was asked has reached every timeline in the end."""
    return Subject(
        name=name,
        plan=lambda: change(plan_of(bench, requests())),
        cpu=bench.aviary.cpu,
        idle=bench.idle,
        settle=bench.aviary.drain if settled else None,
        overload=True,
    )


def bare(bench: Bench, limit: Limit, requests: Requests, *, change: Change = _unchanged) -> Subject:
    """Ask the limit the same."""
    return Subject(
        name="limit",
        plan=lambda: change(plan_of(bench, requests(), port=limit.port)),
        cpu=limit.cpu,
    )
