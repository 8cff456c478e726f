"""Recording and alert rules."""

from typing import Any

from services.platform.observability import names
from services.platform.tokens.edge_lists import MAX_LISTED
from tools.observability import queries
from tools.observability.series import series
from tools.observability.slos import BURN_ALERTS, SLOS, WINDOWS, Burn, Slo

__all__ = ["rule_file", "slo_series"]

Rule = dict[str, Any]
FANOUT = "docs/how-to/operate-the-fan-out.md"
WATCH = "docs/how-to/watch-aviary.md"
ALMOST_FULL = MAX_LISTED * 4 // 5
"""Names; a fifth is left to look into it."""


def slo_series(window: str) -> str:
    """Name the recorded share of bad requests."""
    return f"slo:bad_requests:ratio_rate{window}"


def rule_file() -> dict[str, Any]:
    """Build the file, as Prometheus reads it."""
    groups = [
        {"name": f"slo-{slo.name}", "rules": [*_slo_records(slo), *_slo_alerts(slo)]}
        for slo in SLOS
    ]
    return {
        "groups": [
            {"name": "records", "rules": _records()},
            *groups,
            {"name": "requests", "rules": _request_alerts()},
            {"name": "fanout", "rules": _fanout_alerts()},
            {"name": "stores", "rules": _store_alerts()},
            {"name": "edge", "rules": _edge_alerts()},
            {"name": "processes", "rules": _process_alerts()},
        ]
    }


def _records() -> list[Rule]:
    by, count = "job, rpc_method", f"{queries.RPC}_count"
    lag = series(names.METRIC_FANOUT_LAG)
    hits, misses = series(names.METRIC_CACHE_HITS), series(names.METRIC_CACHE_MISSES)
    good = f'rpc_code!~"{queries.FAULTS}"'
    return [
        _record("rpc:server_requests:rate5m", queries.rate_by(by, count, "5m")),
        _record("rpc:server_faults:ratio_rate5m", queries.bad_ratio(by, count, "5m", good)),
        _record("rpc:server_seconds:p99_rate5m", queries.quantile(0.99, by, queries.RPC, "5m")),
        _record("fanout:lag_seconds:p99_rate5m", queries.quantile(0.99, "stage", lag, "5m")),
        _record("cache:lookups:rate10m", _lookups(hits, misses)),
        _record(queries.CACHE_HITS, f"1 - {queries.missing_ratio('cache', hits, misses, '10m')}"),
    ]


def _lookups(hits: str, misses: str) -> str:
    # Kept apart by a label, or `or` would take a miss for the hit with the same labels.
    hit = f'label_replace(rate({hits}[10m]), "found", "yes", "", "")'
    return f"sum by (cache) ({hit} or rate({misses}[10m]))"


def _slo_records(slo: Slo) -> list[Rule]:
    return [
        _record(slo_series(window), queries.slo_bad_ratio(slo, window), slo=slo.name)
        for window in WINDOWS
    ]


def _slo_alerts(slo: Slo) -> list[Rule]:
    # No more than all requests can be bad: a wide budget cannot burn so many times too fast.
    return [_burn_alert(slo, burn) for burn in BURN_ALERTS if burn.factor * slo.budget < 1]


def _burn_alert(slo: Slo, burn: Burn) -> Rule:
    def burning(window: str) -> str:
        limit = round(burn.factor * slo.budget, 9)
        return f'{slo_series(window)}{{slo="{slo.name}"}} > {limit}'

    return _alert(
        "SloBurn",
        f"{burning(burn.long)} and {burning(burn.short)}",
        burn.severity,
        f"{slo.title}: the error budget burns {burn.factor:g} times too fast",
        f"Over {burn.long}, {{{{ $value | humanizePercentage }}}} of requests were bad; "
        f"{slo.budget:.1%} may be.",
        runbook=WATCH,
        slo=slo.name,
        window=burn.long,
    )


