"""The engines in a development cluster: pods that forget everything, and the way to them."""

from tools.deploy.engines import ENGINES, Engine
from tools.deploy.layout import USER, Document

__all__ = ["dev_engines"]


def dev_engines() -> list[Document]:
    """Build a deployment, a service and two policies for each engine."""
    return [document for each in ENGINES for document in _engine(each)]


def _engine(engine: Engine) -> list[Document]:
    # Not `part-of: aviary`: the policies and patches of the services are not theirs.
    labels = {"app.kubernetes.io/name": engine.name, "app.kubernetes.io/part-of": "engines"}
    meta = {"name": engine.name, "labels": labels}
    port = {"protocol": "TCP", "port": engine.port}
    users = {"podSelector": {"matchLabels": {f"aviary.local/uses-{engine.opened_as}": "true"}}}
    return [
        {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": meta,
            "spec": {
                "replicas": 1,
                # Two of them would each hold a part.
                "strategy": {"type": "Recreate"},
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": _pod(engine)},
            },
        },
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": meta,
            "spec": {"selector": labels, "ports": [{"name": "engine", "port": engine.port}]},
        },
        _policy(
            engine.name,
            {"matchLabels": labels},
            policyTypes=["Ingress", "Egress"],
            ingress=[{"from": [users], "ports": [port]}],
        ),
        _policy(
            f"to-{engine.name}",
            users["podSelector"],
            policyTypes=["Egress"],
            egress=[{"to": [{"podSelector": {"matchLabels": labels}}], "ports": [port]}],
        ),
    ]


def _policy(name: str, pods: Document, **rules: object) -> Document:
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": name},
        "spec": {"podSelector": pods, **rules},
    }


def _pod(engine: Engine) -> Document:
    container = {
        "name": engine.name,
        "image": engine.image,
        "command": list(engine.command),
        # gcloud keeps its settings at home, and the user has none.
        "env": [{"name": "HOME", "value": "/data"}],
        "ports": [{"name": "engine", "containerPort": engine.port}],
        "readinessProbe": {"tcpSocket": {"port": "engine"}, "periodSeconds": 2},
        "resources": {
            "requests": {"cpu": "50m", "memory": "128Mi"},
            "limits": {"cpu": "1", "memory": "1Gi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
        "volumeMounts": [
            {"name": "data", "mountPath": "/data"},
            {"name": "tmp", "mountPath": "/tmp"},  # noqa: S108 - the container's own
        ],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        "volumes": [{"name": "data", "emptyDir": {}}, {"name": "tmp", "emptyDir": {}}],
    }
