"""Production's sizes in Terraform are what the model says that ten million daily users take."""

from pathlib import Path
from typing import Any

import pytest

from bench.capacity.assumptions import SEED, Assumptions, Prices
from bench.capacity.costs import DEFAULTS
from bench.capacity.fleet import whole
from bench.capacity.model import Model, Plan
from services.platform.config.settings import DEFAULT_CELEBRITY_THRESHOLD
from tools.terraform.sources import folders, local_values

PROD = Path(__file__).resolve().parents[2] / "infra" / "terraform" / "environments" / "prod"
SHARE = 0.1
"""Of the seed's scale."""
MANIFESTS_VCPU = 0.5
"""What a pod asks for by the manifests."""
GIVEN = Assumptions()


@pytest.fixture(scope="module")
def plan() -> Plan:
    model = Model.of(SEED.times(SHARE), GIVEN, Prices(), DEFAULTS)
    return model.plan(DEFAULT_CELEBRITY_THRESHOLD)


def values(stage: str) -> dict[str, Any]:
    (found,) = (each for each in folders(PROD / stage) if each.path.name != "tests")
    return local_values(found)


def test_the_least_pods_serve_the_mean_and_the_most_the_peak(plan: Plan) -> None:
    sizes = values("services")["sizes"]
    for service in ("timeline", "edge"):
        assert sizes[service]["scaling"]["min"] == whole(plan.mean.pods[service]), service
    for service in plan.peak.pods.keys() & sizes.keys():
        vcpu = float(sizes[service].get("resources", {}).get("cpu", MANIFESTS_VCPU))
        served = sizes[service]["scaling"]["max"] * vcpu * GIVEN.utilisation
        assert served >= plan.peak.vcpu[service], service
    # Sized by the model, and not by far more than it says.
    for service in ("timeline", "edge"):
        assert sizes[service]["scaling"]["max"] <= 1.2 * plan.peak.pods[service], service


def test_stores_are_as_large_as_the_model_says(plan: Plan) -> None:
    platform = values("platform")
    assert platform["bigtable"] == {
        "min_nodes": whole(plan.mean.bigtable_nodes),
        "max_nodes": whole(plan.peak.bigtable_nodes),
    }
    assert platform["valkey"] == {
        "node_type": "HIGHMEM_MEDIUM",
        "shard_count": whole(plan.peak.valkey_shards),
        "replica_count": int(GIVEN.valkey_replicas),
    }
