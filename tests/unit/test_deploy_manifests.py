"""Manifests as Kustomize renders them, and that each of their checks can fail."""

import copy
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tools.deploy import rules, validation
from tools.deploy.validation import check_overlay, check_overlays, kustomize, manifests_in

Documents = list[dict[str, Any]]
BUILD = kustomize()
needs_kustomize = pytest.mark.skipif(
    BUILD is None, reason="neither kustomize nor kubectl is on this machine"
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return manifests_in(tmp_path_factory.mktemp("manifests"))


@pytest.fixture(scope="module", params=["dev", "prod"])
def rendered(request: pytest.FixtureRequest, folder: Path) -> Documents:
    if BUILD is None:
        pytest.skip("neither kustomize nor kubectl is on this machine")
    overlay = folder / "overlays" / str(request.param)
    built = subprocess.run([*BUILD, overlay], check=True, capture_output=True, text=True)
    return list(yaml.load_all(built.stdout, yaml.CSafeLoader))


@pytest.fixture
def documents(rendered: Documents) -> Documents:
    return copy.deepcopy(rendered)


def of(documents: Documents, kind: str, name: str) -> dict[str, Any]:
    (found,) = (d for d in documents if d["kind"] == kind and d["metadata"]["name"] == name)
    return found


def workload(documents: Documents, name: str) -> dict[str, Any]:
    kind = "StatefulSet" if name == "identity" else "Deployment"
    return of(documents, kind, name)


def pod(documents: Documents, name: str) -> dict[str, Any]:
    spec: dict[str, Any] = workload(documents, name)["spec"]["template"]["spec"]
    return spec


def container(documents: Documents, name: str) -> dict[str, Any]:
    first: dict[str, Any] = pod(documents, name)["containers"][0]
    return first


def sidecar(documents: Documents, name: str) -> dict[str, Any]:
    (only,) = pod(documents, name)["initContainers"]
    return only


def config(documents: Documents) -> dict[str, str]:
    (found,) = (
        d["data"]
        for d in documents
        if d["kind"] == "ConfigMap" and "AVIARY_STORAGE" in d.get("data", {})
    )
    return found


def edge_config(documents: Documents) -> dict[str, str]:
    (found,) = (
        d["data"]
        for d in documents
        if d["kind"] == "ConfigMap" and d["metadata"]["name"].startswith("edge-envoy")
    )
    return found


def without(documents: Documents, name: str, variable: str) -> None:
    env = container(documents, name)["env"]
    (said,) = (each for each in env if each["name"] == variable)
    env.remove(said)


def policy(documents: Documents, name: str) -> dict[str, Any]:
    return of(documents, "NetworkPolicy", name)["spec"]


def test_rendered_manifests_are_in_order(documents: Documents) -> None:
    assert rules.faults(documents) == []


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda d: pod(d, "tweet").update(containers=7), "Deployment tweet"),
        (lambda d: container(d, "tweet").update(imagePulPolicy="Always"), "imagePulPolicy"),
        (lambda d: pod(d, "id")["securityContext"].pop("runAsNonRoot"), "may run as root"),
        (lambda d: pod(d, "identity")["securityContext"].pop("seccompProfile"), "seccomp"),
        (lambda d: pod(d, "id").pop("automountServiceAccountToken"), "token of the API server"),
        (lambda d: container(d, "id")["securityContext"].pop("capabilities"), "id is not sealed"),
        (lambda d: sidecar(d, "id").pop("securityContext"), "sidecar is not sealed"),
        (lambda d: container(d, "id")["resources"].pop("requests"), "requests no CPU"),
        (lambda d: container(d, "id")["resources"]["limits"].pop("memory"), "no limit of memory"),
        (lambda d: container(d, "id").pop("readinessProbe"), "no readiness probe"),
        (lambda d: pod(d, "id").update(terminationGracePeriodSeconds=9), "before it has drained"),
        (lambda d: pod(d, "id").update(serviceAccountName="x"), "ServiceAccount x that is not"),
        (lambda d: d.remove(workload(d, "graph")), "graph is not deployed"),
        (lambda d: pod(d, "graph").pop("initContainers"), "graph has no sidecar"),
        # It would keep the pod from ever being up.
        (lambda d: sidecar(d, "graph").pop("restartPolicy"), "graph has no sidecar"),
        (lambda d: edge_config(d).update(more="#" * 1024 * 1024), "Kubernetes takes 1048576"),
    ],
)
def test_each_fault_of_a_workload_is_told(
    documents: Documents, break_it: Callable[[Documents], object], said: str
) -> None:
    break_it(documents)
    assert any(said in line for line in rules.faults(documents)), rules.faults(documents)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (lambda d: policy(d, "id")["ingress"].clear(), "tweet cannot reach id:8443"),
        (lambda d: policy(d, "id")["ingress"].clear(), "prometheus cannot reach id:9464"),
        (lambda d: policy(d, "tweet").pop("egress"), "tweet cannot reach user:8443"),
        (lambda d: policy(d, "id")["ingress"].append({}), "a stranger can reach id:8443"),
        (lambda d: policy(d, "identity")["ingress"].pop(1), "edge cannot reach identity:50059"),
        (
            lambda d: (
                policy(d, "id")["ingress"].append({}),
                policy(d, "edge")["egress"].append({}),
            ),
            "edge can reach id:8443, and the call table has no call of it",
        ),
    ],
)
def test_each_fault_of_the_policies_is_told(
    documents: Documents, break_it: Callable[[Documents], object], said: str
) -> None:
    break_it(documents)
    assert any(said in line for line in rules.faults(documents)), rules.faults(documents)


