"""Alerts by what they are about, each with the page that says what to do."""

from typing import Any, Final

from services.platform.observability import names
from services.platform.tokens.edge_lists import MAX_LISTED
from tools.observability import queries
from tools.observability.series import series

__all__ = [
    "WATCH",
    "Rule",
    "alert",
    "edge_alerts",
    "fanout_alerts",
    "process_alerts",
    "request_alerts",
    "store_alerts",
]

Rule = dict[str, Any]
FANOUT: Final = "docs/how-to/operate-the-fan-out.md"
WATCH: Final = "docs/how-to/watch-aviary.md"
ALMOST_FULL: Final = MAX_LISTED * 4 // 5
"""Names; a fifth is left to look into it."""


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
            runbook=WATCH,
            wait="10m",
        )
    ]


def fanout_alerts() -> list[Rule]:
    """Tweets, messages and outboxes that are late or stuck."""
    backlog, dead = series(names.METRIC_BUS_BACKLOG), series(names.METRIC_BUS_DEAD_LETTERS)
    return [
        alert(
            "FanoutLag",
            'fanout:lag_seconds:p99_rate5m{stage="push"} > 60',
            "page",
            "Tweets reach home timelines late",
            "One in a hundred pages of pushes is {{ $value | humanizeDuration }} late.",
            runbook=FANOUT,
            wait="10m",
        ),
        alert(
            "BacklogGrows",
            f"max by (subscription) (deriv({backlog}[15m])) > 0"
            f" and max by (subscription) ({backlog}) > 1000",
            "ticket",
            "{{ $labels.subscription }} falls behind",
            "It has grown for a quarter of an hour, by {{ $value | humanize }} messages a second.",
            runbook=FANOUT,
            wait="15m",
        ),
        alert(
            "DeadLetters",
            f"max by (subscription) ({dead}) > 0",
            "ticket",
            "{{ $labels.subscription }} has given messages up",
            "{{ $value }} dead letters wait for somebody to look at them and redrive them.",
            runbook=FANOUT,
            wait="5m",
        ),
        alert(
            "QueuePaused",
            f"max by (subscription) ({series(names.METRIC_BUS_PAUSED)}) == 1",
            "ticket",
            "{{ $labels.subscription }} is still paused",
            "Somebody paused it more than an hour ago, or its consumers cannot read the pauses.",
            runbook=FANOUT,
            wait="1h",
        ),
        alert(
            "OutboxHeld",
            f"max by (job, table) ({series(names.METRIC_OUTBOX_HELD)}) > 1000",
            "page",
            "{{ $labels.job }} cannot publish",
            "{{ $value }} entries of {{ $labels.table }} are committed and not on the bus.",
            runbook=WATCH,
            wait="5m",
        ),
        alert(
            "OutboxSetAside",
            f"sum by (job, table) (increase({series(names.METRIC_OUTBOX_SET_ASIDE)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} has a message that cannot be published",
            "It is tried again every minute, and holds up no other of {{ $labels.table }}.",
            runbook=WATCH,
            wait="5m",
        ),
    ]


def store_alerts() -> list[Rule]:
    """Caches, rows and leases that fail."""
    rows = f"{series(names.METRIC_ROWS_DURATION)}_count"
    failing = queries.bad_ratio("job, engine, table", rows, "5m", 'outcome="ok"')
    return [
        alert(
            "CacheGone",
            f"max by (job) ({series(names.METRIC_CACHE_CIRCUIT_OPEN)}) == 1",
            "page",
            "{{ $labels.job }} does without the cache",
            "The cache does not answer; reads go on from the rows, slower.",
            runbook=WATCH,
            wait="1m",
        ),
        alert(
            "CacheHitRateFell",
            f"{queries.CACHE_HITS} < 0.7 * avg_over_time({queries.CACHE_HITS}[1d])"
            " and cache:lookups:rate10m > 1",
            "ticket",
            "The cache {{ $labels.cache }} has less than it used to",
            "{{ $value | humanizePercentage }} of lookups are hits, far below the day's average.",
            runbook=WATCH,
            wait="15m",
        ),
        alert(
            "RowsFail",
            f"{failing} > 0.05",
            "page",
            "Calls to the rows of {{ $labels.table }} fail",
            "{{ $value | humanizePercentage }} of {{ $labels.job }}'s calls to "
            "{{ $labels.engine }} fail.",
            runbook=WATCH,
            wait="5m",
        ),
        alert(
            "EdgesOutOfOrder",
            f"sum by (job) (increase({series(names.METRIC_GRAPH_OUT_OF_ORDER)}[1h])) > 0",
            "ticket",
            "Follows, blocks or mutes cannot be changed",
            "{{ $value | humanize }} changes in an hour met a stored date beyond every id.",
            runbook=WATCH,
        ),
        alert(
            "LeaseMissing",
            # A lease is for 60 s and renewed every 20: two renewals have failed.
            f"min by (job, instance) ({series(names.METRIC_ID_LEASE_REMAINING)}) < 20",
            "page",
            "{{ $labels.job }} will soon make no more ids",
            "Its lease of a worker number ends in {{ $value }} s and is not renewed.",
            runbook=WATCH,
            wait="15s",
        ),
    ]


def edge_alerts() -> list[Rule]:
    """Lists of the edges that fill up."""
    listed = series(names.METRIC_LIMITS_LISTED)
    return [
        alert(
            "EdgeListFills",
            f"max by (list) ({listed}) > {ALMOST_FULL}",
            "ticket",
            "The list {{ $labels.list }} of the edges is almost full",
            f"It has {{{{ $value }}}} names of {MAX_LISTED}; what is revoked beyond is refused "
            "by its age, and others as old with it.",
            runbook=WATCH,
            wait="5m",
        ),
    ]


def process_alerts() -> list[Rule]:
    """Processes that are gone, not ready, or cannot use their files."""
    return [
        alert(
            "TargetDown",
            "up == 0",
            "page",
            "{{ $labels.job }} serves no metrics",
            "{{ $labels.instance }} cannot be scraped: it is gone, or too busy to answer.",
            runbook=WATCH,
            wait="2m",
        ),
        alert(
            "NotReady",
            f"max by (job, requirement) ({series(names.METRIC_NOT_READY)}) == 1",
            "page",
            "{{ $labels.job }} does not do all of its work",
            "What does not hold: {{ $labels.requirement }}.",
            runbook=WATCH,
            wait="1m",
        ),
        alert(
            "LogLinesLost",
            f"sum by (job) (increase({series(names.METRIC_LOG_DROPPED)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} cannot write its log",
            "{{ $value | humanize }} lines were lost in ten minutes.",
            runbook=WATCH,
        ),
        alert(
            "FlagsStale",
            f"max by (job) ({series(names.METRIC_FLAGS_STALE)}) == 1",
            "ticket",
            "{{ $labels.job }} cannot use its file of flags",
            "What was in force stays; its log says what is wrong (flags.refused).",
            runbook="docs/reference/flags.md",
            wait="5m",
        ),
    ]


def alert(  # noqa: PLR0913 - one for each field
    name: str,
    expression: str,
    severity: str,
    summary: str,
    description: str,
    *,
    runbook: str,
    wait: str | None = None,
    **labels: str,
) -> Rule:
    """Build an alert; `wait` is how long the expression must hold, in Prometheus' notation."""
    rule: Rule = {"alert": name, "expr": expression}
    if wait is not None:
        rule["for"] = wait
    return rule | {
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": summary, "description": description, "runbook": runbook},
    }
