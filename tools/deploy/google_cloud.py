"""What a cluster on Google Cloud has beside the base: ways to the engines, and a collector.

Engines are outside the cluster there. The collector sends traces to Cloud Trace and metrics to
Managed Prometheus.
"""

import hashlib
from typing import Any, Final

from tools.deploy import layout
from tools.deploy.layout import COLLECTOR, Document, to_yaml
from tools.deploy.pods import Pod, container_ports, sealed
from tools.deploy.policies import PART, policy, tcp
from tools.deploy.probes import probes
from tools.deploy.workloads import meta, selector, workload

__all__ = ["COLLECTOR_IMAGE", "PRIVATE_ACCESS", "VALKEY_RANGE", "collector", "ways_to_engines"]

COLLECTOR_IMAGE: Final = "aviary-collector"
"""In place of OpenTelemetry's contrib collector, which a site names by its digest."""
PRIVATE_ACCESS: Final = "199.36.153.8/30"
"""Addresses of private.googleapis.com, by which Google's APIs are reached from within a VPC."""
VALKEY_RANGE: Final = "10.0.0.0/24"
"""In place of the private addresses that a site gives Memorystore."""
_METADATA_PORTS: Final = {"169.254.169.254/32": 80, "169.254.169.252/32": 988}
"""Of the metadata server, which says who a pod is; the second on nodes without Dataplane V2."""
_VALKEY_PORT: Final = 6379
_SHARD_PORTS: Final = (11000, 13047)
_CONFIG_DIR: Final = "/etc/collector"
_CONFIG_FILE: Final = "collector.yaml"
_RESOURCES: Final = {
    "requests": {"cpu": "500m", "memory": "512Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}
# What is under way when the order to stop comes is sent on.
_STOP_S: Final = layout.STOP_S


def ways_to_engines() -> list[Document]:
    """Build the network policies that let services reach Google's APIs and Valkey."""
    shards = tcp(_SHARD_PORTS[0]) | {"endPort": _SHARD_PORTS[1]}
    valkey = {"to": [_addresses(VALKEY_RANGE)], "ports": [tcp(_VALKEY_PORT), shards]}
    return [
        # Bigtable and Pub/Sub: whoever uses the bus here keeps rows as well.
        policy("to-google", {"aviary.local/uses-rows": "true"}, egress=_to_google()),
        policy("to-valkey", {"aviary.local/uses-cache": "true"}, egress=[valkey]),
    ]


def collector() -> list[Document]:
    """Build an OpenTelemetry collector and the policy of who reaches it."""
    name, _, port = COLLECTOR.rpartition(":")
    config = to_yaml(_config(int(port)))
    files = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": meta(name),
        "data": {_CONFIG_FILE: config},
    }
    objects = workload(name, _pod(name, int(port)), {"grpc": int(port)})
    (deployment,) = (each for each in objects if each["kind"] == "Deployment")
    # A configuration that changed makes new pods.
    digest = hashlib.sha256(config.encode()).hexdigest()
    deployment["spec"]["template"]["metadata"]["annotations"] = {"aviary.local/config": digest}
    reached = {"from": [{"podSelector": {"matchLabels": PART}}], "ports": [tcp(int(port))]}
    return [files, *objects, policy(name, selector(name), [reached], _to_google())]


def _pod(name: str, port: int) -> Pod:
    return Pod(
        container={
            "name": name,
            "image": COLLECTOR_IMAGE,
            "args": [f"--config={_CONFIG_DIR}/{_CONFIG_FILE}"],
            "ports": container_ports({"grpc": port}),
            **probes({"tcpSocket": {"port": "grpc"}}),
            "resources": _RESOURCES,
            **sealed(),
            "volumeMounts": [{"name": "config", "mountPath": _CONFIG_DIR, "readOnly": True}],
        },
        volumes=[{"name": "config", "configMap": {"name": name}}],
        stop_s=_STOP_S,
    )


def _config(port: int) -> Document:
    processors = ["memory_limiter", "resourcedetection", "batch"]

    def pipeline(exporter: str) -> dict[str, Any]:
        return {"receivers": ["otlp"], "processors": processors, "exporters": [exporter]}

    return {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{layout.ANYWHERE}:{port}"}}}},
        "processors": {
            # Managed Prometheus wants to know where a series is from.
            "resourcedetection": {"detectors": ["gcp"], "timeout": "10s"},
            "memory_limiter": {
                "check_interval": "1s",
                "limit_percentage": 75,
                "spike_limit_percentage": 15,
            },
            "batch": {"send_batch_size": 200, "timeout": "5s"},
        },
        "exporters": {"googlecloud": {}, "googlemanagedprometheus": {}},
        "service": {
            "telemetry": {"logs": {"encoding": "json"}},
            "pipelines": {
                "traces": pipeline("googlecloud"),
                "metrics": pipeline("googlemanagedprometheus"),
            },
        },
    }


def _to_google() -> list[Document]:
    apis = {"to": [_addresses(PRIVATE_ACCESS)], "ports": [tcp(443)]}
    metadata = [
        {"to": [_addresses(server)], "ports": [tcp(port)]}
        for server, port in _METADATA_PORTS.items()
    ]
    return [apis, *metadata]


def _addresses(cidr: str) -> Document:
    return {"ipBlock": {"cidr": cidr}}
