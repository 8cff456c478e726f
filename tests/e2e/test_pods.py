"""The development cluster without one: each pod's processes, in its containers' environment."""

import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import grpc
import pytest
import yaml
from grpc_health.v1 import health_pb2, health_pb2_grpc

from tests.certificates import new_folder
from tests.e2e.acting import eventually
from tests.e2e.machine import WAIT_S, Machine
from tests.emulators import require_emulators
from tools.deploy.environments import environments_in
from tools.deploy.facts import all_services
from tools.deploy.kubernetes import ENVOY_FILE
from tools.deploy.layout import PROBE_PORT, TLS_DIR
from tools.deploy.pods import DATA_DIR, EDGE_CONFIG, ENVOY_SECRETS, FLAGS, sidecar_config
from tools.deploy.validation import kustomize, manifests_in

pytestmark = pytest.mark.timeout(400)
NAMES = [each.name for each in all_services()]


def rendered(folder: Path) -> list[dict[str, Any]]:
    build = kustomize()
    if build is None:
        pytest.skip("neither kustomize nor kubectl is on this machine")
    overlay = manifests_in(folder) / "overlays" / "dev"
    built = subprocess.run([*build, overlay], check=True, capture_output=True, text=True)
    return list(yaml.load_all(built.stdout, yaml.CSafeLoader))


def config_map(documents: list[dict[str, Any]], name: str) -> dict[str, str]:
    # What follows a generated name is a digest.
    (data,) = (
        each["data"]
        for each in documents
        if each["kind"] == "ConfigMap"
        and name in (each["metadata"]["name"], each["metadata"]["name"].rpartition("-")[0])
    )
    return data


def health(port: int) -> int | None:
    """Ask as a kubelet does."""
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        try:
            request = health_pb2.HealthCheckRequest()
            return health_pb2_grpc.HealthStub(channel).Check(request, timeout=2).status
        except grpc.RpcError:
            return None


def test_every_pod_runs_behind_its_sidecar(tmp_path: Path) -> None:
    require_emulators()
    documents = rendered(tmp_path / "manifests")
    certificates, etc = tmp_path / "tls", tmp_path / "etc"
    new_folder(certificates)
    paths = {TLS_DIR: certificates, "/etc/aviary": etc, DATA_DIR: tmp_path / "data"}
    with ExitStack() as stack:
        machine = Machine(tmp_path, stack, paths)
        # What is mounted.
        for name, text in config_map(documents, ENVOY_SECRETS).items():
            (certificates / name).write_text(machine.path(text))
        for folder, files in (
            ("flags", config_map(documents, FLAGS)),
            ("signing", {"signing.keys": "k1:" + "ab" * 32}),
        ):
            (etc / folder).mkdir(parents=True)
            for name, text in files.items():
                (etc / folder / name).write_text(text)
        machine.start_engines()
        for name, variables in environments_in(documents).items():
            config = config_map(documents, sidecar_config(name))[ENVOY_FILE]
            machine.start_envoy(name, config, f"{name}-sidecar")
            argv = [sys.executable, "-m", "services", name]
            machine.start(name, argv, machine.environment(name, variables))
        serving = health_pb2.HealthCheckResponse.SERVING
        for name in NAMES:
            port = machine.port(name, PROBE_PORT)
            eventually(lambda port=port: health(port), serving, WAIT_S)
        machine.start_envoy("edge", config_map(documents, EDGE_CONFIG)[ENVOY_FILE], "edge")
        machine.expect_whole(NAMES)
        assert (tmp_path / "data" / "audit" / "identity.log").exists()
