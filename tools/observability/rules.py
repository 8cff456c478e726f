"""Recording rules, alerts on budgets of errors, and the file of all rules."""

from typing import Any

from services.platform.observability import names
from tools.observability import queries
from tools.observability.alerts import (
    Rule,
    alert,
    edge_alerts,
    fanout_alerts,
    process_alerts,
    request_alerts,
    store_alerts,
)
from tools.observability.series import series
from tools.observability.slos import BURN_ALERTS, SLOS, WINDOWS, Burn, Slo

__all__ = ["rule_file", "slo_series"]


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
            {"name": "requests", "rules": request_alerts()},
            {"name": "fanout", "rules": fanout_alerts()},
            {"name": "stores", "rules": store_alerts()},
            {"name": "edge", "rules": edge_alerts()},
            {"name": "processes", "rules": process_alerts()},
        ]
    }


def _records() -> list[Rule]:
    by, count = "job, rpc_method", f"{queries.RPC}_count"
    lag = series(names.METRIC_FANOUT_LAG)
    told = f"sum by (le) (rate({series(names.METRIC_NOTIFICATION_LAG)}_bucket[5m]))"
    hits, misses = series(names.METRIC_CACHE_HITS), series(names.METRIC_CACHE_MISSES)
    edge_requests = queries.rate_by("rpc", queries.REQUESTS, "5m", queries.PUBLIC)
    edge_failures = queries.rate_by("rpc", queries.FAILURES, "5m", queries.PUBLIC)
    good = f'rpc_code!~"{queries.FAULTS}"'
    return [
        _record("rpc:server_requests:rate5m", queries.rate_by(by, count, "5m")),
        _record("rpc:server_faults:ratio_rate5m", queries.bad_ratio(by, count, "5m", good)),
        _record("rpc:server_seconds:p99_rate5m", queries.quantile(0.99, by, queries.RPC, "5m")),
        _record("edge:requests:rate5m", edge_requests),
        _record("edge:failures:ratio_rate5m", f"{edge_failures} / ({edge_requests} > 0)"),
        _record("fanout:lag_seconds:p99_rate5m", queries.quantile(0.99, "stage", lag, "5m")),
        _record(
            queries.SCAN_LAG, _quantile_of_all(0.99, series(names.METRIC_TWEET_SCAN_LAG), "5m")
        ),
        _record(queries.SEARCH_LAG, _quantile_of_all(0.99, series(names.METRIC_SEARCH_LAG), "5m")),
        _record("notification:lag_seconds:p99_rate5m", f"histogram_quantile(0.99, {told})"),
        _record(queries.LIVE_DELAY, _quantile_of_all(0.99, series(names.METRIC_LIVE_DELAY), "5m")),
        _record("cache:lookups:rate10m", _lookups(hits, misses)),
        _record(queries.CACHE_HITS, f"1 - {queries.missing_ratio('cache', hits, misses, '10m')}"),
    ]


def _quantile_of_all(share: float, histogram: str, window: str) -> str:
    return f"histogram_quantile({share}, sum by (le) (rate({histogram}_bucket[{window}])))"


def _lookups(hits: str, misses: str) -> str:
    # A label keeps them apart, or `or` would take a miss for the hit with the same labels.
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

    things = "of requests" if slo.fanned_out_s is None else "of tweets"
    return alert(
        "SloBurn",
        f"{burning(burn.long)} and {burning(burn.short)}",
        burn.severity,
        f"{slo.title}: the error budget burns {burn.factor:g} times too fast",
        f"Over {burn.long}, {{{{ $value | humanizePercentage }}}} {things} were bad; "
        f"{slo.budget:.1%} may be.",
        slo=slo.name,
        window=burn.long,
    )


def _record(name: str, expression: str, **labels: str) -> Rule:
    return {"record": name, "expr": expression} | ({"labels": labels} if labels else {})
