"""Taking turns: subjects measured one after the other, round after round, on the same cores.

What else the machine does at a time then slows all of them, and the medians of rounds are compared.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bench.costs import spent
from bench.errors import BenchError
from bench.load.plan import Outcome, Plan
from bench.load.run import HTTP, Latencies, generate

__all__ = ["Measured", "Sample", "Subject", "median", "take_turns"]

MICROSECONDS = 1e6
WARM_UP_S = 1.0
IDLE_S = 2.0
"""Clock ticks are 10 ms: half a percent of a core."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """Something under load."""

    name: str
    plan: Callable[[], Plan]
    """What to ask of it; made anew for each round, since tokens end."""
    cpu: Callable[[], Mapping[str, float]]
    """CPU seconds so far of each of its processes, by name."""
    idle: Mapping[str, float] | None = None
    """What of that they take each second anyway, with nothing to do; None: measured when warm."""
    settle: Callable[[], None] | None = None
    """Waits until what was asked for is done, where that goes on after the answers."""
    module: str = HTTP
    """The generator."""
    overload: bool = False
    """Whether it may be asked more than it can do."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One round of one subject."""

    outcome: Outcome
    cpu: Mapping[str, float]
    """Seconds, by process, until it had settled."""
    settled_s: float
    """From the first request until then."""
    asked_rate: float | None = None
    """Requests a second of an open loop; None of a closed one."""

    @property
    def count(self) -> int:
        """Requests that were answered as they should be."""
        return sum(n for status, n in self.outcome.statuses.items() if status.startswith("2"))

    @property
    def failed(self) -> int:
        """Those that were not, in time or at all."""
        return sum(self.outcome.statuses.values()) - self.count


@dataclass(slots=True)
class Measured:
    """All rounds of one subject."""

    name: str
    samples: list[Sample] = field(default_factory=list)

    @property
    def rate(self) -> float:
        """Answers a second; the median of the rounds."""
        return median([one.count / one.outcome.seconds for one in self.samples])

    @property
    def failed(self) -> int:
        """Requests that were not answered in time, or turned away, in all rounds."""
        return sum(one.failed for one in self.samples)

    @property
    def asked_rate(self) -> float | None:
        """Requests a second that an open loop asked for; None for a closed one."""
        return self.samples[0].asked_rate

    @property
    def latest_s(self) -> float:
        """Open loop: how late a request was sent at most, in all rounds."""
        return max(one.outcome.latest_s for one in self.samples)

    @property
    def settled_rate(self) -> float:
        """The same, until all that followed from them was done too."""
        return median([one.count / one.settled_s for one in self.samples])

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of CPU for one request, by process; what never came to one is left out."""
        names = {name for one in self.samples for name in one.cpu}
        each = {
            name: median([one.cpu.get(name, 0.0) / one.count for one in self.samples])
            for name in names
        }
        ordered = sorted(each.items(), key=lambda item: -item[1])
        return {name: s * MICROSECONDS for name, s in ordered if s * MICROSECONDS >= 1}

    @property
    def total_cpu_us(self) -> float:
        """Of all processes together; the median of the rounds' sums."""
        return MICROSECONDS * median([sum(one.cpu.values()) / one.count for one in self.samples])

    @property
    def generator_us(self) -> float:
        """What the generator itself took for a request."""
        return MICROSECONDS * median([one.outcome.cpu_s / one.count for one in self.samples])

    def rate_of(self, kind: int) -> float:
        """Answers of one kind a second; what failed is taken off each in proportion.

        The median of the rounds.
        """
        rates = []
        for one in self.samples:
            share = len(one.outcome.latencies[kind]) / sum(map(len, one.outcome.latencies))
            rates.append(share * one.count / one.outcome.seconds)
        return median(rates)

    def latencies(self, kind: int | None = None) -> Latencies:
        """Give those of all rounds together."""
        return Latencies.of([one.outcome for one in self.samples], kind)


def take_turns(subjects: Sequence[Subject], *, rounds: int, warm_up: bool = True) -> list[Measured]:
    """Measure each in every round, in an order that turns; they are warmed up first."""
    measured = [Measured(subject.name) for subject in subjects]
    for subject in subjects if warm_up else ():
        plan = subject.plan()
        seconds = min(WARM_UP_S, plan.seconds or WARM_UP_S)
        generate(replace(plan, seconds=seconds), module=subject.module, overload=True)
        if subject.settle is not None:
            subject.settle()
    if warm_up:
        subjects = _with_idle(subjects)
    for number in range(rounds):
        places = list(range(len(subjects)))
        for place in places if number % 2 == 0 else reversed(places):
            measured[place].samples.append(_sample(subjects[place]))
    return measured


def _with_idle(subjects: Sequence[Subject]) -> list[Subject]:
    """Watch those do nothing of whom it is not known what they take then."""
    before = [dict(one.cpu()) if one.idle is None else {} for one in subjects]
    if not any(before):
        return list(subjects)
    began = time.monotonic()
    time.sleep(IDLE_S)
    took_s = time.monotonic() - began
    return [
        replace(one, idle={name: s / took_s for name, s in spent(was, one.cpu()).items()})
        if one.idle is None
        else one
        for one, was in zip(subjects, before, strict=True)
    ]


def _sample(subject: Subject) -> Sample:
    plan = subject.plan()
    before = dict(subject.cpu())
    outcome = generate(plan, module=subject.module, overload=subject.overload)
    if not any(status.startswith("2") for status in outcome.statuses):
        raise BenchError(f"{subject.name} answers nothing")
    settled_s = outcome.seconds
    if subject.settle is not None:
        began = time.perf_counter()
        subject.settle()
        settled_s += time.perf_counter() - began
    took = spent(before, subject.cpu())
    # A second of idling is no request's cost; on a busy machine it would count for more.
    working = {
        name: max(0.0, s - (subject.idle or {}).get(name, 0.0) * settled_s)
        for name, s in took.items()
    }
    return Sample(outcome, working, settled_s, plan.rate)


def median(values: Sequence[float]) -> float:
    """Give the median."""
    return statistics.median(values)
