"""Latencies and failures of a mix, by operation."""

from array import array
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from services.cli.load.operations import Operation

__all__ = ["NO_ANSWER", "PERCENTILES", "Figures", "Measured"]

PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
NO_ANSWER = "no answer"
"""In place of a status."""
MS = 1e3


@dataclass(slots=True)
class Figures:
    """What the requests of one operation, or of all, came to."""

    latencies_s: "array[float]" = field(default_factory=lambda: array("d"))
    """Of those answered with success. A refusal is no answer, however quick it is."""
    errors: Counter[str] = field(default_factory=Counter)
    """How many failed, by HTTP status or `NO_ANSWER`."""

    @property
    def requests(self) -> int:
        """How many were sent."""
        return len(self.latencies_s) + self.errors.total()

    def latency_ms(self) -> dict[str, float] | None:
        """Give percentiles and the maximum: latencies that these shares did not exceed.

        None where nothing succeeded.
        """
        ordered = sorted(self.latencies_s)
        if not ordered:
            return None
        found = {name: _percentile(ordered, share) * MS for name, share in PERCENTILES.items()}
        return {**found, "max": ordered[-1] * MS}


@dataclass(slots=True)
class Measured:
    """What a mix came to, so far."""

    operations: dict[Operation, Figures] = field(default_factory=dict)
    seconds: float = 0.0
    """That requests were counted in."""
    latest_s: float = 0.0
    """With a rate: how late a request was sent at most, as too many others were under way."""

    def succeeded(self, operation: Operation, latency_s: float) -> None:
        """Count a request that was answered with success."""
        self._of(operation).latencies_s.append(latency_s)

    def failed(self, operation: Operation, how: str) -> None:
        """Count one that was not."""
        self._of(operation).errors[how] += 1

    def all(self) -> Figures:
        """Put all operations together."""
        return _together(self.operations.values())

    def _of(self, operation: Operation) -> Figures:
        return self.operations.setdefault(operation, Figures())


def _together(parts: Iterable[Figures]) -> Figures:
    whole = Figures()
    for part in parts:
        whole.latencies_s.extend(part.latencies_s)
        whole.errors.update(part.errors)
    return whole


def _percentile(ordered: Sequence[float], share: float) -> float:
    """Give the nearest rank."""
    last = len(ordered) - 1
    return ordered[min(last, int(share * len(ordered)))]