@pytest.mark.parametrize(
    ("break_it", "said"),
    [
        (
            lambda d: config(d).update(AVIARY_TWEET_ADDRESS="127.0.0.1:1"),
            "tweet is not at 127.0.0.1:1",
        ),
        # Past the sidecar, which nothing may.
        (
            lambda d: config(d).update(AVIARY_TWEET_ADDRESS="tweet:50053"),
            "wanted a folder of certificates",
        ),
        (lambda d: config(d).update(AVIARY_TYPO="1"), "nothing reads AVIARY_TYPO"),
        (lambda d: config(d).update(AVIARY_STORAGE="mysql"), "AVIARY_STORAGE: got 'mysql'"),
        (lambda d: config(d).update(AVIARY_SIDECAR=""), "does without its sidecar"),
        (lambda d: config(d).pop("AVIARY_GCP_PROJECT"), "AVIARY_GCP_PROJECT: got ''"),
        (
            lambda d: config(d).pop("AVIARY_SIGNING_KEYS_FILE"),
            "does not get AVIARY_SIGNING_KEYS_FILE",
        ),
        (lambda d: config(d).pop("AVIARY_PROBE_ADDRESS"), "does not get AVIARY_PROBE_ADDRESS"),
        (lambda d: config(d).update(AVIARY_PROBE_ADDRESS=""), "does not get AVIARY_PROBE_ADDRESS"),
        (lambda d: config(d).pop("OTEL_EXPORTER_OTLP_ENDPOINT"), "does not get OTEL_EXPORTER"),
        (lambda d: config(d).pop("AVIARY_METRICS_ADDRESS"), "does not get AVIARY_METRICS_ADDRESS"),
        (
            lambda d: config(d).update(AVIARY_ISSUER_URL="https://elsewhere.example"),
            "identity: takes https://elsewhere.example for the issuer",
        ),
        (
            lambda d: without(d, "timeline", "AVIARY_CURSOR_KEY"),
            "timeline: does not get AVIARY_CURSOR_KEY",
        ),
        (
            lambda d: without(d, "gateway", "AVIARY_CHALLENGE_KEY"),
            "gateway: does not get AVIARY_CHALLENGE_KEY",
        ),
        (
            lambda d: without(d, "identity", "AVIARY_IDENTITY_KEY"),
            "identity: does not get AVIARY_IDENTITY_KEY",
        ),
        (
            lambda d: without(d, "identity", "AVIARY_IDENTITY_TLS_DIR"),
            "AVIARY_IDENTITY_TLS_DIR: got ''",
        ),
        (lambda d: without(d, "fanout", "AVIARY_FLAGS_FILE"), "fanout: does not get AVIARY_FLAGS"),
        (
            lambda d: container(d, "user")["envFrom"].pop(1),
            "user: does not get AVIARY_CACHE_VALKEY_URL",
        ),
    ],
)
def test_each_fault_of_an_environment_is_told(
    documents: Documents, break_it: Callable[[Documents], object], said: str
) -> None:
    break_it(documents)
    assert any(said in line for line in rules.faults(documents)), rules.faults(documents)


def test_the_audit_log_outlives_a_pod(documents: Documents) -> None:
    (claim,) = workload(documents, "identity")["spec"]["volumeClaimTemplates"]
    said = {each["name"]: each.get("value") for each in container(documents, "identity")["env"]}
    mounts = {
        each["mountPath"]: each["name"] for each in container(documents, "identity")["volumeMounts"]
    }
    assert mounts[said["AVIARY_DATA_DIR"] or ""] == claim["metadata"]["name"]


def test_only_sidecars_and_who_speaks_http_see_keys_of_certificates(documents: Documents) -> None:
    for name in ("user", "graph", "gateway", "identity", "timeline", "tweet"):
        assert "tls" in {each["name"] for each in sidecar(documents, name)["volumeMounts"]}
        mounted = {each["name"] for each in container(documents, name)["volumeMounts"]}
        assert ("tls" in mounted) == (name in {"identity", "timeline", "tweet", "graph"})


def test_what_a_site_says_reaches_the_edge_and_the_services(folder: Path, tmp_path: Path) -> None:
    if BUILD is None:
        pytest.skip("neither kustomize nor kubectl is on this machine")
    site = folder / "overlays" / "prod" / "site.yaml"
    document = yaml.safe_load(site.read_text())
    document["data"] |= {
        "issuerUrl": "https://aviary.example",
        "project": "birds",
        "publicReads": "on",
    }
    copied = validation.manifests_in(tmp_path) / "overlays" / "prod"
    (copied / "site.yaml").write_text(yaml.safe_dump(document))
    stale = check_overlay(copied, BUILD)
    assert any("the edge https://api.example.com" in line for line in stale), stale
    assert "gateway: public reads are off at the edge, and not here" in stale, stale
    for path, text in validation.site_files(copied).items():
        path.write_text(text)
    assert check_overlay(copied, BUILD) == []
    overlay = copied / "kustomization.yaml"
    overlay.write_text(
        overlay.read_text().replace("fieldPath: data.publicReads", "fieldPath: data.corsOrigins")
    )
    undone = check_overlay(copied, BUILD)
    assert "gateway: public reads are on at the edge, and not here" in undone, undone


@needs_kustomize
def test_overlay_that_does_not_build_is_faulty(tmp_path: Path) -> None:
    (tmp_path / "kustomization.yaml").write_text("resources: [missing.yaml]\n")
    assert BUILD is not None
    (line,) = check_overlay(tmp_path, BUILD)
    assert "missing.yaml" in line


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
    assert "not checked: the overlays" in "".join([*found, capsys.readouterr().err])
