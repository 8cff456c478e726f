"""Metrics as Prometheus knows them, read from the one list of their names.

The text under each name begins with its kind and unit, so that nothing is said twice.
"""

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache

from services.platform.observability import names as telemetry

__all__ = ["Metric", "documented", "series"]

_TEXT = re.compile(r"(Counter|Gauge|Histogram), (\S+?),? ", re.ASCII)


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric and what the list says of it."""

    name: str
    kind: str
    """Counter, Gauge or Histogram."""
    unit: str
    text: str

    @property
    def series(self) -> str:
        """Its name in Prometheus; a histogram's is that without `_bucket`, `_sum` or `_count`."""
        unit = "_seconds" if self.unit == "seconds" else ""
        total = "_total" if self.kind == "Counter" else ""
        return self.name.replace(".", "_") + unit + total


@cache
def documented() -> tuple[Metric, ...]:
    """Return every metric, in the list's order. Raises `ValueError` for one without its text."""
    body = ast.parse(inspect.getsource(telemetry)).body
    found = []
    for statement, after in zip(body, [*body[1:], None], strict=True):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        constant = statement.target.id
        if constant.startswith("METRIC_"):
            found.append(_metric(constant, after))
    return tuple(found)


def _metric(constant: str, after: ast.stmt | None) -> Metric:
    text = ""
    if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
        text = " ".join(str(after.value.value).split())
    parts = _TEXT.match(text)
    if parts is None:
        raise ValueError(f"{constant} needs a text such as 'Histogram, seconds by ...'")
    return Metric(getattr(telemetry, constant), parts[1], parts[2], text)


@cache
def _by_name() -> dict[str, str]:
    return {metric.name: metric.series for metric in documented()}


def series(name: str) -> str:
    """Return the Prometheus name of a metric. Raises `KeyError` when the list does not have it."""
    return _by_name()[name]
