"""PromQL that rules and dashboards share."""

from typing import Final

from services.platform.observability import names
from tools.observability.series import series
from tools.observability.slos import Slo

__all__ = [
    "CACHE_HITS",
    "EDGE",
    "FAULTS",
    "PUBLIC",
    "RPC",
    "bad_ratio",
    "edge_rpc",
    "missing_ratio",
    "quantile",
    "rate_by",
    "slo_bad_ratio",
]

FAULTS: Final = "UNKNOWN|DEADLINE_EXCEEDED|UNIMPLEMENTED|INTERNAL|UNAVAILABLE|DATA_LOSS"
"""gRPC codes that mean that we failed; the others are the client's to mend."""
# The same by number, as Envoy names its counters.
FAULT_NUMBERS: Final = (2, 4, 12, 13, 14, 15)
RPC: Final = series(names.METRIC_RPC_SERVER_DURATION)
EDGE: Final = "envoy_cluster_grpc"
# The edge's own health is asked for by machines, and says 503 when it should.
PUBLIC: Final = 'envoy_grpc_bridge_service!="aviary_gateway_v1_HealthService"'


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


def edge_rpc(slo: Slo) -> str:
    """Select what an SLO is of, in the edge's figures."""
    if slo.rpc is None:
        return PUBLIC
    service = slo.rpc.service.replace(".", "_")
    return f'envoy_grpc_bridge_service="{service}",envoy_grpc_bridge_method="{slo.rpc.method}"'


def slo_bad_ratio(slo: Slo, window: str) -> str:
    """The share of bad requests of an SLO; no value without requests."""
    selector = edge_rpc(slo)
    if slo.below_ms is None:
        # A counter is not there before its first failure.
        failed = " + ".join(
            f"(sum(rate({EDGE}_{number}{{{selector}}}[{window}])) or vector(0))"
            for number in FAULT_NUMBERS
        )
        return f"({failed}) / (sum(rate({EDGE}_total{{{selector}}}[{window}])) > 0)"
    time = f"{EDGE}_upstream_rq_time"
    fast = f'sum(rate({time}_bucket{{{selector},le="{slo.below_ms}"}}[{window}]))'
    return f"1 - {fast} / (sum(rate({time}_count{{{selector}}}[{window}])) > 0)"


def _braces(selector: str) -> str:
    return f"{{{selector}}}" if selector else ""
