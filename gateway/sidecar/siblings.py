"""The clusters of siblings: their replicas by locality, and what becomes of one that fails."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from gateway.envoy.upstreams import (
    HEALTH_CHECKS,
    MAX_PENDING,
    cluster,
    mtls,
    socket_address,
)
from gateway.sidecar.config import Locality, Replica, SidecarConfig

__all__ = ["sibling_cluster"]

# Percent of the calls under way that may be retries, and how many always may: a sibling in trouble
# gets a tenth more load, not three times as much.
RETRY_BUDGET_PERCENT = 10.0
MIN_RETRIES = 3
# One failure is a blip; after this many in a row a replica is broken, though its health may pass.
EJECTED_AFTER = 5
# Returns of replicas to their places are looked for this often.
EJECTION_SWEEP = "1s"
MAX_EJECTION = "300s"
# Above it the fault is not the replicas', and the rest would drown. So a single one stays as well.
MAX_EJECTED_PERCENT = 50

# Below it all replicas are tried. What is known of their health is seconds old, which is
# long for a service that has just started; and a sidecar whose service is gone says so at once.
NONE_HEALTHY_PERCENT = 1


def sibling_cluster(config: SidecarConfig, sibling: str) -> dict[str, Any]:
    """Build the cluster of a sibling. Raises `KeyError` where it has no replicas."""
    localities = _by_locality(config.locality, config.siblings[sibling])
    tls = mtls(config.service, sibling, config.certificates)
    return cluster(sibling, localities, tls) | {
        # A slow replica has more under way, and so gets less.
        "lb_policy": "LEAST_REQUEST",
        "common_lb_config": {
            "healthy_panic_threshold": {"value": NONE_HEALTHY_PERCENT},
            # As many calls for a zone as it has replicas.
            "locality_weighted_lb_config": {},
        },
        "close_connections_on_host_health_failure": True,
        "health_checks": HEALTH_CHECKS,
        "circuit_breakers": {"thresholds": [_bounds(config)]},
        "outlier_detection": _ejection(config),
    }


def _bounds(config: SidecarConfig) -> dict[str, Any]:
    return {
        "max_requests": config.max_requests,
        "max_pending_requests": MAX_PENDING,
        "retry_budget": {
            "budget_percent": {"value": RETRY_BUDGET_PERCENT},
            "min_retry_concurrency": MIN_RETRIES,
        },
    }


def _ejection(config: SidecarConfig) -> dict[str, Any]:
    return {
        # UNAVAILABLE, DEADLINE_EXCEEDED and broken connections. INTERNAL is a fault of the code,
        # which every replica has.
        "consecutive_gateway_failure": EJECTED_AFTER,
        "enforcing_consecutive_gateway_failure": 100,
        "enforcing_consecutive_5xx": 0,
        "enforcing_success_rate": 0,
        "interval": EJECTION_SWEEP,
        "base_ejection_time": f"{config.ejection_s:g}s",
        "max_ejection_time": MAX_EJECTION,
        "max_ejection_percent": MAX_EJECTED_PERCENT,
        # It is ejected for what health checks do not see, so they must not bring it back.
        "successful_active_health_check_uneject_host": False,
    }


def _by_locality(own: Locality, replicas: Sequence[Replica]) -> Sequence[Mapping[str, Any]]:
    """Group replicas as Envoy wants them: those near first, others as these fail."""
    groups: defaultdict[Locality, list[Replica]] = defaultdict(list)
    for replica in replicas:
        groups[replica.locality].append(replica)
    distances = {each: _distance(own, each) for each in groups}
    # Envoy wants priorities without gaps.
    priorities = {distance: at for at, distance in enumerate(sorted(set(distances.values())))}
    ordered = sorted(groups, key=lambda each: (distances[each], each.region, each.zone))
    return [
        {
            "locality": {"region": each.region, "zone": each.zone},
            "priority": priorities[distances[each]],
            "load_balancing_weight": len(groups[each]),
            "lb_endpoints": [
                {"endpoint": {"address": socket_address(replica.address)}}
                for replica in groups[each]
            ],
        }
        for each in ordered
    ]


def _distance(own: Locality, other: Locality) -> int:
    """0 in the same zone, 1 in the same region, 2 beyond."""
    if own.region != other.region:
        return 2
    return 0 if own.zone == other.zone else 1
