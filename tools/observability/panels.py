"""Grafana dashboards as JSON, from a few kinds of panels.

Written for Grafana 10 and later (schema 39). No library: grafanalib rests since 2024, Grafana's own
foundation SDK is still an alpha, and what is needed of the format is this page.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

__all__ = ["Board", "Panel", "Query", "Row", "W", "dashboard"]

W: Final = "$__rate_interval"
"""The window of a rate: Grafana's choice, wide enough for the panel's resolution."""

SCHEMA_VERSION: Final = 39
GRID_COLUMNS: Final = 24
PANEL_HEIGHT: Final = 8
REFRESH: Final = "30s"
# The data source is chosen where the dashboard is shown.
DATA_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}


@dataclass(frozen=True, slots=True)
class Query:
    """PromQL and how each of its series is named; `$__rate_interval` is Grafana's to fill in."""

    expression: str
    legend: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """One graph of a dashboard."""

    title: str
    description: str
    queries: Sequence[Query]
    unit: str = "short"
    """Grafana's name of it: s, ms, reqps, percentunit, short, bytes."""
    kind: str = "timeseries"
    """Or stat: the last value in large."""


@dataclass(frozen=True, slots=True)
class Row:
    """Panels side by side, under a title."""

    title: str
    panels: Sequence[Panel]


@dataclass(frozen=True, slots=True, kw_only=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    description: str
    rows: Sequence[Row]

    @property
    def panels(self) -> list[Panel]:
        """All panels, in order."""
        return [panel for row in self.rows for panel in row.panels]


def dashboard(board: Board) -> dict[str, Any]:
    """Build the JSON model that Grafana imports or provisions."""
    return {
        "uid": board.uid,
        "title": board.title,
        "description": board.description,
        "tags": ["aviary"],
        "schemaVersion": SCHEMA_VERSION,
        "version": 1,
        "editable": False,
        "refresh": REFRESH,
        "time": {"from": "now-1h", "to": "now"},
        "timezone": "browser",
        # Lines in all graphs at the same moment.
        "graphTooltip": 1,
        "templating": {
            "list": [
                {
                    "name": "datasource",
                    "label": "Prometheus",
                    "type": "datasource",
                    "query": "prometheus",
                }
            ]
        },
        "links": [
            {
                "title": "Aviary",
                "type": "dashboards",
                "tags": ["aviary"],
                "asDropdown": True,
                "keepTime": True,
            }
        ],
        "panels": _placed(board.rows),
    }


def _placed(rows: Sequence[Row]) -> list[dict[str, Any]]:
    placed: list[dict[str, Any]] = []
    top = 0
    for row in rows:
        place = {"h": 1, "w": GRID_COLUMNS, "x": 0, "y": top}
        placed.append(
            {"id": len(placed) + 1, "type": "row", "title": row.title, "gridPos": place}
            | {"collapsed": False, "panels": []}
        )
        width = GRID_COLUMNS // len(row.panels)
        for column, panel in enumerate(row.panels):
            place = {"h": PANEL_HEIGHT, "w": width, "x": column * width, "y": top + 1}
            placed.append({"id": len(placed) + 1, "gridPos": place} | _panel(panel))
        top += 1 + PANEL_HEIGHT
    return placed


def _panel(panel: Panel) -> dict[str, Any]:
    return {
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATA_SOURCE,
        "fieldConfig": {"defaults": {"unit": panel.unit, "min": 0}, "overrides": []},
        "options": _OPTIONS[panel.kind],
        "targets": [
            {
                "refId": chr(ord("A") + at),
                "datasource": DATA_SOURCE,
                "expr": query.expression,
                "legendFormat": query.legend,
            }
            for at, query in enumerate(panel.queries)
        ],
    }


_OPTIONS: Final[dict[str, dict[str, Any]]] = {
    "timeseries": {
        "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True},
        "tooltip": {"mode": "multi", "sort": "desc"},
    },
    "stat": {
        "colorMode": "none",
        "graphMode": "area",
        "reduceOptions": {"calcs": ["lastNotNull"], "fields": "", "values": False},
    },
}
