"""Pods: deployments, and what belongs to each of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from services.certificates.identities import EDGE
from services.rpc.server import DEFAULT_GRACE_S
from tools.deploy import layout
from tools.deploy.facts import Service
from tools.deploy.layout import Document

__all__ = ["CONFIG", "EDGE_CONFIG", "edge", "labels", "selector", "service"]

CONFIG: Final = "aviary"
"""ConfigMap of variables that all services share; the overlay says what is in it."""
VALKEY: Final = "aviary-valkey"
"""Secret of `AVIARY_*_VALKEY_URL`: URLs may hold passwords."""
SIGNING_KEYS: Final = "aviary-signing-keys"
CURSOR_KEY: Final = "aviary-cursor-key"
EDGE_CONFIG: Final = "edge-envoy"

SERVICES_IMAGE: Final = "aviary-services"
ENVOY_IMAGE: Final = "aviary-envoy"
# Envoy ends at once when told to. Until then it answers what is under way and what still comes, for
# as long as a request that came last may take.
EDGE_DELAY_S: Final = layout.DRAIN_DELAY_S + int(DEFAULT_GRACE_S)
READ_ONLY_BY_GROUP: Final = 0o440

REPLICAS_LEAST: Final = 2
REPLICAS_MOST: Final = 20
# Percent of the request. A second process takes half a minute to start and be found, and traffic
# doubles slower than that.
CPU_TARGET: Final = 60
# A Python process uses one core; the limit lets it start up and collect garbage on two.
SERVICE_RESOURCES: Final = {
    "requests": {"cpu": "500m", "memory": "256Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}
ENVOY_RESOURCES: Final = {
    "requests": {"cpu": "500m", "memory": "128Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}
# Seconds between probes, and how many may fail. A start waits for a lease of ids, and for Bigtable.
STARTUP: Final = {"periodSeconds": 1, "failureThreshold": 120}
READINESS: Final = {"periodSeconds": 5, "timeoutSeconds": 2, "failureThreshold": 2}
# Slow: a process that is only busy must not be killed for it.
LIVENESS: Final = {"periodSeconds": 10, "timeoutSeconds": 5, "failureThreshold": 6}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pod:
    name: str
    container: Document
    volumes: Sequence[Document]
    opens: Sequence[str] = field(default=())


def selector(name: str) -> dict[str, str]:
    """Return the labels that tell the pods of one workload; network policies go by them."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "aviary"}


def labels(name: str, opens: Sequence[str]) -> dict[str, str]:
    """Return a pod's labels, with those by which an overlay opens the way to engines."""
    return selector(name) | {f"aviary.local/uses-{each}": "true" for each in opens}


def service(of: Service) -> list[Document]:
    """Build what runs one service."""
    ports = {"grpc": of.port} | ({} if of.http_port is None else {"http": of.http_port})
    env: list[Document] = [
        {"name": name, "value": value} for name, value in layout.listening(of.name).items()
    ]
    if "cursors" in of.opens:
        source = {"name": CURSOR_KEY, "key": "AVIARY_CURSOR_KEY"}
        env.append({"name": "AVIARY_CURSOR_KEY", "valueFrom": {"secretKeyRef": source}})
    probe = {"grpc": {"port": layout.PROBE_PORT}}
    container = {
        "name": of.name,
        "image": SERVICES_IMAGE,
        "args": [of.name],
        "envFrom": [{"configMapRef": {"name": CONFIG}}, {"secretRef": {"name": VALKEY}}],
        "env": env,
        "ports": [*_ports(ports), {"name": "probe", "containerPort": layout.PROBE_PORT}],
        **_probes(probe),
        "resources": SERVICE_RESOURCES,
        **_hardened(delay_s=layout.DRAIN_DELAY_S),
        "volumeMounts": [
            {"name": "tls", "mountPath": layout.TLS_DIR, "readOnly": True},
            {"name": "signing", "mountPath": "/etc/aviary/signing", "readOnly": True},
        ],
    }
    pod = _Pod(
        name=of.name,
        container=container,
        volumes=[
            _tls(of.name),
            {
                "name": "signing",
                "secret": {"secretName": SIGNING_KEYS, "defaultMode": READ_ONLY_BY_GROUP},
            },
        ],
        # All of them remember signed requests in the cache's engine.
        opens=sorted({*of.opens, "cache"} - {"cursors"}),
    )
    return [
        _account(of.name),
        _deployment(pod, layout.STOP_S),
        # Without an address of its own: clients find all pods and balance by themselves.
        _service(of.name, ports, clusterIP="None"),
        _budget(of.name),
        _autoscaler(of.name),
    ]


