"""What runs in a pod: a service beside its sidecar, or the edge."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from gateway.draining_envoy import CONCURRENCY
from gateway.envoy.secrets import TRUST_FILE, identity_file
from services.platform.runtime.ending import END_WITHIN_S, GRACE_S
from services.platform.security.identities import EDGE, GATEWAY
from services.platform.specs import all_specs
from tools.deploy import layout
from tools.deploy.facts import Service
from tools.deploy.layout import Document
from tools.deploy.probes import probes

__all__ = [
    "CONFIG",
    "DATA",
    "DATA_DIR",
    "EDGE_CONFIG",
    "ENVOY_SECRETS",
    "FLAGS",
    "OPTIONAL_SECRETS",
    "SIGNING_KEYS",
    "VALKEY_AUTHORITIES",
    "Pod",
    "certificate_secret",
    "container_ports",
    "edge_pod",
    "sealed",
    "secret_of",
    "service_pod",
    "sidecar_config",
]

CONFIG: Final = "aviary"
"""ConfigMap of variables that all services share; overlays add to it."""
VALKEY: Final = "aviary-valkey"
"""Secret of `AVIARY_*_VALKEY_URL`: URLs may hold passwords."""
SIGNING_KEYS: Final = "aviary-signing-keys"
VALKEY_AUTHORITIES: Final = "aviary-valkey-authorities"
"""ConfigMap of the file of this name in `layout`, where a site's Valkey speaks TLS."""
FLAGS: Final = "aviary-flags"
EDGE_CONFIG: Final = "edge-envoy"
ENVOY_SECRETS: Final = "envoy-secrets"
"""ConfigMap of the files by which each Envoy follows its certificate."""
OPTIONAL_SECRETS: Final = frozenset(
    variable for spec in all_specs().values() for variable in spec.optional_secrets
)
DATA: Final = "data"
DATA_DIR: Final = "/var/lib/aviary/data"
SCRATCH: Final = "scratch"
# An index of some ten million tweets. It ends with the pod.
_SCRATCH: Final[Document] = {"name": SCRATCH, "emptyDir": {"sizeLimit": "8Gi"}}
ADMIN: Final = "envoy-admin"

