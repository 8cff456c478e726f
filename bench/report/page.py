"""The page of a run, from its JSON document."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from bench.report.charts import bars, lines, percentile_curves
from bench.results import PERCENTILES

__all__ = ["drawn", "page", "render", "short"]

# After Okabe and Ito, "Color universal design", so that colour-blind readers tell them apart; as
# many as `charts.COLOURS`.
LIGHT = (
    "#d55e00", "#0072b2", "#009e73", "#a8578a", "#8a6d00", "#3a8fc7", "#6b5bb5", "#7f8c3a",
    "#b5483a", "#596579", "#2c7f8c", "#7a5c99", "#9aa0ab",
)  # fmt: skip
DARK = (
    "#d9702c", "#2f86c0", "#1d9d79", "#b96c9f", "#a08218", "#4a97c9", "#8070c8", "#8a9748",
    "#c9604f", "#74839a", "#3f97a5", "#9273b3", "#646b77",
)  # fmt: skip
LARGE, MIDDLE = 100, 10


def page(run: Mapping[str, Any]) -> str:
    """Build the page, which needs nothing beside itself."""
    charts: dict[str, Callable[..., Markup]] = {
        "cpu_bars": _cpu_bars,
        "latency_curves": _latency_curves,
        "over_time": _over_time,
    }
    return render("page.html.jinja", {**run, "percentiles": list(PERCENTILES)}, charts)


def render(name: str, values: Mapping[str, Any], filters: Mapping[str, Callable[..., Any]]) -> str:
    """Fill a template of this folder, which has the style of them all."""
    environment = Environment(
        loader=PackageLoader("bench.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
    )
    environment.filters |= {"short": short, **filters}
    return environment.get_template(name).render(**values, light=LIGHT, dark=DARK)


def short(value: float) -> str:
    """Write a number with three digits or so."""
    size = abs(value)
    if size >= LARGE:
        return f"{value:,.0f}"
    return f"{value:.1f}" if size >= MIDDLE else f"{value:.2f}"


def _cpu_bars(rows: Sequence[Mapping[str, Any]]) -> Markup:
    return drawn(bars({row["name"]: row["cpu_us"] for row in rows if row["cpu_us"]}, "µs"))


def _latency_curves(rows: Sequence[Mapping[str, Any]]) -> Markup:
    curves = {row["name"]: row["curve_ms"] for row in rows if row["curve_ms"]}
    return drawn(percentile_curves(curves))


def _over_time(series: Mapping[str, Sequence[tuple[float, float]]]) -> Markup:
    return drawn(lines(series, "seconds", ""))


def drawn(svg: str) -> Markup:
    """Mark a chart as HTML."""
    # The charts escape what they are given.
    return Markup(svg)  # noqa: S704
