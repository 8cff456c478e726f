"""The model's answers as tables of text."""

from collections.abc import Iterator, Mapping
from typing import Any

from bench.capacity.check import TOLERANCE, Check

__all__ = ["checked", "tables"]

GB, TB = 1e9, 1e12


def tables(said: Mapping[str, Any]) -> Iterator[str]:
    """Give lines for a terminal 80 wide."""
    mean, peak = said["mean"], said["peak"]
    yield "One serving region                           mean           peak"
    for label, name in (
        ("posts /s", "posts"),
        ("home reads /s", "home_reads"),
        ("deliveries /s", "deliveries"),
        ("follows /s", "follows"),
    ):
        yield f"  {label:28}{mean['load'][name]:17,.0f}{peak['load'][name]:15,.0f}"
    for service in sorted(peak["pods"], key=lambda one: -peak["vcpu"][one]):
        yield f"  pods of {service:20}{mean['pods'][service]:17,.0f}{peak['pods'][service]:15,.0f}"
    nodes = [moment["bigtable_nodes"] for moment in (mean, peak)]
    yield f"  {'Bigtable nodes, each cluster':28}{nodes[0]:17,}{nodes[1]:15,}"
    yield f"  {'Valkey shards':28}{'':17}{peak['valkey_shards']:15,}"
    storage, lag = said["storage"], said["fanout_lag"]
    yield ""
    yield (
        f"Tweets of a day: {storage['tweets_per_day'] / GB:,.0f} GB, "
        f"{storage['tweets_per_day_replicated'] / GB:,.0f} GB with all copies; "
        f"{storage['each_bigtable_cluster'] / TB:,.0f} TB in each Bigtable cluster"
    )
    yield (
        f"Fan-out, post to last timeline: p50 {lag['mean']['p50_s']:.2f} s and p99 "
        f"{lag['mean']['p99_s']:.2f} s at the mean, {lag['peak']['p50_s']:.2f} s and "
        f"{lag['peak']['p99_s']:.2f} s at the peak"
    )
    yield f"  a jump from mean to peak: {lag['surge_s']:,.0f} s behind when the first new pods work"
    yield ""
    yield "Dollars a month"
    for name, dollars in said["dollars"].items():
        yield f"  {name:28}{dollars:17,.0f}"
    yield f"  {'all':28}{said['dollars_total']:17,.0f}   prices: {said['prices']['as_of']}"
    yield ""
    yield (
        f"Threshold: {said['threshold']:,}; {said['best_threshold']:,} costs least, and "
        f"{said['best_from']:,} to {said['best_to']:,} within 1% of it"
    )
    if said["unserved_below"]:
        yield f"  below {said['unserved_below']:,} readers cannot be served"
    for warning in said["warnings"]:
        yield f"  NOTE: {warning}"


def checked(result: Check) -> Iterator[str]:
    """Give lines that compare prediction and measurement, by process."""
    yield f"CPU of a request of the mix, µs; {result.followers:.1f} followers in the mean"
    yield f"  {'process':20}{'predicted':>12}{'measured':>12}"
    names = {*result.predicted_us, *result.measured_us}
    for name in sorted(names, key=lambda one: -result.measured_us.get(one, 0.0)):
        predicted, measured = result.predicted_us.get(name, 0.0), result.measured_us.get(name, 0.0)
        yield f"  {name:20}{predicted:12,.0f}{measured:12,.0f}"
    yield f"  {'all':20}{result.predicted_total_us:12,.0f}{result.measured_total_us:12,.0f}"
    yield (
        f"The prediction is off by {result.off:+.1%}: "
        f"{'within' if result.holds else 'NOT within'} {TOLERANCE:.0%}"
    )
