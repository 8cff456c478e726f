"""All of Aviary on a laptop, in containers: services, edge, engines, and what shows how it runs."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.edge import to_yaml as to_envoy_yaml
from services.certificates.identities import EDGE
from tools.deploy import layout
from tools.deploy.engines import ENGINES, Engine
from tools.deploy.facts import Service, all_services
from tools.deploy.layout import DEPLOY, HEADER, PROBE_PORT, Document, to_yaml

__all__ = ["COMPOSE", "files"]

COMPOSE: Final = DEPLOY / "compose"
_DATA: Final = "/var/lib/aviary"
_CERTIFICATES: Final = f"{_DATA}/certificates"
_SIGNING_KEYS: Final = f"{_DATA}/signing.keys"
# Seconds. A check starts Python, so it is not for every second; but at the start it is waited for.
_SERVICE_CHECK: Final = {
    "interval": "30s",
    "timeout": "10s",
    "retries": 3,
    "start_period": "120s",
    "start_interval": "2s",
}
_ENGINE_CHECK: Final = {
    "interval": "10s",
    "timeout": "5s",
    "retries": 3,
    "start_period": "60s",
    "start_interval": "1s",
}
_HARDENED: Final = {
    "read_only": True,
    "cap_drop": ["ALL"],
    "security_opt": ["no-new-privileges:true"],
    "restart": "unless-stopped",
}
# Written once and kept. In Python, as a shell in the image is nothing to count on.
_KEYS: Final = (
    "import os, pathlib, secrets\n"
    "os.umask(0o077)\n"
    "path = pathlib.Path('" + _SIGNING_KEYS + "')\n"
    "path.exists() or path.write_text('k1:' + secrets.token_hex(32) + '\\n')\n"
)


def files() -> Mapping[Path, str]:
    """Build every generated file under `deploy/compose`."""
    return {
        COMPOSE / "compose.yaml": to_yaml(_compose()),
        COMPOSE / "envoy.yaml": HEADER + to_envoy_yaml(layout.edge_config(_CERTIFICATES)),
        COMPOSE / "collector.yaml": to_yaml(_collector()),
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
            **_watching(),
        },
        "volumes": {"aviary": {}, "cache": {}, "nonces": {}},
    }


def _image(target: str) -> Document:
    args = {"PYTHON_DIGEST": "${PYTHON_DIGEST:-}", "DEBIAN_DIGEST": "${DEBIAN_DIGEST:-}"}
    build = {"context": "../..", "dockerfile": "deploy/images/Dockerfile", "target": target}
    return {"image": f"aviary-{target}:${{AVIARY_TAG:-dev}}", "build": build | {"args": args}}


def _certs() -> Document:
    return {
        **_image("services"),
        **_HARDENED,
        "command": ["certs", "--data-dir", _DATA],
        "restart": "no",
        "network_mode": "none",
        "volumes": [f"aviary:{_DATA}"],
    }


def _keys() -> Document:
    return _certs() | {"entrypoint": ["python", "-c", _KEYS], "command": []}


def _service(service: Service) -> Document:
    needed = {each.name for each in ENGINES}
    return {
        **_image("services"),
        **_HARDENED,
        "command": [service.name],
        "environment": _environment(service),
        "volumes": [f"aviary:{_DATA}:ro"],
        "healthcheck": {"test": ["CMD", "python", "-m", "services.probe"], **_SERVICE_CHECK},
        "stop_grace_period": f"{layout.STOP_S}s",
        "depends_on": _done("certs", "keys") | _healthy(*sorted(needed)),
    }


def _environment(service: Service) -> dict[str, str]:
    engines = {each.name: f"{each.name}:{each.port}" for each in ENGINES}
    cursor_key = "${AVIARY_CURSOR_KEY:-}" if "cursors" in service.opens else None
    return {
        **layout.siblings(),
        **layout.listening(service.name),
        "AVIARY_TLS_DIR": _CERTIFICATES,
        "AVIARY_SIGNING_KEYS_FILE": _SIGNING_KEYS,
        "AVIARY_PROBE_ADDRESS": f"127.0.0.1:{PROBE_PORT}",
        "AVIARY_STORAGE": "bigtable",
        "AVIARY_BUS": "pubsub",
        "AVIARY_GCP_PROJECT": "aviary-dev",
        "AVIARY_BIGTABLE_INSTANCE": "aviary",
        "AVIARY_CACHE_VALKEY_URL": f"redis://{engines['cache']}/0",
        "AVIARY_NONCE_VALKEY_URL": f"redis://{engines['nonces']}/0",
        "BIGTABLE_EMULATOR_HOST": engines["bigtable"],
        "PUBSUB_EMULATOR_HOST": engines["pubsub"],
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{layout.COLLECTOR}",
        **({} if cursor_key is None else {"AVIARY_CURSOR_KEY": cursor_key}),
    }


def _engine(engine: Engine) -> Document:
    kept = engine.name in {"cache", "nonces"}
    return {
        "image": engine.image,
        "command": list(engine.command),
        "restart": "unless-stopped",
        "healthcheck": {"test": ["CMD", *engine.health], **_ENGINE_CHECK},
        **({"volumes": [f"{engine.name}:/data"]} if kept else {}),
    }


def _edge() -> Document:
    port = layout.EDGE_PORT
    # Its own certificate is in the volume, and so are all others: this is for one laptop.
    return {
        **_image("envoy"),
        **_HARDENED,
        "ports": [f"127.0.0.1:${{AVIARY_EDGE_PORT:-{port}}}:{port}"],
        "volumes": [f"aviary:{_DATA}:ro", "./envoy.yaml:/etc/envoy/envoy.yaml:ro"],
        "depends_on": _healthy(*(each.name for each in all_services())),
    }


def _watching() -> Document:
    """Build what collects and shows: paths of rules and dashboards are variables."""
    prometheus = "${AVIARY_PROMETHEUS:-../../infra/prometheus}"
    grafana = "${AVIARY_GRAFANA:-../../infra/grafana}"
    services: dict[str, dict[str, Any]] = {
        "collector": {
            "image": "otel/opentelemetry-collector-contrib:${OTEL_COLLECTOR_TAG:-latest}",
            "command": ["--config=/etc/collector.yaml"],
            "volumes": ["./collector.yaml:/etc/collector.yaml:ro"],
        },
        "jaeger": {
            "image": "jaegertracing/jaeger:${JAEGER_TAG:-latest}",
            "ports": ["127.0.0.1:16686:16686"],
        },
        "prometheus": {
            "image": "prom/prometheus:${PROMETHEUS_TAG:-latest}",
            "command": [
                "--config.file=/etc/prometheus/prometheus.yml",
                # The collector hands over what it gets.
                "--web.enable-otlp-receiver",
            ],
            "ports": ["127.0.0.1:9090:9090"],
            "volumes": [f"{prometheus}:/etc/prometheus:ro"],
        },
        "grafana": {
            "image": "grafana/grafana:${GRAFANA_TAG:-latest}",
            "ports": ["127.0.0.1:3000:3000"],
            "volumes": [
                f"{grafana}/provisioning:/etc/grafana/provisioning:ro",
                f"{grafana}/dashboards:/var/lib/grafana/dashboards:ro",
            ],
        },
    }
    needs = {"collector": ("jaeger", "prometheus"), "grafana": ("prometheus",)}
    # The other two images have nothing to ask with.
    asked = {
        "prometheus": "http://127.0.0.1:9090/-/healthy",
        "grafana": "http://127.0.0.1:3000/api/health",
    }
    return {
        name: {
            **service,
            "restart": "unless-stopped",
            **({"depends_on": list(needs[name])} if name in needs else {}),
            **({"healthcheck": _fetched(asked[name])} if name in asked else {}),
        }
        for name, service in services.items()
    }


def _fetched(url: str) -> Document:
    return {"test": ["CMD", "wget", "--quiet", "--output-document=-", url], **_ENGINE_CHECK}


def _collector() -> Document:
    def pipeline(exporter: str) -> Document:
        return {"receivers": ["otlp"], "processors": ["batch"], "exporters": [exporter]}

    host = "0.0.0.0"  # noqa: S104 - a container's own address is not known here
    return {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{host}:4317"}}}},
        "processors": {"batch": {}},
        "exporters": {
            "otlp/jaeger": {"endpoint": "jaeger:4317", "tls": {"insecure": True}},
            "otlphttp/prometheus": {"endpoint": "http://prometheus:9090/api/v1/otlp"},
        },
        "service": {
            "pipelines": {
                "traces": pipeline("otlp/jaeger"),
                "metrics": pipeline("otlphttp/prometheus"),
            }
        },
    }


def _done(*names: str) -> Document:
    return {name: {"condition": "service_completed_successfully"} for name in names}


def _healthy(*names: str) -> Document:
    return {name: {"condition": "service_healthy"} for name in names}
