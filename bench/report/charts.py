"""Plots as inline SVG. Colours come from the page's style sheet, by class, for light and dark."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from math import ceil, floor, log10

__all__ = ["COLOURS", "bars", "lines", "percentile_curves"]

WIDTH = 640
LABEL_WIDTH = 150
BAR_HEIGHT, BAR_GAP = 26, 12
PLOT_HEIGHT = 240
MARGIN_LEFT, MARGIN_BOTTOM, MARGIN_TOP, MARGIN_RIGHT = 64, 34, 12, 20
TICKS = 5
PROCESSES = (
    "envoy", "timeline", "tweet", "fanout", "graph", "valkey cache", "valkey bus", "user",
    "gateway", "noop", "uvicorn", "postgres",
)  # fmt: skip
"""Each has the same colour in every chart: that of its place."""
OTHERS = "others"
LEAST_SHARE = 0.02
"""Of the longest bar, which a part of its own has at least."""
COLOURS = len(PROCESSES) + 1
"""Classes c0 and so on; whatever has none of its own has the last."""
NARROWEST_LABELLED = 46

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class _Scale:
    """From values to pixels, linear or by logarithm."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    def __call__(self, value: float) -> float:
        low, high, at = self.low, self.high, value
        if self.log:
            low, high, at = log10(low), log10(high), log10(max(value, self.low))
        share = (at - low) / (high - low) if high > low else 0.0
        return self.start + share * (self.end - self.start)

    def ticks(self) -> list[float]:
        if self.log:
            return [
                10.0**power for power in range(round(log10(self.low)), ceil(log10(self.high)) + 1)
            ]
        return [self.low + (self.high - self.low) * n / TICKS for n in range(TICKS + 1)]


def bars(rows: Mapping[str, Mapping[str, float]], unit: str) -> str:
    """Draw a bar for each row, stacked of parts by name, with a legend."""
    longest = max((sum(parts.values()) for parts in rows.values()), default=0.0) or 1.0
    rows = {row: _gathered(parts, longest * LEAST_SHARE) for row, parts in rows.items()}
    names = list(dict.fromkeys(name for parts in rows.values() for name in parts))
    colour = {name: _colour(name) for name in names}
    scale = _Scale(0, longest, LABEL_WIDTH, WIDTH - 76)
    drawn = []
    for number, (row, parts) in enumerate(rows.items()):
        y = MARGIN_TOP + number * (BAR_HEIGHT + BAR_GAP)
        middle = y + BAR_HEIGHT / 2 + 4
        drawn.append(_text(LABEL_WIDTH - 10, middle, row, "end"))
        at = 0.0
        for name, value in parts.items():
            x, end = scale(at), scale(at + value)
            at += value
            said = f"<title>{escape(name)}: {value:,.0f} {escape(unit)}</title>"
            drawn.append(
                f'<rect class="c{colour[name]}" x="{x:.1f}" y="{y}" width="{end - x:.1f}" '
                f'height="{BAR_HEIGHT}">{said}</rect>'
            )
            if end - x > NARROWEST_LABELLED:
                drawn.append(_text((x + end) / 2, middle, f"{value:,.0f}", "middle", "inside"))
        drawn.append(_text(scale(at) + 8, middle, f"{at:,.0f} {unit}"))
    height = MARGIN_TOP + len(rows) * (BAR_HEIGHT + BAR_GAP)
    return _svg(height, drawn) + _legend(colour)


def _gathered(parts: Mapping[str, float], least: float) -> dict[str, float]:
    """Put parts too small to be seen together."""
    large = {name: value for name, value in parts.items() if value >= least}
    rest = sum(parts.values()) - sum(large.values())
    return {**large, OTHERS: rest} if rest > 0 else large


def _colour(name: str) -> int:
    return PROCESSES.index(name) if name in PROCESSES else COLOURS - 1


def percentile_curves(curves: Mapping[str, Points]) -> str:
    """Draw latencies in ms over shares of requests, both so that the tail is seen."""
    nines = {name: [(1 / (1 - share), ms) for share, ms in each] for name, each in curves.items()}
    labels = {1.0: "0%", 10.0: "90%", 100.0: "99%", 1000.0: "99.9%"}
    return lines(nines, "share of requests", "ms", x_labels=labels, log_x=True, log_y=True)


def lines(  # noqa: PLR0913 - two axes with three properties each
    curves: Mapping[str, Points],
    x_name: str,
    y_name: str,
    *,
    x_labels: Mapping[float, str] | None = None,
    log_x: bool = False,
    log_y: bool = False,
) -> str:
    """Draw a line for each curve, with a legend."""
    xs = [x for each in curves.values() for x, _ in each]
    ys = [y for each in curves.values() for _, y in each]
    if not xs:
        return ""
    low, high = _decades(ys) if log_y else (0.0, max(ys) * 1.1 or 1.0)
    bottom = MARGIN_TOP + PLOT_HEIGHT
    across = _Scale(min(xs), max(xs), MARGIN_LEFT, WIDTH - MARGIN_RIGHT, log_x)
    up = _Scale(low, high, bottom, MARGIN_TOP, log_y)
    drawn = []
    for tick in up.ticks():
        y = up(tick)
        drawn.append(
            f'<line class="grid" x1="{MARGIN_LEFT}" x2="{WIDTH - MARGIN_RIGHT}" '
            f'y1="{y:.1f}" y2="{y:.1f}"/>'
        )
        drawn.append(_text(MARGIN_LEFT - 8, y + 4, f"{tick:,g}", "end"))
    named = x_labels or {tick: f"{tick:,g}" for tick in across.ticks()}
    for tick, label in named.items():
        drawn.append(_text(across(tick), bottom + 18, label, "middle"))
    drawn.append(_text(WIDTH - MARGIN_RIGHT, bottom + 32, x_name, "end", "axis"))
    drawn.append(_text(MARGIN_LEFT + 4, MARGIN_TOP + 10, y_name, "start", "axis"))
    for place, (name, each) in enumerate(curves.items()):
        path = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in each)
        shown = min(place, COLOURS - 1)
        drawn.append(
            f'<polyline class="line s{shown}" points="{path}">'
            f"<title>{escape(name)}</title></polyline>"
        )
    places = {name: min(place, COLOURS - 1) for place, name in enumerate(curves)}
    return _svg(bottom + MARGIN_BOTTOM + 4, drawn) + _legend(places)


def _decades(values: Sequence[float]) -> tuple[float, float]:
    positive = [value for value in values if value > 0] or [1.0]
    return 10.0 ** floor(log10(min(positive))), 10.0 ** (floor(log10(max(positive))) + 1)


def _text(x: float, y: float, text: str, anchor: str = "start", kind: str = "label") -> str:
    return (
        f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(text)}</text>'
    )


def _svg(height: float, drawn: Sequence[str]) -> str:
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:.0f}" role="img" xmlns="http://www.w3.org/2000/svg">'
        f"{''.join(drawn)}</svg>"
    )


def _legend(places: Mapping[str, int]) -> str:
    keys = "".join(
        f'<li><i class="k{place}"></i>{escape(name)}</li>' for name, place in places.items()
    )
    return f'<ul class="legend">{keys}</ul>'
