"""The dashboard of rows, Valkey, caches and leases."""

from typing import Final

from services.platform.observability import names
from tools.observability import queries
from tools.observability.panels import Board, Panel, Query, Row, W
from tools.observability.queries import quantile, rate_by
from tools.observability.series import series

__all__ = ["BOARD"]

ROWS: Final = series(names.METRIC_ROWS_DURATION)
VALKEY: Final = series(names.METRIC_VALKEY_DURATION)
HITS: Final = series(names.METRIC_CACHE_HITS)
MISSES: Final = series(names.METRIC_CACHE_MISSES)

BOARD: Final = Board(
    uid="aviary-stores",
    title="Aviary: stores",
    description="The rows, Valkey, the caches, and the leases of worker numbers.",
    rows=[
        Row(
            "Rows",
            [
                Panel(
                    title="Duration, 99 of 100",
                    description="One call, by engine, operation and table.",
                    unit="s",
                    queries=[
                        Query(
                            quantile(0.99, "engine, operation, table", ROWS, W),
                            "{{engine}} {{operation}} {{table}}",
                        )
                    ],
                ),
                Panel(
                    title="Rate",
                    description="Calls a second.",
                    unit="reqps",
                    queries=[
                        Query(
                            rate_by("engine, operation, table", f"{ROWS}_count", W),
                            "{{engine}} {{operation}} {{table}}",
                        )
                    ],
                ),
                Panel(
                    title="Failures",
                    description="The share of calls that failed, by engine and table.",
                    unit="percentunit",
                    queries=[
                        Query(
                            queries.bad_ratio("engine, table", f"{ROWS}_count", W, 'outcome="ok"'),
                            "{{engine}} {{table}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Valkey",
            [
                Panel(
                    title="Round trips, 99 of 100",
                    description="Of scripts, to the cache and to the bus.",
                    unit="s",
                    queries=[Query(quantile(0.99, "store", VALKEY, W), "{{store}}")],
                ),
                Panel(
                    title="Circuit",
                    description="1 while a process takes the cache for gone.",
                    queries=[
                        Query(
                            f"max by (job) ({series(names.METRIC_CACHE_CIRCUIT_OPEN)})", "{{job}}"
                        )
                    ],
                ),
                Panel(
                    title="Calls without an answer",
                    description="Refused while the circuit is open, and failed, a second.",
                    queries=[
                        Query(
                            rate_by("job", series(names.METRIC_CACHE_CIRCUIT_REFUSED), W),
                            "{{job}} refused",
                        ),
                        Query(
                            rate_by("job", series(names.METRIC_HOT_STORE_UNAVAILABLE), W),
                            "{{job}} failed",
                        ),
                        Query(
                            rate_by("job", series(names.METRIC_CACHE_CIRCUIT_OPENED), W),
                            "{{job}} opened",
                        ),
                    ],
                ),
            ],
        ),
        Row(
            "Valkey's memory",
            [
                Panel(
                    title="Memory used",
                    description="Of what it may use; a cache that evicts is full as a rule.",
                    unit="percentunit",
                    queries=[
                        Query(f"max by (store) ({series(names.METRIC_VALKEY_MEMORY)})", "{{store}}")
                    ],
                ),
                Panel(
                    title="Evictions",
                    description="Keys a second that it forgot to have room for others.",
                    queries=[
                        Query(
                            f"max by (store) (rate({series(names.METRIC_VALKEY_EVICTED)}[{W}]))",
                            "{{store}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Caches and leases",
            [
                Panel(
                    title="Hit rate",
                    description="The share of entries that were there, by cache.",
                    unit="percentunit",
                    queries=[
                        Query(f"1 - {queries.missing_ratio('cache', HITS, MISSES, W)}", "{{cache}}")
                    ],
                ),
                Panel(
                    title="Lookups",
                    description="Entries a second, by cache.",
                    queries=[
                        Query(rate_by("cache", HITS, W), "{{cache}} hits"),
                        Query(rate_by("cache", MISSES, W), "{{cache}} misses"),
                    ],
                ),
                Panel(
                    title="Leases",
                    description="Seconds until a process may make no more ids; 40 to 60 is well.",
                    unit="s",
                    queries=[
                        Query(
                            f"min by (job) ({series(names.METRIC_ID_LEASE_REMAINING)})", "{{job}}"
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Counts of tweets",
            [
                Panel(
                    title="Reconciled",
                    description="Tweets a second whose counts were compared with what they count.",
                    queries=[
                        Query(
                            rate_by("job", series(names.METRIC_ENGAGEMENT_RECONCILED), W), "{{job}}"
                        )
                    ],
                ),
                Panel(
                    title="Off",
                    description="Counts that were off and were put right, a second, by kind.",
                    queries=[
                        Query(rate_by("kind", series(names.METRIC_ENGAGEMENT_DRIFT), W), "{{kind}}")
                    ],
                ),
            ],
        ),
        Row(
            "Pictures",
            [
                Panel(
                    title="Looked at",
                    description="Uploads a second, by what became of them.",
                    queries=[
                        Query(
                            rate_by("outcome", series(names.METRIC_MEDIA_PROCESSED), W),
                            "{{outcome}}",
                        )
                    ],
                ),
                Panel(
                    title="Collected",
                    description="Pictures a second that no tweet carried in time.",
                    queries=[
                        Query(rate_by("job", series(names.METRIC_MEDIA_COLLECTED), W), "{{job}}")
                    ],
                ),
            ],
        ),
    ],
)
