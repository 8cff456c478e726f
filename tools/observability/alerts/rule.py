"""One alert as Prometheus reads it."""

from typing import Any, Final

__all__ = ["RUNBOOK", "Rule", "alert"]

Rule = dict[str, Any]
RUNBOOK: Final = "docs/how-to/answer-an-alert.md"
"""Has a heading for each alert: its name."""


def alert(  # noqa: PLR0913 - one for each field
    name: str,
    expression: str,
    severity: str,
    summary: str,
    description: str,
    *,
    wait: str | None = None,
    **labels: str,
) -> Rule:
    """Build an alert; `wait` is how long the expression must hold, in Prometheus' notation."""
    rule: Rule = {"alert": name, "expr": expression}
    if wait is not None:
        rule["for"] = wait
    runbook = f"{RUNBOOK}#{name.lower()}"
    return rule | {
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": summary, "description": description, "runbook": runbook},
    }
