"""All of Aviary on a laptop, in containers: services, edge, and the engines that they use."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.envoy import to_yaml as to_envoy_yaml
from services.platform.config.settings import DEFAULT_ISSUER_URL
from services.platform.security.identities import EDGE, GATEWAY
from tools.deploy import layout, watching
from tools.deploy.engines import ENGINES, PROJECT, Engine
from tools.deploy.facts import Service, all_services
from tools.deploy.layout import DEPLOY, HEADER, PROBE_PORT, Document, to_yaml
from tools.deploy.pods import DATA_DIR
from tools.deploy.site import ALL_PERCENT, Site
from tools.deploy.watching import ENGINE_CHECK

__all__ = ["COMPOSE", "COMPOSE_FILE", "files"]

COMPOSE: Final = DEPLOY / "compose"
COMPOSE_FILE: Final = COMPOSE / "compose.yaml"
# The images have these folders, so that volumes there belong to their user.
_KEYS_DIR: Final = "/var/lib/aviary/keys"
_DENIALS_DIR: Final = "/var/lib/aviary/denials"
_CERTIFICATES: Final = f"{_KEYS_DIR}/certificates"
_SIGNING_KEYS: Final = f"{_KEYS_DIR}/signing.keys"
_DENIALS_LOG: Final = f"{_DENIALS_DIR}/denials.log"
# Seconds. A check starts Python, so it is not for every second; but at the start it is waited for.
_SERVICE_CHECK: Final = {
    "interval": "30s",
    "timeout": "10s",
    "retries": 3,
    "start_period": "120s",
    "start_interval": "2s",
}
_HARDENED: Final = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
}
# Written once and kept. In Python, as a shell in the image is nothing to count on.
_MAKE_KEYS: Final = (
    "import os, pathlib, secrets\n"
    "os.umask(0o077)\n"
    "path = pathlib.Path('" + _SIGNING_KEYS + "')\n"
    "path.exists() or path.write_text('k1:' + secrets.token_hex(32) + '\\n')\n"
)


def files() -> Mapping[Path, str]:
    """Build every generated file under `deploy/compose`."""
    edge = layout.edge_config(
        Site(trace_percent=ALL_PERCENT), layout.without_sidecars(), _CERTIFICATES, _DENIALS_LOG
    )
    return {
        COMPOSE_FILE: to_yaml(_compose()),
        COMPOSE / "envoy.yaml": HEADER + to_envoy_yaml(edge),
        **{COMPOSE / name: text for name, text in watching.files().items()},
    }


def _compose() -> Document:
    return {
        "name": "aviary",
        "services": {
            "certs": _certs(),
            "keys": _keys(),
            **{each.name: _engine(each) for each in ENGINES},
            **{each.name: _service(each) for each in all_services()},
            EDGE: _edge(),
            **watching.services(),
        },
        "volumes": {name: {} for name in ("keys", "cache", "nonces", "denials", *_with_folders())},
    }


def _keepers() -> list[Service]:
    """Return those that keep their audit log on a disk; the others' is among their log lines."""
    return [each for each in all_services() if "audit" in each.opens]


def _with_folders() -> list[str]:
    """Return those that write into a folder of their own."""
    return [each.name for each in all_services() if each in _keepers() or each.keeps_scratch]


def _image(target: str) -> Document:
    args = {"PYTHON_DIGEST": "${PYTHON_DIGEST:-}", "DEBIAN_DIGEST": "${DEBIAN_DIGEST:-}"}
    build = {"context": "../..", "dockerfile": "deploy/images/Dockerfile", "target": target}
    return {"image": f"aviary-{target}:${{AVIARY_TAG:-dev}}", "build": build | {"args": args}}


def _certs() -> Document:
    return {
        **_image("services"),
        **_HARDENED,
        "command": ["certs", "--data-dir", _KEYS_DIR],
        "restart": "no",
        "network_mode": "none",
        "volumes": [f"keys:{_KEYS_DIR}"],
    }


def _keys() -> Document:
    return _certs() | {"entrypoint": ["python", "-c", _MAKE_KEYS], "command": []}


