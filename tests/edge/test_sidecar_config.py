"""What is built, and for whom it may be built."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from gateway.envoy.config import own_contracts
from gateway.envoy.own_rpcs import ENVOY_RPCS
from gateway.sidecar import Locality, Replica, ReplicasError, bootstrap, deployed, read_replicas
from gateway.sidecar.calls import ENVOY_PREFIX, allowed
from services.platform.config.settings import DEFAULT_ADDRESSES
from services.platform.security.call_table import CALLS

ROOT = Path(__file__).resolve().parents[2]
HERE, NEXT_DOOR = Locality("europe", "a"), Locality("europe", "b")
FAR, FARTHER = Locality("asia", "a"), Locality("asia", "b")


def cluster(built: dict, name: str) -> dict:
    (found,) = [each for each in built["static_resources"]["clusters"] if each["name"] == name]
    return found


def policies(built: dict) -> dict:
    (chain,) = built["static_resources"]["listeners"][0]["filter_chains"]
    filters = chain["filters"][0]["typed_config"]["http_filters"]
    return filters[0]["typed_config"]["rules"]["policies"]


def test_near_replicas_come_first_and_zones_by_their_size() -> None:
    replicas = [
        Replica("f1:1", FARTHER),
        Replica("n1:1", NEXT_DOOR),
        Replica("h1:1", HERE),
        Replica("f2:1", FAR),
        Replica("h2:1", HERE),
    ]
    built = bootstrap(deployed(HERE, {"id": replicas})["user"])
    groups = [
        (each["locality"]["zone"], each["priority"], each["load_balancing_weight"])
        for each in cluster(built, "id")["load_assignment"]["endpoints"]
    ]
    assert groups == [("a", 0, 2), ("b", 1, 1), ("a", 2, 1), ("b", 2, 1)]
    assert built["node"]["locality"] == {"region": "europe", "zone": "a"}


def test_without_near_replicas_the_next_are_first() -> None:
    built = bootstrap(deployed(HERE, {"id": [Replica("f:1", FAR)]})["user"])
    (only,) = cluster(built, "id")["load_assignment"]["endpoints"]
    assert only["priority"] == 0


def test_each_service_reaches_whom_it_calls_and_nobody_else() -> None:
    for name, config in deployed().items():
        clusters = {each["name"] for each in bootstrap(config)["static_resources"]["clusters"]}
        called = {rpc.split(".")[1] for rpc in CALLS.get(name, ())}
        wanted = set(DEFAULT_ADDRESSES) - {"gateway"} if name == "gateway" else called
        assert clusters == {"behind", *wanted}


def test_every_call_of_the_table_is_let_in_where_it_goes() -> None:
    for peer, calls in CALLS.items():
        for rpc in calls:
            rights = policies(bootstrap(deployed()[rpc.split(".")[1]]))[peer]
            paths = [each["url_path"]["path"] for each in rights["permissions"]]
            assert {"exact": f"/{rpc}"} in paths


def test_replicas_are_read_and_built(tmp_path: Path) -> None:
    written = {
        "id": [{"address": "id.a:8443", "region": "europe", "zone": "a"}, {"address": "b:1"}]
    }
    (tmp_path / "replicas.yaml").write_text(yaml.safe_dump(written))
    assert read_replicas(tmp_path / "replicas.yaml") == {
        "id": [Replica("id.a:8443", HERE), Replica("b:1")]
    }
    out = tmp_path / "a" / "b"
    command = [sys.executable, "-m", "gateway", "build-sidecars", "--out", out]
    where = ["--replicas", tmp_path / "replicas.yaml", "--region", "europe", "--zone", "a"]
    subprocess.run([*command, *where], check=True, cwd=ROOT)
    assert {path.stem for path in out.iterdir()} == set(DEFAULT_ADDRESSES)
    built = yaml.safe_load((out / "user.yaml").read_text())
    assert built == bootstrap(deployed(HERE, read_replicas(tmp_path / "replicas.yaml"))["user"])


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[",
        "- id",
        "nobody: [{address: 'a:1'}]",
        "id: []",
        "id: 3",
        "id: [3]",
        "id: [{zone: a}]",
        "id: [{address: 'a:1', colour: red}]",
        "id: [{address: 'a'}]",
        "id: [{address: 'a:99999'}]",
        "id: [{address: 'a:1', zone: 1}]",
    ],
)
def test_what_holds_no_replicas_is_reported(tmp_path: Path, text: str) -> None:
    path = tmp_path / "replicas.yaml"
    path.write_text(text)
    with pytest.raises(ReplicasError, match=r"replicas\.yaml"):
        read_replicas(path)


def test_nothing_is_built_from_what_holds_no_replicas(tmp_path: Path) -> None:
    path = tmp_path / "replicas.yaml"
    path.write_text("id: []")
    command = [sys.executable, "-m", "gateway", "build-sidecars", "--replicas", path]
    result = subprocess.run(
        [*command, "--out", tmp_path / "out"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "replicas.yaml" in result.stderr
    assert not (tmp_path / "out").exists()


def test_the_gateway_takes_envoys_own_rpcs_from_the_edge_alone() -> None:
    contracts = own_contracts()
    for service in DEFAULT_ADDRESSES:
        takers = {
            peer
            for peer, paths in allowed(service, contracts).items()
            if any(path.startswith(ENVOY_PREFIX) for path in paths)
        }
        assert takers == ({"edge"} if service == "gateway" else set())
    assert {f"/{name}" for name in ENVOY_RPCS} <= set(allowed("gateway", contracts)["edge"])
