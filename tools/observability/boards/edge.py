"""The dashboard of the edge, from Envoy's own figures."""

from typing import Final

from services.platform.audit.port import (
    EDGE_DENIED,
    LIMIT_HIT,
    LOG_IN,
    LOG_IN_FAILED,
    TOKEN_ISSUED,
    TOKEN_REFUSED,
)
from services.platform.observability.names import (
    METRIC_AUDIT_EVENTS,
    METRIC_LIMITS_DECISIONS,
    METRIC_LIMITS_LISTED,
)
from tools.observability.panels import Board, Panel, Query, Row, W
from tools.observability.queries import (
    ANSWER_TIME,
    ANSWERS,
    FAILURES,
    PUBLIC,
    REQUESTS,
    quantile,
    rate_by,
)
from tools.observability.series import series

__all__ = ["BOARD"]

# The listener that clients use; the one of the figures counts itself.
LISTENER: Final = 'envoy_http_conn_manager_prefix="edge"'
HTTP: Final = "envoy_http_downstream"
CLASS: Final = "envoy_response_code_class"
CLUSTER: Final = "envoy_cluster_name"


def _audited(*events: str) -> Query:
    selector = f'event=~"{"|".join(events)}"'
    return Query(rate_by("event", series(METRIC_AUDIT_EVENTS), W, selector), "{{event}}")


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
                    title="Duration of all",
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
            "RPCs, as callers got them",
            [
                Panel(
                    title="Requests",
                    description="A second, by RPC; by gRPC and over REST.",
                    unit="reqps",
                    queries=[Query(rate_by("rpc", REQUESTS, W, PUBLIC), "{{rpc}}")],
                ),
                Panel(
                    title="Failures",
                    description="Through our fault, a second: 5xx, or a gRPC status like it.",
                    unit="reqps",
                    queries=[Query(rate_by("rpc", FAILURES, W, PUBLIC), "{{rpc}}")],
                ),
                Panel(
                    title="Answers by status",
                    description="A second; 0 is a caller that left, 200 all answers by gRPC.",
                    unit="reqps",
                    queries=[Query(rate_by("code", ANSWERS, W, PUBLIC), "{{code}}")],
                ),
                Panel(
                    title="Duration, 99 of 100",
                    description="Of requests that neither failed nor were refused.",
                    unit="ms",
                    queries=[Query(quantile(0.99, "rpc", ANSWER_TIME, W, PUBLIC), "{{rpc}}")],
                ),
            ],
        ),
        Row(
            "Limits and log-ins",
            [
                Panel(
                    title="Writes decided on",
                    description="By class and outcome, a second: allowed, or the budget hit.",
                    unit="reqps",
                    queries=[
                        Query(
                            rate_by("class, outcome", series(METRIC_LIMITS_DECISIONS), W),
                            "{{class}} {{outcome}}",
                        )
                    ],
                ),
                Panel(
                    title="Refused at the edge",
                    description="For want of rights, and over a limit, a second.",
                    unit="reqps",
                    queries=[_audited(EDGE_DENIED, LIMIT_HIT)],
                ),
                Panel(
                    title="Log-ins and tokens",
                    description="What the issuer granted and refused, a second.",
                    unit="reqps",
                    queries=[_audited(LOG_IN, LOG_IN_FAILED, TOKEN_ISSUED, TOKEN_REFUSED)],
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
