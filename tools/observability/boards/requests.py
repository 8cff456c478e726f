"""The dashboard of RPCs, as served and as called, and of the processes."""

from typing import Final

from services.platform.observability import names
from tools.observability import queries
from tools.observability.alerts.processes import DAY_S, EDGE_CERTIFICATE_DAYS
from tools.observability.panels import Board, Panel, Query, Row, W
from tools.observability.queries import quantile, rate_by
from tools.observability.series import series

__all__ = ["BOARD"]

CALLS: Final = series(names.METRIC_RPC_CLIENT_DURATION)
GOOD: Final = f'rpc_code!~"{queries.FAULTS}"'

BOARD: Final = Board(
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
                    description="As the client saw it, with the way there and back.",
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
                    title="Builds",
                    description="Processes by version of Aviary and Python.",
                    queries=[
                        Query(
                            f"sum by (version, python) ({series(names.METRIC_BUILD_INFO)})",
                            "{{version}} on {{python}}",
                        )
                    ],
                ),
                Panel(
                    title="Up",
                    description="Processes that can be scraped.",
                    queries=[Query("sum by (job) (up)", "{{job}}")],
                ),
            ],
        ),
        Row(
            "What runs out",
            [
                Panel(
                    title="Certificates",
                    description="Time left to each process's own.",
                    unit="s",
                    queries=[
                        Query(
                            f"min by (job) ({series(names.METRIC_CERTIFICATE_REMAINING)})",
                            "{{job}}",
                        ),
                        Query(f"min by (job) ({EDGE_CERTIFICATE_DAYS}) * {DAY_S}", "{{job}}"),
                    ],
                ),
                Panel(
                    title="Disks",
                    description="The free share of the disk with the data folder.",
                    unit="percentunit",
                    queries=[
                        Query(
                            f"min by (job, folder) ({series(names.METRIC_DISK_FREE)})",
                            "{{job}} {{folder}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
