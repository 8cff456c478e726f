"""PromQL that rules and dashboards share."""

from typing import Final

from services.platform.observability import names
from services.platform.rpc.status import SERVER_FAULTS
from tools.observability.series import series
from tools.observability.slos import Slo

__all__ = [
    "ANSWERS",
    "ANSWER_TIME",
    "CACHE_HITS",
    "FAILURES",
    "FAULTS",
    "LIVE_DELAY",
    "POST",
    "PUBLIC",
    "REQUESTS",
    "RPC",
    "SCAN_LAG",
    "SEARCH_LAG",
    "bad_ratio",
    "missing_ratio",
    "quantile",
    "rate_by",
    "slo_bad_ratio",
]

FAULTS: Final = "|".join(sorted(code.name for code in SERVER_FAULTS))
"""Codes of gRPC that mean that we failed, as a label is compared with them."""
RPC: Final = series(names.METRIC_RPC_SERVER_DURATION)
# What the edge counts of its callers' requests (`gateway/envoy/answer_figures.py`).
REQUESTS: Final = "envoy_aviary_requests"
FAILURES: Final = "envoy_aviary_failures"
ANSWERS: Final = "envoy_aviary_answers"
ANSWER_TIME: Final = "envoy_aviary_answer_time"
# The edge's own health is asked for by machines, and says 503 when it should; pages, and paths that
# do not exist, never fail.
PUBLIC: Final = 'rpc!~"aviary.gateway.v1.HealthService/GetHealth|elsewhere"'
POST: Final = "aviary.tweet.v1.TweetService/CreateTweet"
MISCOUNTED: Final = 0.1
"""Of posts and plans, which two processes count: repeated posts, and scrapes at two moments."""


def rate_by(by: str, metric: str, window: str, selector: str = "") -> str:
    """Per second, summed by labels."""
    return f"sum by ({by}) (rate({metric}{_braces(selector)}[{window}]))"


def quantile(share: float, by: str, histogram: str, window: str, selector: str = "") -> str:
    """A quantile of a histogram, by labels."""
    buckets = rate_by(f"{by}, le", f"{histogram}_bucket", window, selector)
    return f"histogram_quantile({share}, {buckets})"


def bad_ratio(by: str, counter: str, window: str, good: str) -> str:
    """The share that `good` does not select; 0 where all is good, 1 where nothing is.

    Like all shares here it has no value where nothing happens: 0/0 is NaN, and one NaN would spoil
    every average over it.
    """
    everything = rate_by(by, counter, window)
    fine = rate_by(by, counter, window, good)
    return f"({everything} - ({fine} or {everything} * 0)) / ({everything} > 0)"


def missing_ratio(by: str, hits: str, misses: str, window: str) -> str:
    """The share of misses; a cache that never had one, or nothing else, counts too."""
    hit, miss = rate_by(by, hits, window), rate_by(by, misses, window)
    lookups = f"({miss} or {hit} * 0) + ({hit} or {miss} * 0)"
    return f"({miss} or {hit} * 0) / ({lookups} > 0)"


CACHE_HITS: Final = "cache:hits:ratio_rate10m"
LIVE_DELAY: Final = "live:delay_seconds:p99_rate5m"
SEARCH_LAG: Final = "search:lag_seconds:p99_rate5m"
SCAN_LAG: Final = "tweet:scan_lag_seconds:p99_rate5m"


def slo_bad_ratio(slo: Slo, window: str) -> str:
    """The share that is bad of an SLO; no value where nothing happens."""
    if slo.fanned_out_s is not None:
        return _late_ratio(slo.fanned_out_s, window)
    selector = PUBLIC if slo.rpc is None else f'rpc="{slo.rpc}"'
    failed = f"sum(rate({FAILURES}{{{selector}}}[{window}]))"
    if slo.below_ms is None:
        return f"{failed} / (sum(rate({REQUESTS}{{{selector}}}[{window}])) > 0)"
    # What failed is slow, however soon it did; and a histogram has no series before its first.
    fast = f'sum(rate({ANSWER_TIME}_bucket{{{selector},le="{slo.below_ms}"}}[{window}]))'
    served = f"sum(rate({ANSWER_TIME}_count{{{selector}}}[{window}]))"
    return f"1 - ({fast} or vector(0)) / (({served} or vector(0)) + {failed} > 0)"


def _late_ratio(limit_s: float, window: str) -> str:
    """The share of pushes that came late, or of tweets that were not planned, if that is more.

    Who does no work records no lag: without the tweets that others have posted, an outage of the
    fan-out would be no late push at all until it is over.
    """
    lag, posted = (
        series(names.METRIC_FANOUT_LAG),
        f'{RPC}_count{{rpc_method="{POST}",rpc_code="OK"}}',
    )
    fast = f'sum(rate({lag}_bucket{{stage="push",le="{limit_s:.1f}"}}[{window}]))'
    late = f'1 - {fast} / (sum(rate({lag}_count{{stage="push"}}[{window}])) > 0)'
    # All that were planned: those of authors whom too many follow are not pushed, and are not late.
    planned = f"(sum(rate({series(names.METRIC_FANOUT_PLANNED)}[{window}])) or vector(0))"
    missing = f"1 - {planned} / (sum(rate({posted}[{window}])) > 0)"
    missing = f'label_replace({missing} > {MISCOUNTED}, "part", "missing", "", "")'
    return f"max({late} or {missing})"


def _braces(selector: str) -> str:
    return f"{{{selector}}}" if selector else ""
