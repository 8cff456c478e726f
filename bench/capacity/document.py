"""What the model says, as one object for JSON, the terminal and the page."""

import math
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.capacity.fleet import Region, whole
from bench.capacity.model import Lags, Model, Plan

__all__ = ["VERSION", "document", "flat_range"]

VERSION = 1
FLAT = 1.01
"""Times the least cost: thresholds that cost no more are as good."""


def document(
    model: Model, plans: Sequence[Plan], chosen: Plan, best: Plan, lags: Lags
) -> dict[str, Any]:
    """Build it. Money is in dollars a month, CPU in vCPUs, sizes in bytes, times in seconds."""
    raw, replicated = model.tweets_bytes_per_day()
    low, high = flat_range(plans, best)
    return {
        "version": VERSION,
        "scale": asdict(model.scale),
        "assumptions": asdict(model.given),
        "prices": asdict(model.prices),
        "unit_costs": asdict(model.costs),
        "followers": {**asdict(model.followers), "mean": model.followers.mean},
        "threshold": chosen.threshold,
        "best_threshold": best.threshold,
        "best_from": low,
        "best_to": high,
        "mean": _moment(chosen.mean, asdict(chosen.load_mean)),
        "peak": _moment(chosen.peak, asdict(chosen.load_peak)),
        "valkey_nodes": round(whole(chosen.peak.valkey_shards) * (1 + model.given.valkey_replicas)),
        "storage": {
            "tweets_per_day": raw,
            "tweets_per_day_replicated": replicated,
            "each_bigtable_cluster": chosen.stored_bytes,
        },
        "fanout_lag": asdict(lags),
        "dollars": {**chosen.dollars, **model.fixed()},
        "dollars_total": chosen.total + sum(model.fixed().values()),
        "curve": [
            {"threshold": plan.threshold, "total": plan.total, **plan.dollars}
            for plan in plans
            if math.isfinite(plan.total)
        ],
        "unserved_below": _unserved_below(plans),
        "warnings": _warnings(model, chosen),
    }


def flat_range(plans: Sequence[Plan], best: Plan) -> tuple[int, int]:
    """Give the lowest and the highest threshold that cost hardly more than the best."""
    good = [plan.threshold for plan in plans if plan.total <= best.total * FLAT]
    return min(good), max(good)


def _unserved_below(plans: Sequence[Plan]) -> int | None:
    """Give the lowest threshold that can be served; None where all can."""
    served = [plan.threshold for plan in plans if math.isfinite(plan.total)]
    return served[0] if served and len(served) < len(plans) else None


def _moment(region: Region, load: dict[str, Any]) -> dict[str, Any]:
    return {
        "load": load,
        "vcpu": dict(region.vcpu),
        "pods": {name: whole(count) for name, count in region.pods.items()},
        "valkey_shards": whole(region.valkey_shards),
        "bigtable_nodes": whole(region.bigtable_nodes),
    }


def _warnings(model: Model, chosen: Plan) -> list[str]:
    said = []
    nodes = whole(chosen.peak.valkey_shards) * (1 + model.given.valkey_replicas)
    if nodes > model.given.valkey_most_nodes:
        said.append(
            f"{nodes:,.0f} nodes of Valkey a region are more than one cluster takes "
            f"({model.given.valkey_most_nodes:,.0f}): users have to be spread over several."
        )
    if chosen.load_mean.fetched > 0:
        said.append(
            f"{chosen.load_mean.celebrities:,.0f} celebrities are more than a timeline process "
            f"keeps lists of ({model.given.kept_lists:,.0f})."
        )
    return said
