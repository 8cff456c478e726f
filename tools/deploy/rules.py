"""What must hold for rendered manifests, whatever an overlay has patched."""

import json
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

import kubernetes_validate

from services.certificates.identities import EDGE, OPERATOR
from services.settings import Settings, SettingsError
from tools.deploy import layout
from tools.deploy.facts import all_services
from tools.deploy.layout import Document
from tools.deploy.reachability import unreached_by_table
from tools.deploy.workloads import selector

__all__ = ["KUBERNETES_VERSION", "faults"]

KUBERNETES_VERSION: Final = "1.34"
"""The oldest that these are for: from it on, `preStop.sleep` is everywhere."""
_NOT_KUBERNETES: Final = frozenset({"cert-manager.io/v1"})
"""Custom resources: their schemas are not the cluster's own."""
_FROM_ELSEWHERE: Final = frozenset({"aviary-valkey", "aviary-signing-keys", "aviary-cursor-key"})
"""Secrets that no file may hold; so are `aviary-<name>-tls`, of cert-manager or a person."""
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
        found = _schema(document) or tuple(_pods(document))
        lines += [f"{name}: {each}" for each in found]
    if lines:
        return lines
    return [*_references(documents), *_reachability(documents), *_environments(documents)]


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


def _pods(document: Document) -> Iterator[str]:
    pod = document["spec"]["template"]["spec"] if document["kind"] == "Deployment" else None
    if pod is None:
        return
    context = pod.get("securityContext", {})
    if context.get("runAsNonRoot") is not True:
        yield "may run as root"
    if context.get("seccompProfile") != {"type": "RuntimeDefault"}:
        yield "has no seccomp profile"
    if pod.get("automountServiceAccountToken") is not False:
        yield "is given a token of the API server"
    for container in [*pod["containers"], *pod.get("initContainers", [])]:
        if container.get("securityContext") != _SEALED:
            yield f"{container['name']} is not sealed: {container.get('securityContext')}"
        resources = container.get("resources", {})
        if not {"cpu", "memory"} <= resources.get("requests", {}).keys():
            yield f"{container['name']} requests no CPU or memory"
        if "memory" not in resources.get("limits", {}):
            yield f"{container['name']} has no limit of memory"
        if "readinessProbe" not in container:
            yield f"{container['name']} has no readiness probe"
        yield from _pause(container, pod.get("terminationGracePeriodSeconds", 30))


def _pause(container: Document, grace_s: int) -> Iterator[str]:
    pause = container.get("lifecycle", {}).get("preStop", {}).get("sleep", {}).get("seconds", 0)
    if "lifecycle" in container and pause + layout.DRAIN_S > grace_s:
        yield f"{container['name']} is killed {grace_s} s after the order, before it has drained"


def _references(documents: Sequence[Document]) -> Iterator[str]:
    there = {(d["kind"], d["metadata"]["name"]) for d in documents}
    for document in documents:
        for kind, name in _referred(document):
            elsewhere = name in _FROM_ELSEWHERE or (
                name.startswith("aviary-") and name.endswith("-tls")
            )
            if (kind, name) not in there and not (kind == "Secret" and elsewhere):
                yield f"{document['metadata']['name']} refers to a {kind} {name} that is not there"


def _referred(value: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401 - whatever YAML holds
    if isinstance(value, list):
        for each in value:
            yield from _referred(each)
    if not isinstance(value, dict):
        return
    for key, each in value.items():
        if key in {"secret", "secretRef", "secretKeyRef"}:
            yield "Secret", each.get("secretName") or each["name"]
        elif key in {"configMap", "configMapRef", "configMapKeyRef"}:
            yield "ConfigMap", each["name"]
        elif key == "serviceAccountName":
            yield "ServiceAccount", each
        elif key == "scaleTargetRef":
            yield each["kind"], each["name"]
        else:
            yield from _referred(each)


def _reachability(documents: Sequence[Document]) -> Iterator[str]:
    policies = [each for each in documents if each["kind"] == "NetworkPolicy"]
    pods: dict[str, Mapping[str, str]] = {
        d["metadata"]["name"]: d["spec"]["template"]["metadata"]["labels"]
        for d in documents
        if d["kind"] == "Deployment"
    }
    pods |= {OPERATOR: selector(OPERATOR), "a stranger": {}}
    for each in all_services():
        if each.name not in pods:
            yield f"{each.name} is not deployed"
            return
    ports = {each.name: each.port for each in all_services()}
    callers = {each.name: each.callers for each in all_services()}
    yield from unreached_by_table(policies, pods, ports, callers)
    http = {each.name: each.http_port for each in all_services() if each.http_port is not None}
    yield from unreached_by_table(policies, pods, http, {each: [EDGE] for each in http})


def _environments(documents: Sequence[Document]) -> Iterator[str]:
    """Have the settings read what each service is given."""
    maps = {d["metadata"]["name"]: d["data"] for d in documents if d["kind"] == "ConfigMap"}
    names = {each.name for each in all_services()}
    for document in documents:
        name = document["metadata"]["name"]
        if document["kind"] != "Deployment" or name not in names:
            continue
        container = document["spec"]["template"]["spec"]["containers"][0]
        env: dict[str, str] = {}
        for source in container["envFrom"]:
            env |= maps.get(source.get("configMapRef", {}).get("name"), {})
        env |= {each["name"]: each["value"] for each in container["env"] if "value" in each}
        yield from (f"{name}: {each}" for each in environment_faults(name, env))


def environment_faults(name: str, env: Mapping[str, str]) -> Iterator[str]:
    """Give a line for each thing in an environment that the service of this name would not use."""
    unknown = [each for each in env if each.startswith("AVIARY_") and each not in known_variables()]
    yield from (f"nothing reads {each}" for each in unknown)
    try:
        settings = Settings.from_environment(env)
    except SettingsError as error:
        yield str(error)
        return
    for each in all_services():
        host = "0.0.0.0" if each.name == name else each.name  # noqa: S104 - where it listens
        if settings.addresses[each.name] != f"{host}:{each.port}":
            yield f"{each.name} is not at {settings.addresses[each.name]}"
    if settings.tls_dir is None or settings.signing_keys_file is None:
        yield "speaks plaintext, or does not sign"
    if settings.probe_address is None:
        yield "answers no probe"


def known_variables() -> frozenset[str]:
    """Return the names that the settings ask an environment for."""
    asked: set[str] = set()

    class _Noting(dict[str, str]):
        def get(self, key: str, default: Any = None) -> Any:  # noqa: ANN401 - dict's signature
            asked.add(key)
            return super().get(key, default)

    Settings.from_environment(_Noting())
    return frozenset(asked)
