"""Alerts about caches, rows and leases that fail."""

from typing import Final

from services.platform.ids.model import LEASE_TERM_MS
from services.platform.observability import names
from tools.observability import queries
from tools.observability.alerts.rule import Rule, alert
from tools.observability.series import series

__all__ = ["store_alerts"]

FILLS: Final = 0.85
"""Share of the memory. At 1 the bus takes no message and nonces refuse all signed requests."""
LEASE_LEFT_S: Final = LEASE_TERM_MS // 1_000 * 2 // 3 - 5
"""Of a lease, which is renewed when two thirds are left, and tried again each second. Much less,
and it would end before two looks a quarter of a minute apart have seen it; the wait between them is
for an id service that is started again."""
EVICTIONS_PER_S: Final = 10
"""A home that is evicted is read from the rows again: so many a second are a load to notice."""


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
            wait="1m",
        ),
        alert(
            "CacheHitRateFell",
            f"{queries.CACHE_HITS} < 0.7 * avg_over_time({queries.CACHE_HITS}[1d])"
            " and cache:lookups:rate10m > 1",
            "ticket",
            "The cache {{ $labels.cache }} has less than it used to",
            "{{ $value | humanizePercentage }} of lookups are hits, far below the day's average.",
            wait="15m",
        ),
        alert(
            "RowsFail",
            f"{failing} > 0.05",
            "page",
            "Calls to the rows of {{ $labels.table }} fail",
            "{{ $value | humanizePercentage }} of {{ $labels.job }}'s calls to "
            "{{ $labels.engine }} fail.",
            wait="5m",
        ),
        alert(
            "CountsDrift",
            f"sum by (kind) (increase({series(names.METRIC_ENGAGEMENT_DRIFT)}[1h])) > 0",
            "ticket",
            "Counts of tweets were off",
            "{{ $value | humanize }} {{ $labels.kind }} counts in an hour were off, and put right.",
        ),
        alert(
            "EdgesOutOfOrder",
            f"sum by (job) (increase({series(names.METRIC_GRAPH_OUT_OF_ORDER)}[1h])) > 0",
            "ticket",
            "Follows, blocks or mutes cannot be changed",
            "{{ $value | humanize }} changes in an hour met a stored date beyond every id.",
        ),
        alert(
            "LeaseMissing",
            f"min by (job, instance) ({series(names.METRIC_ID_LEASE_REMAINING)}) < {LEASE_LEFT_S}",
            "page",
            "{{ $labels.job }} will soon make no more ids",
            "Its lease of a worker number ends in {{ $value | humanize }} s and is not renewed.",
            wait="15s",
        ),
        *_valkey_alerts(),
    ]


def _valkey_alerts() -> list[Rule]:
    memory, evicted = series(names.METRIC_VALKEY_MEMORY), series(names.METRIC_VALKEY_EVICTED)
    return [
        alert(
            "ValkeyFills",
            # One that evicts is full as a rule; one that may not refuses writes when it is.
            f'max by (store) ({memory}{{evicts="no"}}) > {FILLS}',
            "page",
            "The Valkey of the {{ $labels.store }} is almost full",
            "{{ $value | humanizePercentage }} of its memory is used, and it evicts nothing.",
            wait="5m",
        ),
        alert(
            "ValkeyEvicts",
            f"max by (store) (rate({evicted}[10m])) > {EVICTIONS_PER_S}",
            "ticket",
            "The Valkey of the {{ $labels.store }} forgets what is used",
            "It evicts {{ $value | humanize }} keys a second to have room for others.",
            wait="30m",
        ),
    ]
