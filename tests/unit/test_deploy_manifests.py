"""Manifests as Kustomize renders them, and that each of their checks can fail."""

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes_validate import validate

from tools.deploy import rules, validation
from tools.deploy.kubernetes import KUBERNETES
from tools.deploy.validation import check_overlay, check_overlays, kustomize

Documents = list[dict[str, Any]]
BUILD = kustomize()
needs_kustomize = pytest.mark.skipif(
    BUILD is None, reason="neither kustomize nor kubectl is on this machine"
)


@pytest.fixture(scope="module", params=["dev", "prod"])
def rendered(request: pytest.FixtureRequest) -> Documents:
    if BUILD is None:
        pytest.skip("neither kustomize nor kubectl is on this machine")
    folder = KUBERNETES / "overlays" / str(request.param)
    built = subprocess.run([*BUILD, folder], check=True, capture_output=True, text=True)
    return list(yaml.safe_load_all(built.stdout))


@pytest.fixture
def documents(rendered: Documents) -> Documents:
    return copy.deepcopy(rendered)


def of(documents: Documents, kind: str, name: str) -> dict[str, Any]:
    (found,) = (d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)
    return found


def pod(documents: Documents, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = of(documents, "Deployment", name)["spec"]["template"]["spec"]
    return spec


def container(documents: Documents, name: str) -> dict[str, Any]:
    first: dict[str, Any] = pod(documents, name)["containers"][0]
    return first


def config(documents: Documents) -> dict[str, str]:
    (found,) = (
        d["data"]
        for d in documents
        if d["kind"] == "ConfigMap" and "AVIARY_STORAGE" in d.get("data", {})
    )
    return found


def policy(documents: Documents, name: str) -> dict[str, Any]:
    return of(documents, "NetworkPolicy", name)["spec"]


def test_rendered_manifests_are_in_order(documents: Documents) -> None:
    assert rules.faults(documents) == []


@pytest.mark.parametrize(
    ("break_it", "told"),
    [
        (lambda d: pod(d, "tweet").update(containers=7), "Deployment tweet"),
        (lambda d: container(d, "tweet").update(imagePulPolicy="Always"), "imagePulPolicy"),
        (lambda d: pod(d, "id")["securityContext"].pop("runAsNonRoot"), "may run as root"),
        (lambda d: pod(d, "id")["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda d: pod(d, "id").pop("automountServiceAccountToken"), "token of the API server"),
        (lambda d: container(d, "id")["securityContext"].pop("capabilities"), "not sealed"),
        (lambda d: container(d, "id")["resources"].pop("requests"), "requests no CPU"),
        (lambda d: container(d, "id")["resources"]["limits"].pop("memory"), "no limit of memory"),
        (lambda d: container(d, "id").pop("readinessProbe"), "no readiness probe"),
        (lambda d: pod(d, "id").update(terminationGracePeriodSeconds=9), "before it has drained"),
        (lambda d: pod(d, "id").update(serviceAccountName="x"), "ServiceAccount x that is not"),
        (lambda d: d.remove(of(d, "Deployment", "graph")), "graph is not deployed"),
        (lambda d: policy(d, "id")["ingress"].clear(), "tweet cannot reach id:50052"),
        (lambda d: policy(d, "tweet").pop("egress"), "tweet cannot reach user:50051"),
        (lambda d: policy(d, "id")["ingress"].append({}), "a stranger can reach id:50052"),
        (
            lambda d: (
                policy(d, "id")["ingress"].append({}),
                policy(d, "edge")["egress"].append({}),
            ),
            "edge can reach id:50052, and the call table has no call of it",
        ),
        (lambda d: config(d).update(AVIARY_TWEET_ADDRESS="tweet:1"), "tweet is not at tweet:1"),
        (lambda d: config(d).update(AVIARY_TYPO="1"), "nothing reads AVIARY_TYPO"),
        (lambda d: config(d).update(AVIARY_STORAGE="mysql"), "AVIARY_STORAGE: got 'mysql'"),
        (lambda d: config(d).pop("AVIARY_SIGNING_KEYS_FILE"), "does not sign"),
        (lambda d: config(d).pop("AVIARY_PROBE_ADDRESS"), "answers no probe"),
    ],
)
def test_each_fault_is_told(
    documents: Documents, break_it: Callable[[Documents], object], told: str
) -> None:
    break_it(documents)
    assert any(told in line for line in rules.faults(documents)), rules.faults(documents)


@needs_kustomize
def test_overlay_that_does_not_build_is_faulty(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    assert BUILD is not None
    (line,) = check_overlay(tmp_path, BUILD)
    assert "missing.yaml" in line


@needs_kustomize
def test_a_component_can_add_a_sidecar_to_one_service(tmp_path: Path) -> None:
    component_folder = tmp_path / "component"
    component_folder.mkdir()
    (component_folder / "sidecar.yaml").write_text("static_resources: {}\n")
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "configMapGenerator": [{"name": "tweet-sidecar", "files": ["envoy.yaml=sidecar.yaml"]}],
        "patches": [{"path": "patch.yaml"}],
    }
    volume = {"name": "sidecar", "configMap": {"name": "tweet-sidecar"}}
    envoy = {"name": "sidecar", "image": "aviary-envoy"}
    patch = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "tweet"},
        "spec": {"template": {"spec": {"containers": [envoy], "volumes": [volume]}}},
    }
    overlay = tmp_path / "overlay"
    overlay.mkdir()
    (component_folder / "kustomization.yaml").write_text(yaml.safe_dump(component))
    (component_folder / "patch.yaml").write_text(yaml.safe_dump(patch))
    # Kustomize takes no absolute path of a base; a copy of it is one that it takes.
    base = tmp_path / "base"
    base.mkdir()
    for file in (KUBERNETES / "base").iterdir():
        (base / file.name).write_text(file.read_text())
    (overlay / "kustomization.yaml").write_text(
        "resources: [../base]\ncomponents: [../component]\n"
    )
    assert BUILD is not None
    built = subprocess.run([*BUILD, overlay], check=True, capture_output=True, text=True)
    documents = list(yaml.safe_load_all(built.stdout))
    names = {each["name"] for each in pod(documents, "tweet")["containers"]}
    assert names == {"tweet", "sidecar"}
    assert len(pod(documents, "user")["containers"]) == 1
    validate(of(documents, "Deployment", "tweet"), rules.KUBERNETES_VERSION, strict=True)


@pytest.mark.parametrize(("required", "faults"), [("1", 1), ("", 0)])
def test_a_machine_without_kustomize_says_so(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    required: str,
    faults: int,
) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv(validation.REQUIRED, required)
    found = check_overlays()
    assert len(found) == faults
    assert "overlays are not checked" in "".join([*found, capsys.readouterr().err])
