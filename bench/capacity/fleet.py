"""How many pods and nodes a threshold takes, at the mean and at the peak."""

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from bench.capacity.assumptions import DAY_S, Assumptions, Scale
from bench.capacity.costs import UnitCosts
from bench.capacity.followers import Followers

__all__ = ["EDGE", "Demand", "Region", "demand", "region", "stored_bytes", "whole"]

EDGE, TIMELINE = "edge", "timeline"
POD_OF = {"envoy": EDGE}
"""Processes whose pods have another name."""
VALKEY = "valkey cache"
MANAGED = {VALKEY, "valkey bus", "up", "forked", "python"}
"""No pods: clusters of nodes, Pub/Sub, and what runs on one machine only."""
MICRO = 1e-6


@dataclass(frozen=True, slots=True)
class Demand:
    """What one serving region is asked for in a second."""

    posts: float
    home_reads: float
    deliveries: float
    follows: float
    celebrities: float
    """Authors above the threshold, in all."""
    merged: float
    """Celebrities whom a reader follows, in the mean."""
    fetched: float
    """Those of them whose lists no process keeps."""


@dataclass(frozen=True, slots=True)
class Region:
    """What serves it."""

    vcpu: Mapping[str, float]
    """Busy, by service."""
    pods: Mapping[str, float]
    """By service, before they are rounded up; infinite where a pod has no time for its readers."""
    valkey_busy: float
    valkey_shards: float
    """Before it is rounded up, as is the next."""
    bigtable_nodes: float
    """Of each cluster."""


def demand(
    scale: Scale, given: Assumptions, followers: Followers, threshold: float, *, peak: bool
) -> Demand:
    """Reckon the load of a region with authors pushed up to the threshold."""
    times = (scale.peak if peak else 1.0) / given.serving_regions / DAY_S
    reads = scale.home_reads_per_day * times
    if peak:
        reads = max(reads, scale.regional_peak_reads)
    merged = followers.mean_above(threshold)
    celebrities = scale.daily_users * followers.share_above(threshold)
    kept_from = followers.threshold_of(given.kept_lists / scale.daily_users)
    # The most followed are read most, and so are those that are kept.
    kept = followers.mean_above(max(threshold, math.floor(kept_from)))
    return Demand(
        posts=scale.tweets_per_day * times,
        home_reads=reads,
        # Each region writes the lists of its own readers, as they are the same tweets.
        deliveries=scale.tweets_per_day * times * (followers.mean - merged),
        follows=scale.follows_per_day * times,
        celebrities=celebrities,
        merged=merged,
        fetched=max(0.0, merged - kept),
    )


def region(load: Demand, scale: Scale, given: Assumptions, costs: UnitCosts) -> Region:
    """Size it."""
    busy = _busy(load, given, costs)
    vcpu = {name: cores for name, cores in busy.items() if name not in MANAGED}
    pods = {name: _pods(name, cores, load, given) for name, cores in vcpu.items()}
    return Region(
        vcpu=vcpu,
        pods=pods,
        valkey_busy=busy[VALKEY],
        valkey_shards=_shards(busy[VALKEY], scale, given, costs),
        bigtable_nodes=_nodes(load, scale, given, costs, pods.get(TIMELINE, 0.0)),
    )


def whole(count: float) -> int:
    """Round up to what can be had of it: one at least."""
    return max(1, math.ceil(count))


def _busy(load: Demand, given: Assumptions, costs: UnitCosts) -> dict[str, float]:
    """Cores that each process keeps busy, by the name of its pods."""
    cold = load.home_reads * given.cold_share
    busy: defaultdict[str, float] = defaultdict(float)
    for rate, cost in (
        (load.posts, costs.post),
        (load.home_reads - cold, costs.home_warm),
        (cold, costs.home_cold),
        (load.deliveries, costs.delivery),
        (load.follows, costs.follow),
        (load.home_reads * load.merged, costs.celebrity),
    ):
        for name, us in cost.us.items():
            busy[POD_OF.get(name, name)] += rate * us * MICRO
    busy[TIMELINE] += load.home_reads * load.fetched * given.list_read_us * MICRO
    return busy


def _pods(name: str, busy: float, load: Demand, given: Assumptions) -> float:
    if name == EDGE:
        return busy / given.utilisation / given.edge_vcpu
    each = given.utilisation * given.pod_vcpu
    if name == TIMELINE:
        # Each process reads the whole list of celebrities for itself, however many there are.
        each -= load.celebrities * given.celebrity_refreshes * given.celebrity_row_us * MICRO
    return busy / each if each > 0 else math.inf


def _shards(busy: float, scale: Scale, given: Assumptions, costs: UnitCosts) -> float:
    lists = scale.daily_users * given.hot_users * given.hot_entries * costs.hot_entry.total_us
    tweets = scale.tweets_per_day * given.cached_tweets_days * given.tweet_bytes
    by_memory = (lists / given.serving_regions + tweets) / given.valkey_node_bytes
    by_cpu = busy / given.valkey_cores / given.valkey_utilisation
    return max(by_memory, by_cpu)


def _nodes(
    load: Demand, scale: Scale, given: Assumptions, costs: UnitCosts, readers: float
) -> float:
    writes = (
        load.posts * given.rows_per_post + load.deliveries + load.follows * given.rows_per_follow
    ) * given.serving_regions  # replicated to every cluster
    reads = load.home_reads * given.cold_share * given.rows_per_cold_read
    scanned = (
        (readers if math.isfinite(readers) else 0.0)
        * given.celebrity_refreshes
        * load.celebrities
        * given.celebrity_row_bytes
    )
    by_load = (
        writes / given.bigtable_writes
        + reads / given.bigtable_reads
        + scanned / given.bigtable_scan_bytes
    ) / given.bigtable_utilisation
    by_size = stored_bytes(scale, given, costs, load) / given.bigtable_node_bytes
    return max(by_load, by_size)


def stored_bytes(scale: Scale, given: Assumptions, costs: UnitCosts, load: Demand) -> float:
    """Bytes in each cluster: tweets and timelines for as long as they are kept."""
    tweets = scale.tweets_per_day * given.tweet_bytes * given.tweets_kept_days
    pushed = load.deliveries / load.posts if load.posts else 0.0
    entries = scale.tweets_per_day * pushed * given.timelines_kept_days
    return tweets + entries * costs.stored_entry.total_us
