"""The dashboards: what is on them."""

from typing import Final

from services import telemetry as names
from tools.observability import queries
from tools.observability.edge_board import EDGE_BOARD
from tools.observability.panels import Board, Panel, Query, Row
from tools.observability.queries import quantile, rate_by
from tools.observability.rules import slo_series
from tools.observability.series import series
from tools.observability.slos import BURN_ALERTS, PERIOD_DAYS, SLOS, WINDOWS

__all__ = ["BOARDS"]

W: Final = "$__rate_interval"
CALLS: Final = series(names.METRIC_RPC_CLIENT_DURATION)
AGE: Final = series(names.METRIC_BUS_MESSAGE_AGE)
ATTEMPTS: Final = series(names.METRIC_BUS_MESSAGE_ATTEMPTS)
HANDLER: Final = series(names.METRIC_BUS_HANDLER_DURATION)
LAG: Final = series(names.METRIC_FANOUT_LAG)
ROWS: Final = series(names.METRIC_ROWS_DURATION)
VALKEY: Final = series(names.METRIC_VALKEY_DURATION)
HITS: Final = series(names.METRIC_CACHE_HITS)
MISSES: Final = series(names.METRIC_CACHE_MISSES)
GOOD: Final = f'rpc_code!~"{queries.FAULTS}"'


def _by_subscription(name: str, title: str, description: str) -> Panel:
    gauge = series(name)
    # Every fanout process reports all of them.
    query = Query(f"max by (subscription) ({gauge})", "{{subscription}}")
    return Panel(title=title, description=description, queries=[query])


