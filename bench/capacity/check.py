"""Does the model hold here? It predicts what a request of the mix costs, and compares.

The prediction adds up what was measured apart: reads of homes and users' timelines, posts that
nobody gets, and deliveries, by the shares of the mix and the mean number of followers. What it
leaves out is what it is tested for: that operations do not make each other dearer.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.capacity.costs import read_costs, rows_of
from bench.errors import BenchError
from bench.scenarios import mix, mix_parts

__all__ = ["TOLERANCE", "Check", "check"]

TOLERANCE: Final = 0.2
"""How far the prediction may be off."""
OURS: Final = "Aviary"


@dataclass(frozen=True, slots=True)
class Check:
    """Microseconds of CPU for one request of the mix."""

    predicted_us: Mapping[str, float]
    """By process."""
    measured_us: Mapping[str, float]
    predicted_total_us: float
    measured_total_us: float
    followers: float
    """Mean followers of those who post."""

    @property
    def off(self) -> float:
        """By which share of what was measured the prediction is off; above 0 where it is more."""
        return self.predicted_total_us / self.measured_total_us - 1

    @property
    def holds(self) -> bool:
        """Whether that is within the tolerance."""
        return abs(self.off) <= TOLERANCE


def check(run: Mapping[str, Any]) -> Check:
    """Compare a run's mix with what its parts predict. Raises `BenchError`.

    It takes the scenarios `mix` and `mix-parts`, and `fanout` for deliveries (else the default).
    """
    delivery = read_costs(run).delivery
    whole = _row(run, mix.NAME, OURS)
    followers = run["settings"]["follows"] / run["settings"]["people"]
    home, user, post = (
        _row(run, mix_parts.NAME, name) for name in (mix_parts.HOME, mix_parts.USER, mix_parts.POST)
    )
    shares = dict(zip((mix.HOME, mix.USER, mix.POST), mix.SHARES, strict=True))
    deliveries = shares[mix.POST] * followers
    predicted: defaultdict[str, float] = defaultdict(float)
    total = deliveries * delivery.total_us
    for share, row in (
        (shares[mix.HOME], home),
        (shares[mix.USER], user),
        (shares[mix.POST], post),
    ):
        total += share * row["total_cpu_us"]
        for name, us in row["cpu_us"].items():
            predicted[name] += share * us
    for name, us in delivery.us.items():
        predicted[name] += deliveries * us
    return Check(dict(predicted), whole["cpu_us"], total, whole["total_cpu_us"], followers)


def _row(run: Mapping[str, Any], scenario: str, name: str) -> Mapping[str, Any]:
    for row in rows_of(run, scenario):
        if row["name"] == name and row["total_cpu_us"]:
            return row
    raise BenchError(
        f"the run has no row {name!r} of the scenario {scenario}: measure it with "
        f"--scenario {mix.NAME} --scenario {mix_parts.NAME} --scenario fanout"
    )
