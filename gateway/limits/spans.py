"""Spans of budgets, in seconds, and reasons that several budgets share."""

from typing import Final

__all__ = ["DAY", "HOUR", "MINUTE", "QUARTER_HOUR", "THREE_HOURS", "WHY_APP", "WHY_NAT"]

MINUTE: Final = 60
QUARTER_HOUR: Final = 15 * MINUTE
HOUR: Final = 60 * MINUTE
THREE_HOURS: Final = 3 * HOUR
DAY: Final = 24 * HOUR

WHY_APP: Final = (
    "an app's users together; more is a runaway release, or an app whose keys are stolen"
)
WHY_NAT: Final = "an office or a carrier's gateway: some ten busy users at once"