REQUESTS: Final = Board(
    uid="aviary-requests",
    title="Aviary: requests",
    description="Rate, errors and duration of each RPC, as served and as called.",
    rows=[
        Row(
            "Served",
            [
                Panel(
                    title="Rate",
                    description="Calls a second, by RPC.",
                    unit="reqps",
                    queries=[
                        Query(rate_by("rpc_method", f"{queries.RPC}_count", W), "{{rpc_method}}")
                    ],
                ),
                Panel(
                    title="Errors",
                    description="The share of calls that failed through our fault, by RPC.",
                    unit="percentunit",
                    queries=[
                        Query(
                            queries.bad_ratio("rpc_method", f"{queries.RPC}_count", W, GOOD),
                            "{{rpc_method}}",
                        )
                    ],
                ),
                Panel(
                    title="Duration, 99 of 100",
                    description="As the service saw it, by RPC.",
                    unit="s",
                    queries=[Query(quantile(0.99, "rpc_method", queries.RPC, W), "{{rpc_method}}")],
                ),
            ],
        ),
        Row(
            "Called",
            [
                Panel(
                    title="Answers by code",
                    description="Of services called by others of them, a second.",
                    unit="reqps",
                    queries=[
                        Query(rate_by("job, rpc_code", f"{CALLS}_count", W), "{{job}} {{rpc_code}}")
                    ],
                ),
                Panel(
                    title="Duration, 99 of 100",
                    description="As the caller saw it, with the way there and back.",
                    unit="s",
                    queries=[
                        Query(
                            quantile(0.99, "job, rpc_method", CALLS, W), "{{job}} → {{rpc_method}}"
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Processes",
            [
                Panel(
                    title="CPU",
                    description="Seconds of CPU a second; one process uses about one core at most.",
                    queries=[Query(rate_by("job", "process_cpu_seconds_total", W), "{{job}}")],
                ),
                Panel(
                    title="Memory",
                    description="Resident bytes.",
                    unit="bytes",
                    queries=[Query("sum by (job) (process_resident_memory_bytes)", "{{job}}")],
                ),
                Panel(
                    title="Up",
                    description="Processes that can be scraped.",
                    queries=[Query("sum by (job) (up)", "{{job}}")],
                ),
            ],
        ),
    ],
)

FANOUT: Final = Board(
    uid="aviary-fanout",
    title="Aviary: fan-out",
    description="The way of a tweet from its creation to home timelines, and what is in its way.",
    rows=[
        Row(
            "How late tweets are",
            [
                Panel(
                    title="Lag",
                    description="From a tweet's creation until it was planned, or a page pushed.",
                    unit="s",
                    queries=[
                        Query(quantile(share, "stage", LAG, W), f"{{{{stage}}}} p{share * 100:g}")
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Age of messages, 99 of 100",
                    description="From the publishing to the end of an attempt, by subscription.",
                    unit="s",
                    queries=[Query(quantile(0.99, "subscription", AGE, W), "{{subscription}}")],
                ),
                Panel(
                    title="Pages pushed",
                    description="A second; a page is up to a thousand followers.",
                    queries=[Query(rate_by("stage", f"{LAG}_count", W), "{{stage}}")],
                ),
            ],
        ),
        Row(
            "Queues",
            [
                _by_subscription(
                    names.METRIC_BUS_BACKLOG,
                    "Waiting",
                    "Messages queued, in hand and delayed. On Pub/Sub only the cloud knows.",
                ),
                _by_subscription(
                    names.METRIC_BUS_DEAD_LETTERS,
                    "Dead letters",
                    "Messages given up, until they are redriven.",
                ),
                Panel(
                    title="Outboxes",
                    description="Entries committed and not yet published.",
                    queries=[
                        Query(f"sum by (table) ({series(names.METRIC_OUTBOX_HELD)})", "{{table}}")
                    ],
                ),
            ],
        ),
        Row(
            "Handlers",
            [
                Panel(
                    title="Duration, 99 of 100",
                    description="One attempt, by subscription.",
                    unit="s",
                    queries=[Query(quantile(0.99, "subscription", HANDLER, W), "{{subscription}}")],
                ),
                Panel(
                    title="Outcomes",
                    description="Attempts a second, by how they ended.",
                    queries=[Query(rate_by("outcome", f"{HANDLER}_count", W), "{{outcome}}")],
                ),
                Panel(
                    title="Attempts of a message, 99 of 100",
                    description="One when all is well.",
                    queries=[
                        Query(quantile(0.99, "subscription", ATTEMPTS, W), "{{subscription}}")
                    ],
                ),
            ],
        ),
        Row(
            "Controls",
            [
                Panel(
                    title="T",
                    description="The celebrity threshold in force, and what has set it.",
                    kind="stat",
                    queries=[
                        Query(
                            f"max by (source) ({series(names.METRIC_FANOUT_THRESHOLD)})",
                            "{{source}}",
                        )
                    ],
                ),
                _by_subscription(
                    names.METRIC_FANOUT_PAUSED, "Paused", "1: nothing is taken from it."
                ),
                Panel(
                    title="Flags that cannot be read",
                    description="1: the file of flags is missing or wrong, the old ones hold.",
                    queries=[
                        Query(f"max by (job) ({series(names.METRIC_FLAGS_STALE)})", "{{job}}")
                    ],
                ),
            ],
        ),
    ],
)

STORES: Final = Board(
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
    ],
)


def _slo_rows() -> list[Row]:
    rows = []
    for slo in SLOS:
        selector = f'{{slo="{slo.name}"}}'
        burn = [
            Query(f"{slo_series(window)}{selector} / {slo.budget}", window) for window in WINDOWS
        ]
        spent = f"avg_over_time({slo_series('1h')}{selector}[{PERIOD_DAYS}d]) / {slo.budget}"
        limits = ", ".join(f"{each.factor:g} over {each.long}" for each in BURN_ALERTS)
        rows.append(
            Row(
                f"{slo.title}: {slo.objective:.1%}",
                [
                    Panel(
                        title="Burn rate",
                        description=f"1 spends the budget in {PERIOD_DAYS} days. Alerts: {limits}.",
                        queries=burn,
                    ),
                    Panel(
                        title="Budget spent",
                        description=f"Of {PERIOD_DAYS} days, as far back as there is data.",
                        unit="percentunit",
                        kind="stat",
                        queries=[Query(spent, slo.name)],
                    ),
                ],
            )
        )
    return rows


SLO: Final = Board(
    uid="aviary-slo",
    title="Aviary: service levels",
    description="How fast error budgets burn, measured at the edge.",
    rows=_slo_rows(),
)

BOARDS: Final = (SLO, REQUESTS, FANOUT, STORES, EDGE_BOARD)
