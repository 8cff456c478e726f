"""Alerts about processes that are gone, not ready, or run out of something."""

from typing import Final

from services.platform.observability import names
from tools.observability.alerts.rule import Rule, alert
from tools.observability.series import series

__all__ = ["DAY_S", "EDGE_CERTIFICATE_DAYS", "process_alerts"]

DAY_S: Final = 86_400
SOON_S: Final = 5 * DAY_S
"""Before a certificate ends: whoever renews it has failed to, and there is a weekend in it."""
EDGE_CERTIFICATE_DAYS: Final = "envoy_server_days_until_first_cert_expiring"
DISK_LEFT: Final = 0.1
"""Share of the disk. SQLite needs room for its log, and a backup for a copy."""


def process_alerts() -> list[Rule]:
    """Processes that are gone, not ready, or cannot use their files."""
    return [
        alert(
            "TargetDown",
            "up == 0",
            "page",
            "{{ $labels.job }} serves no metrics",
            "{{ $labels.instance }} cannot be scraped: it is gone, or too busy to answer.",
            wait="2m",
        ),
        alert(
            "NotReady",
            f"max by (job, requirement) ({series(names.METRIC_NOT_READY)}) == 1",
            "page",
            "{{ $labels.job }} does not do all of its work",
            "What does not hold: {{ $labels.requirement }}.",
            wait="1m",
        ),
        alert(
            "ProcessHung",
            f"sum by (process) (increase({series(names.METRIC_PROCESS_RESTARTS)}"
            '{reason="hung"}[15m])) > 0',
            "ticket",
            "{{ $labels.process }} hung, and was started again",
            "Its event loop stood still for a quarter of a minute: what held it will again.",
        ),
        alert(
            "LogLinesLost",
            f"sum by (job) (increase({series(names.METRIC_LOG_DROPPED)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} cannot write its log",
            "{{ $value | humanize }} lines were lost in ten minutes.",
        ),
        alert(
            "FlagsStale",
            f"max by (job) ({series(names.METRIC_FLAGS_STALE)}) == 1",
            "ticket",
            "{{ $labels.job }} cannot use its file of flags",
            "What was in force stays; its log says what is wrong (flags.refused).",
            wait="5m",
        ),
        alert(
            "CertificateExpires",
            # The edge's own is Envoy's to report, in days.
            f"(min by (job, variable) ({series(names.METRIC_CERTIFICATE_REMAINING)})"
            f" or min by (job) ({EDGE_CERTIFICATE_DAYS}) * {DAY_S}) < {SOON_S}",
            "page",
            "The certificate of {{ $labels.job }} is about to expire",
            "{{ $value | humanizeDuration }} from now nobody will talk to it.",
            wait="5m",
        ),
        alert(
            "DiskFills",
            f"min by (job, folder) ({series(names.METRIC_DISK_FREE)}) < {DISK_LEFT}",
            "page",
            "The disk of {{ $labels.job }} is almost full",
            "{{ $value | humanizePercentage }} of the disk with its {{ $labels.folder }} is free.",
            wait="5m",
        ),
    ]