SERVICES_IMAGE: Final = "aviary-services"
ENVOY_IMAGE: Final = "aviary-envoy"
_ENVOY_FOLDER: Final = "/etc/envoy"
# Envoy ends at once when asked to. Until then it answers what is under way and what still comes,
# for as long as a request that came last may take.
EDGE_DELAY_S: Final = layout.DRAIN_DELAY_S + GRACE_S
READ_ONLY_BY_GROUP: Final = 0o440
# A Python process uses one core; the limit lets it start up and collect garbage on two.
SERVICE_REQUESTS: Final = {"cpu": "500m", "memory": "256Mi"}
SERVICE_CPU: Final = "2"
ENVOY_RESOURCES: Final = {
    "requests": {"cpu": "500m", "memory": "128Mi"},
    "limits": {"cpu": "2", "memory": "512Mi"},
}
# A call costs a sidecar a fraction of what it costs the service beside it (ADR 11).
SIDECAR_RESOURCES: Final = {
    "requests": {"cpu": "100m", "memory": "64Mi"},
    "limits": {"cpu": "1", "memory": "256Mi"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pod:
    """The containers of a workload, and how it ends."""

    container: Document
    volumes: Sequence[Document]
    stop_s: int
    """From the order to stop to the kill."""
    sidecars: Sequence[Document] = ()
    opens: Sequence[str] = ()
    keeps_data: bool = False
    """Whether `DATA` outlives the pod."""


def certificate_secret(name: str) -> str:
    """Return the name of the secret with the certificate of this process."""
    return f"{name}-tls"


def secret_of(variable: str) -> str:
    """Return the name of the secret that holds this variable: what Secret Manager calls it too."""
    return variable.lower().replace("_", "-")


def sidecar_config(name: str) -> str:
    """Return the name of the ConfigMap with this sidecar's configuration."""
    return f"{name}-sidecar"


def service_pod(of: Service) -> Pod:
    """Build a service's container and its sidecar."""
    # The gateway logs what an edge on the same machine refused; here the edge is elsewhere.
    keeps_data = "audit" in of.opens and of.name != GATEWAY
    http = {} if of.http_port is None else {"http": of.http_port}
    folders = _folders(of, keeps_data=keeps_data)
    container = {
        "name": of.name,
        "image": SERVICES_IMAGE,
        "args": [of.name],
        "envFrom": [{"configMapRef": {"name": CONFIG}}, {"secretRef": {"name": VALKEY}}],
        "env": [*_own_variables(of, keeps_data=keeps_data), *map(_secret, of.secrets)],
        "ports": container_ports(
            http | {"metrics": layout.METRICS_PORT, "probe": layout.PROBE_PORT}
        ),
        **probes({"grpc": {"port": layout.PROBE_PORT}}, paused_s=layout.DRAIN_DELAY_S),
        "resources": {
            "requests": SERVICE_REQUESTS,
            "limits": {"cpu": SERVICE_CPU, "memory": of.max_memory},
        },
        **sealed(),
        **_paused(layout.DRAIN_DELAY_S),
        "volumeMounts": [_mount(name, path) for name, path in folders.items()],
    }
    volumes = [
        _tls(of.name),
        {"name": "sidecar", "configMap": {"name": sidecar_config(of.name)}},
        _admin(),
        {
            "name": "signing",
            "secret": {"secretName": SIGNING_KEYS, "defaultMode": READ_ONLY_BY_GROUP},
        },
        {"name": "valkey", "configMap": {"name": VALKEY_AUTHORITIES, "optional": True}},
        *([{"name": "flags", "configMap": {"name": FLAGS}}] if of.has_flags else []),
        *([_SCRATCH] if of.keeps_scratch else []),
    ]
    return Pod(
        container=container,
        volumes=volumes,
        stop_s=layout.STOP_S,
        sidecars=[_sidecar()],
        # All of them remember signed requests in the cache's engine.
        opens=sorted({*of.opens, "cache"} - {"audit"}),
        keeps_data=keeps_data,
    )


def edge_pod() -> Pod:
    """Build the edge's container: Envoy, for everybody outside."""
    # One of its own pages: of `/healthz` every edge would leave when a single service is not ready.
    probe = {"httpGet": {"path": "/docs", "port": "http"}}
    container = {
        "name": EDGE,
        "image": ENVOY_IMAGE,
        "ports": container_ports({"http": layout.EDGE_PORT, "metrics": layout.STATS_PORT}),
        **probes(probe, paused_s=EDGE_DELAY_S),
        "resources": ENVOY_RESOURCES,
        **sealed(),
        **_paused(EDGE_DELAY_S),
        "volumeMounts": [
            _mount("tls", layout.TLS_DIR),
            _mount("config", _ENVOY_FOLDER),
            _mount(ADMIN, layout.ADMIN_DIR),
        ],
    }
    return Pod(
        container=container,
        volumes=[_tls(EDGE), {"name": "config", "configMap": {"name": EDGE_CONFIG}}, _admin()],
        stop_s=EDGE_DELAY_S + END_WITHIN_S,
    )


def _sidecar() -> Document:
    """Build the sidecar of a service.

    As Kubernetes has it, a sidecar is an init container that stays: it is up before the service
    and ends after it, so the service's drain is its drain as well.
    """
    probe = {"tcpSocket": {"port": "grpc"}}
    return {
        "name": "sidecar",
        "image": ENVOY_IMAGE,
        "restartPolicy": "Always",
        "args": [
            *("--config-path", f"{_ENVOY_FOLDER}/envoy.yaml"),
            *("--disable-hot-restart", "--concurrency", str(CONCURRENCY)),
        ],
        "ports": container_ports({"grpc": layout.INBOUND_PORT}),
        **probes(probe),
        "resources": SIDECAR_RESOURCES,
        **sealed(),
        "volumeMounts": [
            _mount("tls", layout.TLS_DIR),
            _mount("sidecar", _ENVOY_FOLDER),
            _mount(ADMIN, layout.ADMIN_DIR),
        ],
    }


def _own_variables(of: Service, *, keeps_data: bool) -> list[Document]:
    """Build the environment that is this service's alone."""
    spec = all_specs()[of.name]
    variables = {spec.address_variable: spec.address}
    variables |= layout.http_listener(of)
    if of.http_port is not None:
        # The edge dials it past the sidecar.
        variables[spec.http_tls_variable] = layout.TLS_DIR
    if of.has_flags:
        variables["AVIARY_FLAGS_FILE"] = layout.FLAGS_FILE
    if keeps_data:
        variables |= {"AVIARY_DATA_DIR": DATA_DIR, "AVIARY_AUDIT": "files"}
    return [{"name": name, "value": value} for name, value in variables.items()]


def _secret(variable: str) -> Document:
    source: Document = {"name": secret_of(variable), "key": variable}
    if variable in OPTIONAL_SECRETS:
        source["optional"] = True
    return {"name": variable, "valueFrom": {"secretKeyRef": source}}


def _folders(of: Service, *, keeps_data: bool) -> dict[str, str]:
    """Return the volumes that the service itself sees, and where."""
    return {
        "signing": layout.SIGNING_KEYS_FILE.rpartition("/")[0],
        "valkey": layout.VALKEY_AUTHORITIES_FILE.rpartition("/")[0],
        **({"tls": layout.TLS_DIR} if of.http_port is not None else {}),
        **({"flags": layout.FLAGS_FILE.rpartition("/")[0]} if of.has_flags else {}),
        **({DATA: DATA_DIR} if keeps_data else {}),
        **({SCRATCH: DATA_DIR} if of.keeps_scratch else {}),
    }


def _mount(name: str, path: str) -> Document:
    mount: Document = {"name": name, "mountPath": path}
    return mount if name in {DATA, SCRATCH, ADMIN} else mount | {"readOnly": True}


def _admin() -> Document:
    """Give Envoy's container a folder for its admin socket, which no other container sees."""
    return {"name": ADMIN, "emptyDir": {"medium": "Memory", "sizeLimit": "1Mi"}}


def container_ports(ports: dict[str, int]) -> list[Document]:
    """Return ports by name as a container lists them."""
    return [{"name": name, "containerPort": port} for name, port in ports.items()]


def sealed() -> Document:
    """Return a container's security context: no rights, and nothing of its image can be written."""
    return {
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _paused(delay_s: int) -> Document:
    # The kubelet's own: there is no shell to count on.
    return {"lifecycle": {"preStop": {"sleep": {"seconds": delay_s}}}}


def _tls(name: str) -> Document:
    """Mount a secret under the names that are read here; a renewal replaces all at once."""
    items = {"ca.crt": "ca.pem", "tls.crt": f"{name}.pem", "tls.key": f"{name}.key"}
    secret = {
        "name": certificate_secret(name),
        "items": [{"key": key, "path": path} for key, path in items.items()],
    }
    watched = [{"key": file, "path": file} for file in (identity_file(name), TRUST_FILE)]
    sources = [
        {"secret": secret},
        {"configMap": {"name": ENVOY_SECRETS, "items": watched}},
    ]
    return {"name": "tls", "projected": {"defaultMode": READ_ONLY_BY_GROUP, "sources": sources}}
