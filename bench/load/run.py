"""Starting a generator, and reading what it measured."""

import json
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import chain
from typing import Self

from bench.errors import BenchError
from bench.load.plan import Outcome, Plan

__all__ = ["GRPC", "HTTP", "Latencies", "generate"]

HTTP = "bench.load.http"
GRPC = "bench.load.grpc"

TURNED_AWAY = frozenset({"unanswered", "503", "504"})
"""Statuses of who asks for more than there is."""
# Beyond the time that a plan takes: the start of Python, connections, and answers that are late.
MARGIN_S = 300.0


def generate(plan: Plan, *, module: str = HTTP, overload: bool = False) -> Outcome:
    """Run a plan in a process of its own. Raises `BenchError` unless every answer was good.

    With `overload`, requests that were not answered in time, or were turned away, are no error;
    they count as long.
    """
    process = subprocess.run(
        [sys.executable, "-m", module],
        input=json.dumps(asdict(plan)),
        capture_output=True,
        text=True,
        check=False,
        timeout=(plan.seconds or 0.0) + MARGIN_S,
    )
    if process.returncode:
        raise BenchError(f"the load generator failed: {process.stderr[-2000:]}")
    outcome = Outcome(**json.loads(process.stdout))
    fine = TURNED_AWAY if overload else frozenset()
    bad = {
        status: count
        for status, count in outcome.statuses.items()
        if not status.startswith("2") and status not in fine
    }
    if bad:
        raise BenchError(f"not all answers are good: {bad}; the first: {outcome.refusal[:2000]}")
    return outcome


@dataclass(frozen=True, slots=True)
class Latencies:
    """A distribution of latencies, in seconds."""

    ordered: Sequence[float]

    @classmethod
    def of(cls, outcomes: Iterable[Outcome], kind: int | None = None) -> Self:
        """Take those of one kind; None is all."""
        chosen: list[float] = []
        for outcome in outcomes:
            kinds = outcome.latencies if kind is None else [outcome.latencies[kind]]
            chosen += chain(*kinds)
        return cls(sorted(chosen))

    def percentile(self, share: float) -> float:
        """Give the latency that a `share` (0 to 1) of requests did not exceed."""
        if not self.ordered:
            raise BenchError("there is no latency to take a percentile of")
        last = len(self.ordered) - 1
        return self.ordered[min(last, int(share * len(self.ordered)))]