def _request_alerts() -> list[Rule]:
    return [
        _alert(
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


def _fanout_alerts() -> list[Rule]:
    backlog, dead = series(names.METRIC_BUS_BACKLOG), series(names.METRIC_BUS_DEAD_LETTERS)
    return [
        _alert(
            "FanoutLag",
            'fanout:lag_seconds:p99_rate5m{stage="push"} > 60',
            "page",
            "Tweets reach home timelines late",
            "One in a hundred pages of pushes is {{ $value | humanizeDuration }} late.",
            runbook=FANOUT,
            wait="10m",
        ),
        _alert(
            "BacklogGrows",
            f"max by (subscription) (deriv({backlog}[15m])) > 0"
            f" and max by (subscription) ({backlog}) > 1000",
            "ticket",
            "{{ $labels.subscription }} falls behind",
            "It has grown for a quarter of an hour, by {{ $value | humanize }} messages a second.",
            runbook=FANOUT,
            wait="15m",
        ),
        _alert(
            "DeadLetters",
            f"max by (subscription) ({dead}) > 0",
            "ticket",
            "{{ $labels.subscription }} has given messages up",
            "{{ $value }} dead letters wait for somebody to look at them and redrive them.",
            runbook=FANOUT,
            wait="5m",
        ),
        _alert(
            "QueuePaused",
            f"max by (subscription) ({series(names.METRIC_BUS_PAUSED)}) == 1",
            "ticket",
            "{{ $labels.subscription }} is still paused",
            "Somebody paused it more than an hour ago, or its consumers cannot read the pauses.",
            runbook=FANOUT,
            wait="1h",
        ),
        _alert(
            "OutboxHeld",
            f"max by (job, table) ({series(names.METRIC_OUTBOX_HELD)}) > 1000",
            "page",
            "{{ $labels.job }} cannot publish",
            "{{ $value }} entries of {{ $labels.table }} are committed and not on the bus.",
            runbook=WATCH,
            wait="5m",
        ),
        _alert(
            "OutboxSetAside",
            f"sum by (job, table) (increase({series(names.METRIC_OUTBOX_SET_ASIDE)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} has a message that cannot be published",
            "It is tried again every minute, and holds up no other of {{ $labels.table }}.",
            runbook=WATCH,
            wait="5m",
        ),
    ]


def _store_alerts() -> list[Rule]:
    rows = f"{series(names.METRIC_ROWS_DURATION)}_count"
    failing = queries.bad_ratio("job, engine, table", rows, "5m", 'outcome="ok"')
    return [
        _alert(
            "CacheGone",
            f"max by (job) ({series(names.METRIC_CACHE_CIRCUIT_OPEN)}) == 1",
            "page",
            "{{ $labels.job }} does without the cache",
            "The cache does not answer; reads go on from the rows, slower.",
            runbook=WATCH,
            wait="1m",
        ),
        _alert(
            "CacheHitRateFell",
            f"{queries.CACHE_HITS} < 0.7 * avg_over_time({queries.CACHE_HITS}[1d])"
            " and cache:lookups:rate10m > 1",
            "ticket",
            "The cache {{ $labels.cache }} has less than it used to",
            "{{ $value | humanizePercentage }} of lookups are hits, far below the day's average.",
            runbook=WATCH,
            wait="15m",
        ),
        _alert(
            "RowsFail",
            f"{failing} > 0.05",
            "page",
            "Calls to the rows of {{ $labels.table }} fail",
            "{{ $value | humanizePercentage }} of {{ $labels.job }}'s calls to "
            "{{ $labels.engine }} fail.",
            runbook=WATCH,
            wait="5m",
        ),
        _alert(
            "EdgesOutOfOrder",
            f"sum by (job) (increase({series(names.METRIC_GRAPH_OUT_OF_ORDER)}[1h])) > 0",
            "ticket",
            "Follows, blocks or mutes cannot be changed",
            "{{ $value | humanize }} changes in an hour met a stored date beyond every id.",
            runbook=WATCH,
        ),
        _alert(
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


def _edge_alerts() -> list[Rule]:
    listed = series(names.METRIC_LIMITS_LISTED)
    return [
        _alert(
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


def _process_alerts() -> list[Rule]:
    return [
        _alert(
            "TargetDown",
            "up == 0",
            "page",
            "{{ $labels.job }} serves no metrics",
            "{{ $labels.instance }} cannot be scraped: it is gone, or too busy to answer.",
            runbook=WATCH,
            wait="2m",
        ),
        _alert(
            "NotReady",
            f"max by (job, requirement) ({series(names.METRIC_NOT_READY)}) == 1",
            "page",
            "{{ $labels.job }} does not do all of its work",
            "What does not hold: {{ $labels.requirement }}.",
            runbook=WATCH,
            wait="1m",
        ),
        _alert(
            "LogLinesLost",
            f"sum by (job) (increase({series(names.METRIC_LOG_DROPPED)}[10m])) > 0",
            "ticket",
            "{{ $labels.job }} cannot write its log",
            "{{ $value | humanize }} lines were lost in ten minutes.",
            runbook=WATCH,
        ),
        _alert(
            "FlagsStale",
            f"max by (job) ({series(names.METRIC_FLAGS_STALE)}) == 1",
            "ticket",
            "{{ $labels.job }} cannot use its file of flags",
            "What was in force stays; its log says what is wrong (flags.refused).",
            runbook="docs/reference/flags.md",
            wait="5m",
        ),
    ]


def _record(name: str, expression: str, **labels: str) -> Rule:
    return {"record": name, "expr": expression} | ({"labels": labels} if labels else {})


def _alert(  # noqa: PLR0913 - one for each field
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
    rule: Rule = {"alert": name, "expr": expression}
    if wait is not None:
        rule["for"] = wait
    return rule | {
        "labels": {"severity": severity, **labels},
        "annotations": {"summary": summary, "description": description, "runbook": runbook},
    }
