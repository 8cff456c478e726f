"""Alerts about requests: as their callers see them, and as services do."""

from typing import Final

from services.platform.audit.port import LOG_IN, LOG_IN_FAILED
from services.platform.observability import names
from services.platform.tokens.edge_lists import MAX_LISTED
from tools.observability.alerts.rule import Rule, alert
from tools.observability.series import series

__all__ = ["edge_alerts", "request_alerts"]

ALMOST_FULL: Final = MAX_LISTED * 4 // 5
"""Names; a fifth is left to look into it."""
GUESSES_PER_S: Final = 1
"""Wrong passwords a second, over all; people who mistype are far fewer."""


def request_alerts() -> list[Rule]:
    """Calls that fail."""
    return [
        alert(
            "RpcFaults",
            # One failure in a quiet hour is no rate.
            "rpc:server_faults:ratio_rate5m > 0.05 and rpc:server_requests:rate5m > 0.1",
            "ticket",
            "{{ $labels.rpc_method }} fails",
            "{{ $value | humanizePercentage }} of calls fail in {{ $labels.job }}.",
            wait="10m",
        )
    ]


def edge_alerts() -> list[Rule]:
    """What callers get, and lists of the edges that fill up."""
    listed, audited = series(names.METRIC_LIMITS_LISTED), series(names.METRIC_AUDIT_EVENTS)
    guesses = f'sum(rate({audited}{{event="{LOG_IN_FAILED}"}}[10m]))'
    log_ins = f'sum(rate({audited}{{event="{LOG_IN}"}}[10m]))'
    return [
        alert(
            "EdgeFailures",
            "edge:failures:ratio_rate5m > 0.05 and edge:requests:rate5m > 0.1",
            "page",
            "{{ $labels.rpc }} fails for its callers",
            "{{ $value | humanizePercentage }} of requests got 5xx, or a gRPC status like it.",
            wait="2m",
        ),
        alert(
            "LogInsFail",
            f"{guesses} > {GUESSES_PER_S} and {guesses} > {log_ins}",
            "ticket",
            "Most log-ins fail",
            "{{ $value | humanize }} wrong passwords a second: somebody guesses, or an app is "
            "broken.",
            wait="10m",
        ),
        alert(
            "EdgeListFills",
            f"max by (list) ({listed}) > {ALMOST_FULL}",
            "ticket",
            "The list {{ $labels.list }} of the edges is almost full",
            f"It has {{{{ $value }}}} names of {MAX_LISTED}; what is revoked beyond is refused "
            "by its age, and others as old with it.",
            wait="5m",
        ),
    ]
