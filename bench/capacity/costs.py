"""What one operation takes, by process: out of a run's `results.json`, else as measured before."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from bench.errors import BenchError

__all__ = ["DEFAULTS", "VERSION", "Cost", "UnitCosts", "read_costs", "rows_of"]

VERSION: Final = 2
"""Of the documents that are understood."""
PERFORMANCE: Final = "docs/explanation/performance.md, 2026-11-28"
BENCHMARK: Final = "post-rate of 2026-11-29, less the deliveries; docs/explanation/capacity.md"
FOLLOWERS: Final = 100
"""Readers of each author in the scenario `post-rate`, whose deliveries are in its posts."""
CELEBRITIES: Final = 50
"""Whom a reader follows in `home-wide`."""
HIDDEN_US: Final = 0.0
"""Least CPU of a process after deliveries are taken off: rounds differ by more than small ones."""
MS: Final = 1e-3


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU of one operation in microseconds, by process, and where that was measured."""

    us: Mapping[str, float]
    source: str

    @property
    def total_us(self) -> float:
        """Of all processes."""
        return sum(self.us.values())


@dataclass(frozen=True, slots=True)
class UnitCosts:
    """What the model is built on."""

    post: Cost
    """By a user with limits, until every consumer is done; without the deliveries."""
    home_warm: Cost
    """A page of 50."""
    home_cold: Cost
    delivery: Cost
    """Of one tweet to one follower, hot and stored."""
    follow: Cost
    celebrity: Cost
    """What each celebrity whom a reader follows adds to a warm read."""
    hot_entry: Cost
    """Bytes, of `valkey cache`."""
    stored_entry: Cost
    """Bytes, of `rows`."""
    delivery_delay: Cost
    """Microseconds from post to the last of 100 timelines when nothing else goes on."""


DEFAULTS: Final = UnitCosts(
    post=Cost(
        {
            "tweet": 2_200, "envoy": 1_490, "gateway": 1_180, "search": 740, "graph": 715,
            "fanout": 640, "valkey bus": 340, "valkey cache": 270, "notification": 270,
            "engagement": 240, "user": 220, "media": 170,
        },
        BENCHMARK,
    ),
    home_warm=Cost({"envoy": 380, "timeline": 330, "valkey cache": 50}, PERFORMANCE),
    home_cold=Cost(
        {"timeline": 1_410, "envoy": 440, "graph": 390, "tweet": 310, "valkey cache": 220},
        PERFORMANCE,
    ),
    delivery=Cost({"fanout": 5.7, "valkey cache": 0.7}, PERFORMANCE),
    follow=Cost({"graph": 700, "envoy": 490, "fanout": 170, "tweet": 40}, PERFORMANCE),
    celebrity=Cost({"timeline": 3.8}, f"{PERFORMANCE}: 1.25 times 760 µs with 50 of them"),
    hot_entry=Cost({"valkey cache": 12.0}, "the bound that the scenario footprint holds"),
    stored_entry=Cost({"rows": 60.0}, "the bound that the scenario footprint holds"),
    delivery_delay=Cost({"all": 100_000.0}, "two publishes 50 ms apart: ADR 49"),
)  # fmt: skip
"""Used for whatever a document has no scenario of."""


def read_costs(run: Mapping[str, Any]) -> UnitCosts:
    """Take what a document has, and the defaults for the rest. Raises `BenchError`."""
    if run.get("version") != VERSION:
        raise BenchError(f"results.json has version {run.get('version')!r}, wanted {VERSION}")
    found: dict[str, Cost] = dict(_simple(run))
    delivery = found.get("delivery", DEFAULTS.delivery)
    if row := _row(run, "post-rate", "Aviary"):
        found["post"] = Cost(_without(row["cpu_us"], delivery, FOLLOWERS), _named(run, "post-rate"))
    usual = _row(run, "home-wide", "followings", last="followings")
    starry = _row(run, "home-wide", f"{CELEBRITIES} celebrities")
    if usual and starry:
        added = max(0.0, starry["total_cpu_us"] - usual["total_cpu_us"]) / CELEBRITIES
        found["celebrity"] = Cost({"timeline": added}, _named(run, "home-wide"))
    for field, figure, process in (
        ("hot_entry", "hot entry", "valkey cache"),
        ("stored_entry", "stored entry", "rows"),
    ):
        if (value := _figure(run, "footprint", figure)) is not None:
            found[field] = Cost({process: value}, _named(run, "footprint"))
    if (ms := _figure(run, "delivery", "to the last of 100, median")) is not None:
        found["delivery_delay"] = Cost({"all": ms / MS}, _named(run, "delivery"))
    return replace(DEFAULTS, **found)


def rows_of(run: Mapping[str, Any], scenario: str) -> list[Mapping[str, Any]]:
    """Give a scenario's rows; none where it did not run, or failed."""
    for one in run.get("scenarios", ()):
        if one["name"] == scenario and not one["failure"]:
            return list(one["rows"])
    return []


def _simple(run: Mapping[str, Any]) -> Iterator[tuple[str, Cost]]:
    for field, scenario, name in (
        ("home_warm", "home-read", "Aviary"),
        ("home_cold", "home-cold", "as fast as it goes"),
        ("delivery", "fanout", "a delivery"),
        ("follow", "follows", "Aviary"),
    ):
        if row := _row(run, scenario, name):
            yield field, Cost(row["cpu_us"], _named(run, scenario))


def _without(us: Mapping[str, float], delivery: Cost, count: int) -> dict[str, float]:
    return {
        name: max(HIDDEN_US, value - count * delivery.us.get(name, 0.0))
        for name, value in us.items()
    }


def _row(
    run: Mapping[str, Any], scenario: str, name: str, *, last: str = ""
) -> Mapping[str, Any] | None:
    """Find the first row whose name contains `name` and ends in `last`."""
    for row in rows_of(run, scenario):
        if name in row["name"] and row["name"].endswith(last) and row["cpu_us"]:
            return row
    return None


def _figure(run: Mapping[str, Any], scenario: str, name: str) -> float | None:
    for one in run.get("scenarios", ()):
        if one["name"] == scenario and not one["failure"]:
            for figure in one["figures"]:
                if figure["name"] == name:
                    return float(figure["value"])
    return None


def _named(run: Mapping[str, Any], scenario: str) -> str:
    return f"{scenario}, run of {run.get('began', 'an unknown time')}"
