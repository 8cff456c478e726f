"""The dashboard of the edge, from Envoy's own figures."""

from typing import Final

from services.platform.observability.names import METRIC_LIMITS_LISTED
from tools.observability.panels import Board, Panel, Query, Row, W
from tools.observability.queries import EDGE, PUBLIC, quantile, rate_by
from tools.observability.series import series

__all__ = ["BOARD"]

# The listener that clients use; the one of the figures counts itself.
LISTENER: Final = 'envoy_http_conn_manager_prefix="edge"'
HTTP: Final = "envoy_http_downstream"
METHOD: Final = "envoy_grpc_bridge_method"
CLASS: Final = "envoy_response_code_class"
CLUSTER: Final = "envoy_cluster_name"

BOARD: Final = Board(
    uid="aviary-edge",
    title="Aviary: edge",
    description="What clients ask of the edge, and what it makes of it.",
    rows=[
        Row(
            "Clients",
            [
                Panel(
                    title="Answers by class",
                    description="HTTP answers a second, those that Envoy itself gives among them.",
                    unit="reqps",
                    queries=[
                        Query(rate_by(CLASS, f"{HTTP}_rq_xx", W, LISTENER), f"{{{{{CLASS}}}}}xx")
                    ],
                ),
                Panel(
                    title="Duration",
                    description="From the first byte of a request to the last of its answer.",
                    unit="ms",
                    queries=[
                        Query(
                            quantile(share, "job", f"{HTTP}_rq_time", W, LISTENER),
                            f"p{share * 100:g}",
                        )
                        for share in (0.5, 0.99)
                    ],
                ),
                Panel(
                    title="Lists from the gateway",
                    description="Names on each list, of 5000: what was revoked, who misbehaves.",
                    queries=[
                        Query(f"max by (list) ({series(METRIC_LIMITS_LISTED)})", "{{list}}"),
                    ],
                ),
                Panel(
                    title="Connections",
                    description="Open now.",
                    queries=[Query(f"sum by (job) ({HTTP}_cx_active{{{LISTENER}}})", "open")],
                ),
            ],
        ),
        Row(
            "RPCs",
            [
                Panel(
                    title="Rate",
                    description="Transcoded requests a second, by RPC.",
                    unit="reqps",
                    queries=[
                        Query(rate_by(METHOD, f"{EDGE}_total", W, PUBLIC), f"{{{{{METHOD}}}}}")
                    ],
                ),
                Panel(
                    title="Unavailable",
                    description="UNAVAILABLE a second, said by a service or for it by the edge.",
                    unit="reqps",
                    queries=[Query(rate_by(METHOD, f"{EDGE}_14", W, PUBLIC), f"{{{{{METHOD}}}}}")],
                ),
                Panel(
                    title="Duration, 99 of 100",
                    description="As the edge waited for services, retries included.",
                    unit="ms",
                    queries=[
                        Query(
                            quantile(0.99, METHOD, f"{EDGE}_upstream_rq_time", W, PUBLIC),
                            f"{{{{{METHOD}}}}}",
                        )
                    ],
                ),
            ],
        ),
        Row(
            "Services behind it",
            [
                Panel(
                    title="Healthy hosts",
                    description="By service.",
                    queries=[
                        Query(
                            f"sum by ({CLUSTER}) (envoy_cluster_membership_healthy)",
                            f"{{{{{CLUSTER}}}}}",
                        )
                    ],
                ),
                Panel(
                    title="Retries",
                    description="Of calls that never began, a second, by service.",
                    queries=[
                        Query(
                            rate_by(CLUSTER, "envoy_cluster_upstream_rq_retry", W),
                            f"{{{{{CLUSTER}}}}}",
                        )
                    ],
                ),
                Panel(
                    title="Turned away",
                    description="Calls over the bound of calls under way, a second, by service.",
                    queries=[
                        Query(
                            rate_by(CLUSTER, "envoy_cluster_upstream_rq_pending_overflow", W),
                            f"{{{{{CLUSTER}}}}}",
                        )
                    ],
                ),
            ],
        ),
    ],
)
