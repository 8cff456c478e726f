"""How a mix is shown: as a table, and as JSON."""

from collections.abc import Iterator, Mapping
from typing import Any

from services.cli.load.measured import PERCENTILES, Figures, Measured
from services.cli.load.operations import Operation

__all__ = ["as_document", "as_table"]

ALL = "all"
NOTHING = "-"
COLUMNS = (*PERCENTILES, "max")


def as_table(measured: Measured) -> Iterator[str]:
    """Give lines: an operation each, all of them, and what failed."""
    yield (
        f"{'operation':<10}{'requests':>10}{'a second':>10}{'failed':>8}"
        + "".join(f"{name:>10}" for name in COLUMNS)
        + "  (ms)"
    )
    for name, figures in _rows(measured):
        latency = figures.latency_ms()
        shown = (
            f"{latency[column]:>10,.1f}" if latency else f"{NOTHING:>10}" for column in COLUMNS
        )
        rate = _rate(figures, measured)
        yield (
            f"{name:<10}{figures.requests:>10,}{rate:>10,.1f}{figures.errors.total():>8,}"
            + "".join(shown)
        )
    for operation, figures in _by_operation(measured):
        for how, count in figures.errors.most_common():
            yield f"failed: {operation} with {how}, {count:,} times"


def as_document(measured: Measured, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Build the same for programs. Latencies are of successes; null where there are none."""
    document: dict[str, Any] = {
        "settings": dict(settings),
        "seconds": measured.seconds,
        "latest_ms": measured.latest_s * 1e3,
    }
    rows = {name: _row(figures, measured) for name, figures in _rows(measured)}
    document[ALL] = rows.pop(ALL)
    document["operations"] = rows
    return document


def _row(figures: Figures, measured: Measured) -> dict[str, Any]:
    return {
        "requests": figures.requests,
        "a_second": _rate(figures, measured),
        "latency_ms": figures.latency_ms(),
        "errors": dict(figures.errors),
    }


def _rows(measured: Measured) -> Iterator[tuple[str, Figures]]:
    yield from _by_operation(measured)
    yield ALL, measured.all()


def _by_operation(measured: Measured) -> Iterator[tuple[str, Figures]]:
    for operation in Operation:
        if operation in measured.operations:
            yield operation, measured.operations[operation]


def _rate(figures: Figures, measured: Measured) -> float:
    return figures.requests / measured.seconds if measured.seconds else 0.0
