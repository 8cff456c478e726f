"""What a month costs, by what it is paid for."""

from collections.abc import Mapping

from bench.capacity.assumptions import Assumptions, Prices, Scale
from bench.capacity.fleet import EDGE, Region

__all__ = ["EGRESS", "fixed", "monthly"]

EGRESS = "egress"
GB, TB = 1e9, 1e12
DAYS = 30


def monthly(
    mean: Region, peak: Region, stored: float, given: Assumptions, prices: Prices
) -> dict[str, float]:
    """Dollars a month for what the threshold moves: CPU, Valkey, Bigtable and what it stores."""

    def over_a_month(at_mean: float, at_peak: float) -> float:
        return at_mean * (prices.hours - given.peak_hours) + at_peak * given.peak_hours

    regions = given.serving_regions
    cpu = over_a_month(_cores(mean.pods, given), _cores(peak.pods, given))
    # Shards do not come and go: there are as many as the peak takes, in the standby too.
    nodes = peak.valkey_shards * (1 + given.valkey_replicas) * max(regions, given.clusters)
    rows = over_a_month(mean.bigtable_nodes, peak.bigtable_nodes) * given.clusters
    return {
        "pods": cpu * regions * prices.vcpu_hour,
        "Valkey": nodes * prices.hours * prices.valkey_node_hour,
        "Bigtable nodes": rows * prices.bigtable_node_hour,
        "Bigtable storage": stored / GB * given.clusters * prices.bigtable_gb_month,
    }


def fixed(scale: Scale, given: Assumptions, prices: Prices) -> dict[str, float]:
    """Dollars a month for what no threshold changes: messages, and what goes to the internet."""
    messages = scale.tweets_per_day * given.tweet_bytes * (1 + given.subscriptions) * DAYS
    egress = scale.home_reads_per_day * given.page_bytes * DAYS
    return {"Pub/Sub": messages / TB * prices.pubsub_tb, EGRESS: egress / GB * prices.egress_gb}


def _cores(pods: Mapping[str, float], given: Assumptions) -> float:
    return sum(
        count * (given.edge_vcpu if name == EDGE else given.pod_vcpu)
        for name, count in pods.items()
    )
