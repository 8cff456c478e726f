"""The model's page, in the style of the benchmark's."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from markupsafe import Markup

from bench.capacity.fleet import EDGE
from bench.report.charts import bars, lines
from bench.report.page import drawn, render

__all__ = ["page"]

POWERS = {10.0**power: f"{10**power:,}" for power in range(3, 9)}
PARTS = ("total", "pods", "Valkey", "Bigtable nodes", "Bigtable storage")
K = 1e3


def page(said: Mapping[str, Any]) -> str:
    """Build it, from the model's document; it needs nothing beside itself."""
    charts: dict[str, Callable[..., Markup]] = {
        "cost_curve": _cost_curve,
        "pull_curve": _pull_curve,
        "cpu": _cpu,
    }
    return render("capacity.html.jinja", said, charts)


def _cost_curve(curve: Sequence[Mapping[str, float]]) -> Markup:
    """Thousands of dollars a month over the threshold."""
    return _over_threshold(curve, PARTS)


def _pull_curve(curve: Sequence[Mapping[str, float]]) -> Markup:
    """The two that the threshold trades against each other."""
    return _over_threshold(curve, ("pods", "Bigtable nodes"))


def _over_threshold(curve: Sequence[Mapping[str, float]], parts: Sequence[str]) -> Markup:
    shown = {part: [(one["threshold"], one[part] / K) for one in curve] for part in parts}
    within = [x for x in POWERS if curve and curve[0]["threshold"] <= x <= curve[-1]["threshold"]]
    labels = {x: POWERS[x] for x in within}
    return drawn(lines(shown, "threshold", "k$ a month", x_labels=labels, log_x=True))


def _cpu(peak: Mapping[str, Any]) -> Markup:
    # By the names that the benchmark's page has, and so in its colours.
    vcpu = {"envoy" if name == EDGE else name: cores for name, cores in peak["vcpu"].items()}
    return drawn(bars({"busy at the peak": vcpu}, "vCPU"))
