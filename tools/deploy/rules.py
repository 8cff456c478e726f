"""What must hold for rendered manifests, whatever an overlay has patched."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import kubernetes_validate

from services.platform.runtime.ending import END_WITHIN_S
from services.platform.security.identities import EDGE, OPERATOR
from tools.deploy import layout
from tools.deploy.environments import FROM_ELSEWHERE, in_manifests
from tools.deploy.facts import all_services
from tools.deploy.layout import Document
from tools.deploy.pods import certificate_secret
from tools.deploy.policies import PROMETHEUS
from tools.deploy.reachability import unreached_by_table
from tools.deploy.workloads import selector

__all__ = ["KUBERNETES_VERSION", "faults", "references"]

KUBERNETES_VERSION: Final = "1.34"
"""The oldest that these are for: from it on, `preStop.sleep` is everywhere."""
_NOT_KUBERNETES: Final = frozenset({"cert-manager.io/v1"})
"""Custom resources: their schemas are not the cluster's own."""
_WORKLOADS: Final = frozenset({"Deployment", "StatefulSet"})
MAX_CONFIG_MAP_BYTES: Final = 1024 * 1024
"""What Kubernetes takes of one ConfigMap."""
_TLS_SECRETS: Final = frozenset(
    certificate_secret(name) for name in (*(each.name for each in all_services()), EDGE)
)
_SEALED: Final = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}


def faults(documents: Sequence[Document]) -> list[str]:
    """Return a line for each fault; none for manifests that may be applied."""
    lines: list[str] = []
    for document in documents:
        name = f"{document['kind']} {document['metadata']['name']}"
        # What has no right shape is not looked at any further.
        found = _schema(document) or (*_config_map(document), *_pods(document))
        lines += [f"{name}: {each}" for each in found]
    # What follows looks from one into others.
    lines = lines or [*_references(documents), *_deployed(documents)]
    return lines or [*_reachability(documents), *in_manifests(documents)]


def _schema(document: Document) -> tuple[str, ...]:
    if document["apiVersion"] in _NOT_KUBERNETES:
        return ()
    return _schema_faults(json.dumps(document))


# Reading the schemas is most of a check, and overlays and tests share most manifests.
@cache
def _schema_faults(document: str) -> tuple[str, ...]:
    try:
        kubernetes_validate.validate(json.loads(document), KUBERNETES_VERSION, strict=True)
    except (
        kubernetes_validate.ValidationError,
        kubernetes_validate.SchemaNotFoundError,
    ) as error:
        return (str(error),)
    return ()


def _config_map(document: Document) -> Iterator[str]:
    size = sum(len(each.encode()) for each in document.get("data", {}).values())
    if document["kind"] == "ConfigMap" and size > MAX_CONFIG_MAP_BYTES:
        yield f"has {size} bytes, and Kubernetes takes {MAX_CONFIG_MAP_BYTES}"


def _pods(document: Document) -> Iterator[str]:
    if document["kind"] not in _WORKLOADS:
        return
    pod = document["spec"]["template"]["spec"]
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "is given a token of the API server"
    for container in _containers(document):
        found = [*_container(container)]
        found += _pause(container, pod.get("terminationGracePeriodSeconds", 30))
        yield from (f"{container['name']} {each}" for each in found)


def _container(container: Document) -> Iterator[str]:
    if container.get("securityContext") != _SEALED:
        yield f"is not sealed: {container.get('securityContext')}"
    resources = container.get("resources", {})
    if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
        yield "requests no CPU or memory"
    if "memory" not in resources.get("limits", {}):
        yield "has no limit of memory"
    if "readinessProbe" not in container:
        yield "has no readiness probe"


def _pause(container: Document, grace_s: int) -> Iterator[str]:
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if "lifecycle" in container and pause + END_WITHIN_S > grace_s:
        yield f"is killed {grace_s} s after the order, before it has drained"


def _references(documents: Sequence[Document]) -> Iterator[str]:
    there = {(d["kind"], d["metadata"]["name"]) for d in documents}
    for document in documents:
        for kind, name in references(document):
            # Those of certificates are cert-manager's, or a person's.
            elsewhere = kind == "Secret" and (name in FROM_ELSEWHERE or name in _TLS_SECRETS)
            if (kind, name) not in there and not elsewhere:
                yield f"{document['metadata']['name']} refers to a {kind} {name} that is not there"


def references(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever YAML holds
    """Give (kind, name) of each object that a manifest cannot do without."""
    if isinstance(value, list):
        for each in value:
            yield from references(each)
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        if isinstance(each, dict) and each.get("optional"):
            continue
        if key in {"secret", "secretRef", "secretKeyRef"}:
            yield "Secret", each.get("secretName") or each["name"]
        elif key in {"configMap", "configMapRef", "configMapKeyRef"}:
            yield "ConfigMap", each["name"]
        elif key == "serviceAccountName":
            yield "ServiceAccount", each
        elif key == "scaleTargetRef":
            yield each["kind"], each["name"]
        else:
            yield from references(each)


def _deployed(documents: Sequence[Document]) -> Iterator[str]:
    names = {d["metadata"]["name"]: d for d in documents if d["kind"] in _WORKLOADS}
    for each in (*(service.name for service in all_services()), EDGE):
        if each not in names:
            yield f"{each} is not deployed"
        elif each != EDGE and not any(map(_is_sidecar, _containers(names[each])[1:])):
            yield f"{each} has no sidecar"


def _is_sidecar(container: Document) -> bool:
    ports = [port["containerPort"] for port in container.get("ports", [])]
    return container.get("restartPolicy") == "Always" and layout.INBOUND_PORT in ports


def _containers(workload: Document) -> list[Document]:
    """Return its own container first."""
    pod = workload["spec"]["template"]["spec"]
    return [*pod["containers"], *pod.get("initContainers", [])]


def _reachability(documents: Sequence[Document]) -> Iterator[str]:
    policies = [each for each in documents if each["kind"] == "NetworkPolicy"]
    pods: dict[str, Mapping[str, str]] = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"]
        for d in documents
        if d["kind"] in _WORKLOADS
    }
    pods |= {OPERATOR: selector(OPERATOR), "prometheus": PROMETHEUS, "a stranger": {}}
    ports = {each.name: layout.INBOUND_PORT for each in all_services()}
    callers = {each.name: each.callers for each in all_services()}
    yield from unreached_by_table(policies, pods, ports, callers)
    http = {each.name: each.http_port for each in all_services() if each.http_port is not None}
    yield from unreached_by_table(policies, pods, http, {each: [EDGE] for each in http})
    scraped = {each.name: layout.METRICS_PORT for each in all_services()}
    scraped[EDGE] = layout.STATS_PORT
    by = {each: ["prometheus"] for each in scraped}
    yield from unreached_by_table(policies, pods, scraped, by)
