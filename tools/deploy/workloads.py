"""What Kubernetes keeps of a service or the edge: its pods, and what belongs to them."""

from collections.abc import Sequence
from typing import Any, Final

from services.platform.security.identities import EDGE
from tools.deploy import layout
from tools.deploy.facts import Service
from tools.deploy.layout import Document
from tools.deploy.pods import DATA, Pod, edge_pod, service_pod

__all__ = ["edge", "labels", "meta", "selector", "service", "workload"]

REPLICAS_LEAST: Final = 2
REPLICAS_MOST: Final = 20
# Percent of the request. A second process takes half a minute to start and be found, and traffic
# doubles slower than that.
CPU_TARGET: Final = 60
# How many pods of a workload may be missing or added at a time, rounded up: one of a few, more of
# many, so that neither a node's drain nor a rollout takes hours.
AT_A_TIME: Final = "25%"
# Traffic that grows is met at once; traffic that dips for a moment comes back.
SCALING: Final = {
    "scaleUp": {
        "stabilizationWindowSeconds": 0,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 100, "periodSeconds": 30}],
    },
    "scaleDown": {
        "stabilizationWindowSeconds": 300,
        "selectPolicy": "Max",
        "policies": [{"type": "Percent", "value": 20, "periodSeconds": 60}],
    },
}
# The audit log: some 3 million entries, and an alert is due long before.
DATA_SIZE: Final = "1Gi"


def selector(name: str) -> dict[str, str]:
    """Return the labels of the pods of one workload, which network policies select."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/part-of": "aviary"}


def labels(name: str, opens: Sequence[str]) -> dict[str, str]:
    """Return a pod's labels, with those by which an overlay opens the way to engines."""
    return selector(name) | {f"aviary.local/uses-{each}": "true" for each in opens}


def service(of: Service) -> list[Document]:
    """Build every object of one service."""
    ports = {"grpc": layout.INBOUND_PORT}
    if of.http_port is not None:
        ports["http"] = of.http_port
    # Without an address of its own: clients find all pods and balance by themselves.
    return workload(of.name, service_pod(of), ports, clusterIP="None")


def edge() -> list[Document]:
    """Build every object of the edge."""
    return workload(EDGE, edge_pod(), {"http": layout.EDGE_PORT})


def workload(name: str, pod: Pod, ports: dict[str, int], **more: str) -> list[Document]:
    """Build what keeps a pod running and found; `more` goes into its Service's spec."""
    pods = _stateful(name, pod) if pod.keeps_data else _deployment(name, pod)
    return [
        _account(name),
        pods,
        _service(name, ports, **more),
        _budget(name),
        _autoscaler(name, pods["kind"]),
    ]


def meta(name: str) -> Document:
    """Return the metadata of everything that belongs to one workload."""
    return {"name": name, "labels": selector(name)}


def _account(name: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "ServiceAccount",
        "metadata": meta(name),
        # Nothing here asks Kubernetes for anything.
        "automountServiceAccountToken": False,
    }


# Neither has `replicas`: they are the autoscaler's, and each apply would undo what that has found.


def _deployment(name: str, pod: Pod) -> Document:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": meta(name),
        "spec": {
            "selector": {"matchLabels": selector(name)},
            "strategy": {"rollingUpdate": {"maxUnavailable": 0, "maxSurge": AT_A_TIME}},
            "template": _template(name, pod),
        },
    }


def _stateful(name: str, pod: Pod) -> Document:
    """Give each replica a disk of its own, which stays when the replica goes."""
    claim = {
        "metadata": {"name": DATA, "labels": selector(name)},
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": DATA_SIZE}},
        },
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": meta(name),
        "spec": {
            "serviceName": name,
            "selector": {"matchLabels": selector(name)},
            # None of them waits for another.
            "podManagementPolicy": "Parallel",
            "updateStrategy": {"type": "RollingUpdate"},
            "persistentVolumeClaimRetentionPolicy": {
                "whenDeleted": "Retain",
                "whenScaled": "Retain",
            },
            "template": _template(name, pod),
            "volumeClaimTemplates": [claim],
        },
    }


def _template(name: str, pod: Pod) -> Document:
    # A zone that is full must not stop a deployment, and one node must not hold all of it.
    spread = {
        "maxSkew": 1,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": selector(name)},
    }
    spec: dict[str, Any] = {
        "serviceAccountName": name,
        "automountServiceAccountToken": False,
        # Or each service's address would be put into everybody's environment.
        "enableServiceLinks": False,
        "terminationGracePeriodSeconds": pod.stop_s,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": layout.USER,
            "runAsGroup": layout.USER,
            "fsGroup": layout.USER,
            "fsGroupChangePolicy": "OnRootMismatch",
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "topologySpreadConstraints": [
            spread | {"topologyKey": "topology.kubernetes.io/zone"},
            spread | {"topologyKey": "kubernetes.io/hostname"},
        ],
        **({"initContainers": list(pod.sidecars)} if pod.sidecars else {}),
        "containers": [pod.container],
        "volumes": list(pod.volumes),
    }
    return {"metadata": {"labels": labels(name, pod.opens)}, "spec": spec}


def _service(name: str, ports: dict[str, int], **more: str) -> Document:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": meta(name),
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
        "metadata": meta(name),
        "spec": {
            "maxUnavailable": AT_A_TIME,
            "selector": {"matchLabels": selector(name)},
            # A pod that is broken must not keep its node from being drained.
            "unhealthyPodEvictionPolicy": "AlwaysAllow",
        },
    }


def _autoscaler(name: str, kind: str) -> Document:
    target = {"type": "Utilization", "averageUtilization": CPU_TARGET}
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": meta(name),
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": kind, "name": name},
            "minReplicas": REPLICAS_LEAST,
            "maxReplicas": REPLICAS_MOST,
            "behavior": SCALING,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
        },
    }