def edge() -> list[Document]:
    """Build what runs Envoy, for everybody outside."""
    # One of its own pages: of `/healthz` every edge would leave when a single service is not ready.
    probe = {"httpGet": {"path": "/docs", "port": "http"}}
    ports = {"http": layout.EDGE_PORT}
    container = {
        "name": EDGE,
        "image": ENVOY_IMAGE,
        "ports": _ports(ports),
        **_probes(probe),
        "resources": ENVOY_RESOURCES,
        **_hardened(delay_s=EDGE_DELAY_S),
        "volumeMounts": [
            {"name": "tls", "mountPath": layout.TLS_DIR, "readOnly": True},
            {"name": "config", "mountPath": "/etc/envoy", "readOnly": True},
        ],
    }
    volumes = [
        _tls(EDGE, {"configMap": {"name": "edge-secrets"}}),
        {"name": "config", "configMap": {"name": EDGE_CONFIG}},
    ]
    return [
        _account(EDGE),
        _deployment(
            _Pod(name=EDGE, container=container, volumes=volumes), EDGE_DELAY_S + layout.DRAIN_S
        ),
        _service(EDGE, ports),
        _budget(EDGE),
        _autoscaler(EDGE),
    ]


def _ports(ports: dict[str, int]) -> list[Document]:
    return [{"name": name, "containerPort": port} for name, port in ports.items()]


def _probes(probe: Document) -> Document:
    return {
        "startupProbe": probe | STARTUP,
        "readinessProbe": probe | READINESS,
        "livenessProbe": probe | LIVENESS,
    }


def _hardened(delay_s: int) -> Document:
    return {
        # The kubelet's own: there is no shell to count on.
        "lifecycle": {"preStop": {"sleep": {"seconds": delay_s}}},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _tls(name: str, *more: Document) -> Document:
    """Show a secret under the names that the services read; a renewal replaces all at once."""
    items = {"ca.crt": "ca.pem", "tls.crt": f"{name}.pem", "tls.key": f"{name}.key"}
    secret = {
        "name": f"aviary-{name}-tls",
        "items": [{"key": key, "path": path} for key, path in items.items()],
    }
    sources = [{"secret": secret}, *more]
    return {"name": "tls", "projected": {"defaultMode": READ_ONLY_BY_GROUP, "sources": sources}}


def _meta(name: str) -> Document:
    return {"name": name, "labels": selector(name)}


def _account(name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": _meta(name),
        # Nothing here asks Kubernetes for anything.
        "automountServiceAccountToken": False,
    }


def _deployment(pod: _Pod, stop_s: int) -> Document:
    spread = {"maxSkew": 1, "labelSelector": {"matchLabels": selector(pod.name)}}
    spec: dict[str, Any] = {
        "serviceAccountName": pod.name,
        "automountServiceAccountToken": False,
        # Or each service's address would be put into everybody's environment.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": stop_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": layout.USER,
            "runAsGroup": layout.USER,
            "fsGroup": layout.USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            # A zone that is full must not stop a deployment, and one node must not hold all of it.
            spread
            | {
                "topologyKey": "topology.kubernetes.io/zone",
                "whenUnsatisfiable": "ScheduleAnyway",
            },
            spread
            | {"topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway"},
        ],
        "containers": [pod.container],
        "volumes": list(pod.volumes),
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": _meta(pod.name),
        # No `replicas`: it is the autoscaler's, and each apply would undo what that has found.
        "spec": {
            "selector": {"matchLabels": selector(pod.name)},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1}},
            "template": {
                "metadata": {"labels": labels(pod.name, pod.opens)},
                "spec": spec,
            },
        },
    }


def _service(name: str, ports: dict[str, int], **more: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": _meta(name),
        "spec": {
            **more,
            "selector": selector(name),
            "ports": [
                {"name": each, "port": port, "targetPort": each} for each, port in ports.items()
            ],
        },
    }


def _budget(name: str) -> Document:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": _meta(name),
        "spec": {
            "maxUnavailable": 1,
            "selector": {"matchLabels": selector(name)},
            # A pod that is broken must not keep its node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _autoscaler(name: str) -> Document:
    target = {"type": "Utilization", "averageUtilization": CPU_TARGET}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": _meta(name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": REPLICAS_LEAST,
            "maxReplicas": REPLICAS_MOST,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
