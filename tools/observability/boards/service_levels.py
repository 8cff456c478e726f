"""The dashboard of error budgets."""

from typing import Final

from tools.observability.panels import Board, Panel, Query, Row
from tools.observability.rules import slo_series
from tools.observability.slos import BURN_ALERTS, PERIOD_DAYS, SLOS, WINDOWS

__all__ = ["BOARD"]


def _slo_rows() -> list[Row]:
    rows = []
    for slo in SLOS:
        selector = f'{{slo="{slo.name}"}}'
        burn = [
            Query(f"{slo_series(window)}{selector} / {slo.budget}", window) for window in WINDOWS
        ]
        spent = f"avg_over_time({slo_series('1h')}{selector}[{PERIOD_DAYS}d]) / {slo.budget}"
        limits = ", ".join(f"{each.factor:g} over {each.long}" for each in BURN_ALERTS)
        rows.append(
            Row(
                f"{slo.title}: {slo.objective:.1%}",
                [
                    Panel(
                        title="Burn rate",
                        description=f"1 spends the budget in {PERIOD_DAYS} days. Alerts: {limits}.",
                        queries=burn,
                    ),
                    Panel(
                        title="Budget spent",
                        description=f"Of {PERIOD_DAYS} days, as far back as there is data.",
                        unit="percentunit",
                        kind="stat",
                        queries=[Query(spent, slo.name)],
                    ),
                ],
            )
        )
    return rows


BOARD: Final = Board(
    uid="aviary-slo",
    title="Aviary: service levels",
    description="How fast error budgets burn: of requests as callers got them, and of tweets.",
    rows=_slo_rows(),
)
