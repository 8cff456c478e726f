"""What a run gives: figures with their targets, and what they were reckoned from."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import StrEnum
from importlib import metadata
from pathlib import Path
from typing import Any

from bench.measuring import Measured

__all__ = ["TIMES", "Better", "Figure", "Result", "Row", "as_json", "document", "machine"]

MS = 1e3
TIMES = "×"  # noqa: RUF001 - the sign is meant
"""The unit of how many times as much something is."""
PERCENTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "p99.9": 0.999}
# Shares of a curve's points, evenly spaced in nines: 0 (none), 0.9, 0.99, 0.999.
CURVE_NINES = 3
POINTS_PER_NINE = 16
VERSION = 2
"""Of the document's shape: rises when a field goes or changes its meaning, not when one comes."""


class Better(StrEnum):
    """Which way a figure should go."""

    LOWER = "lower"
    HIGHER = "higher"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of a scenario."""

    name: str
    value: float
    unit: str = ""
    better: Better = Better.HIGHER
    target: float | None = None
    """What it is to reach; None where it only informs."""
    at_size: bool = True
    """Whether it was measured at the size that the target is for; a smaller one is easier."""

    @property
    def reached(self) -> bool | None:
        """Whether it is reached; None without a target, and for a run too small to tell."""
        if self.target is None or not self.at_size:
            return None
        higher = self.better is Better.HIGHER
        return self.value >= self.target if higher else self.value <= self.target


@dataclass(frozen=True, slots=True)
class Row:
    """What one subject came to: of Aviary, or of a reference."""

    name: str
    rate: float
    """Requests a second."""
    cpu_us: Mapping[str, float]
    """Microseconds of CPU for one request, by process."""
    total_cpu_us: float | None
    """Of all processes; None for one kind of request among others: costs are not told apart."""
    latency_ms: Mapping[str, float]
    """By percentile."""
    curve_ms: Sequence[tuple[float, float]]
    """Share of requests, and the latency that they did not exceed."""
    generator_us: float
    """The load generator's own, which is in no other figure."""
    failed: int = 0
    """Requests of all rounds that were not answered in time, or turned away."""
    requests: int = 0
    """Those of all rounds: what the percentiles are of."""
    asked_rate: float | None = None
    """Requests a second of an open loop; None of a closed one, whose latencies leave waits out."""
    latest_ms: float = 0.0
    """Open loop: how late a request was sent at most."""

    @classmethod
    def of(cls, measured: Measured, kind: int | None = None, name: str | None = None) -> "Row":
        """Sum up what was measured."""
        latencies = measured.latencies(kind)
        whole = kind is None
        points = range(CURVE_NINES * POINTS_PER_NINE + 1)
        shares = [1 - 10 ** (-point / POINTS_PER_NINE) for point in points]
        return cls(
            name or measured.name,
            measured.rate if kind is None else measured.rate_of(kind),
            measured.cpu_us if whole else {},
            measured.total_cpu_us if whole else None,
            {name: latencies.percentile(share) * MS for name, share in PERCENTILES.items()},
            [(share, latencies.percentile(share) * MS) for share in shares],
            measured.generator_us,
            measured.failed,
            len(latencies.ordered),
            measured.asked_rate,
            measured.latest_s * MS,
        )


@dataclass(slots=True)
class Result:
    """What a scenario came to."""

    name: str
    title: str
    figures: Sequence[Figure]
    rows: Sequence[Row] = ()
    notes: Sequence[str] = ()
    series: Mapping[str, Sequence[tuple[float, float]]] = field(default_factory=dict)
    """Curves over time: seconds, and a value, by name."""
    failure: str = ""
    """Why there are no figures; empty when there are."""
    took_s: float = 0.0


def machine() -> dict[str, Any]:
    """Say what the run was made on."""
    model = ""
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cores": os.cpu_count(),
        "processor": model,
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "load_before": os.getloadavg()[0],
    }


def document(
    results: Sequence[Result],
    settings: Mapping[str, Any],
    on: Mapping[str, Any],
    *,
    idle: Mapping[str, float],
    began: datetime,
) -> dict[str, Any]:
    """Build the JSON document of a run."""
    scenarios = []
    for result in results:
        one = asdict(result)
        for shown, figure in zip(one["figures"], result.figures, strict=True):
            shown["reached"] = figure.reached
        scenarios.append(one)
    return {
        "version": VERSION,
        "began": began.isoformat(timespec="seconds"),
        "aviary": metadata.version("aviary"),
        "machine": on,
        "settings": settings,
        "idle_cpu": idle,
        "scenarios": scenarios,
    }


def as_json(run: Mapping[str, Any]) -> str:
    """Write it down; raises `ValueError` for a number that JSON does not have."""
    return json.dumps(run, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