def _service(service: Service) -> Document:
    volumes = [f"keys:{_KEYS_DIR}:ro"]
    if service.has_flags:
        volumes.append(f"./flags:{_folder(layout.FLAGS_FILE)}:ro")
    if service.name in _with_folders():
        volumes.append(f"{service.name}:{DATA_DIR}")
    if service.name == GATEWAY:
        # It notes beside the edge's log how far it has read.
        volumes.append(f"denials:{_DENIALS_DIR}")
    return {
        **_image("services"),
        **_HARDENED,
        "command": [service.name],
        "environment": _environment(service),
        "volumes": volumes,
        "healthcheck": {"test": ["CMD", "aviary-probe"], **_SERVICE_CHECK},
        "stop_grace_period": f"{layout.STOP_S}s",
        "depends_on": _done("certs", "keys") | _healthy(*sorted(each.name for each in ENGINES)),
    }


def _environment(service: Service) -> dict[str, str]:
    engines = {each.name: f"{each.name}:{each.port}" for each in ENGINES}
    # Without them a service makes its own, at each start or once.
    secrets = {variable: f"${{{variable}:-}}" for variable in service.secrets}
    flags = {"AVIARY_FLAGS_FILE": layout.FLAGS_FILE} if service.has_flags else {}
    denials = {"AVIARY_EDGE_DENIALS_LOG": _DENIALS_LOG} if service.name == GATEWAY else {}
    audit = {"AVIARY_AUDIT": "files"} if service in _keepers() else {}
    return {
        **layout.addresses_by_name(service.name),
        **layout.http_listener(service),
        "AVIARY_TLS_DIR": _CERTIFICATES,
        "AVIARY_SIGNING_KEYS_FILE": _SIGNING_KEYS,
        "AVIARY_PROBE_ADDRESS": f"127.0.0.1:{PROBE_PORT}",
        "AVIARY_METRICS_ADDRESS": f"{layout.ANYWHERE}:{layout.METRICS_PORT}",
        "AVIARY_ISSUER_URL": DEFAULT_ISSUER_URL,
        "AVIARY_STORAGE": "bigtable",
        "AVIARY_BUS": "pubsub",
        "AVIARY_GCP_PROJECT": PROJECT,
        "AVIARY_BIGTABLE_INSTANCE": "aviary",
        "AVIARY_CACHE_VALKEY_URL": f"redis://{engines['cache']}/0",
        "AVIARY_NONCE_VALKEY_URL": f"redis://{engines['nonces']}/0",
        "BIGTABLE_EMULATOR_HOST": engines["bigtable"],
        "PUBSUB_EMULATOR_HOST": engines["pubsub"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{layout.COLLECTOR}",
        **flags,
        **denials,
        **audit,
        **secrets,
    }


def _engine(engine: Engine) -> Document:
    kept = engine.name in {"cache", "nonces"}
    return {
        "image": engine.image,
        "command": list(engine.command),
        "restart": "unless-stopped",
        "healthcheck": {"test": ["CMD", *engine.health], **ENGINE_CHECK},
        **({"volumes": [f"{engine.name}:/data"]} if kept else {}),
    }


def _edge() -> Document:
    port = layout.EDGE_PORT
    # Its own certificate is in the volume, and so are all others: this is for one laptop.
    return {
        **_image("envoy"),
        **_HARDENED,
        # The issuer's name has this port in it.
        "ports": [f"127.0.0.1:{port}:{port}"],
        "volumes": [
            f"keys:{_KEYS_DIR}:ro",
            f"denials:{_DENIALS_DIR}",
            "./envoy.yaml:/etc/envoy/envoy.yaml:ro",
        ],
        "tmpfs": [f"{layout.ADMIN_DIR}:mode=0700,uid={layout.USER},gid={layout.USER}"],
        "depends_on": _healthy(*(each.name for each in all_services())),
    }


def _folder(path: str) -> str:
    return path.rpartition("/")[0]


def _done(*names: str) -> Document:
    return {name: {"condition": "service_completed_successfully"} for name in names}


def _healthy(*names: str) -> Document:
    return {name: {"condition": "service_healthy"} for name in names}
