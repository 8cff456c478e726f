"""What collects and shows on a laptop how Aviary runs: a collector, Jaeger, Prometheus, Grafana.

Prometheus fetches the metrics and has the rules of `infra/prometheus`, Grafana the dashboards of
`infra/grafana`; the collector passes on traces.
"""

import json
from collections.abc import Mapping
from typing import Any, Final

from services.platform.security.identities import EDGE
from tools.deploy import layout
from tools.deploy.facts import all_services
from tools.deploy.layout import Document, to_yaml

__all__ = ["ENGINE_CHECK", "files", "services"]

ENGINE_CHECK: Final = {
    "interval": "10s",
    "timeout": "5s",
    "retries": 3,
    "start_period": "60s",
    "start_interval": "1s",
}
_PROMETHEUS: Final = "../../infra/prometheus"
_GRAFANA: Final = "../../infra/grafana"
_DASHBOARDS: Final = "/var/lib/grafana/dashboards"
_FLAGS: Final = "# Feature flags, see docs/reference/flags.md; read anew when it changes.\n{}\n"


def files() -> Mapping[str, str]:
    """Build the files beside the compose file that these containers read."""
    return {
        "collector.yaml": to_yaml(_collector()),
        "targets.json": json.dumps(_targets(), indent=2) + "\n",
        "flags/flags.yaml": _FLAGS,
    }


def services() -> Mapping[str, Document]:
    """Build the containers."""
    containers: dict[str, dict[str, Any]] = {
        "collector": {
            "image": "otel/opentelemetry-collector-contrib:${OTEL_COLLECTOR_TAG:-0.131.0}",
            "command": ["--config=/etc/collector.yaml"],
            "volumes": ["./collector.yaml:/etc/collector.yaml:ro"],
        },
        "jaeger": {
            "image": "jaegertracing/jaeger:${JAEGER_TAG:-2.8.0}",
            "environment": {"JAEGER_LISTEN_HOST": layout.ANYWHERE},
            "ports": ["127.0.0.1:16686:16686"],
        },
        "prometheus": {
            "image": "prom/prometheus:${PROMETHEUS_TAG:-v3.5.0}",
            "ports": ["127.0.0.1:9090:9090"],
            "volumes": [
                f"{_PROMETHEUS}/prometheus.yml:/etc/prometheus/prometheus.yml:ro",
                f"{_PROMETHEUS}/rules.yml:/etc/prometheus/rules.yml:ro",
                "./targets.json:/etc/prometheus/targets/aviary.json:ro",
            ],
        },
        "grafana": {
            "image": "grafana/grafana:${GRAFANA_TAG:-12.1.0}",
            "environment": {
                "PROMETHEUS_URL": "http://prometheus:9090",
                "AVIARY_DASHBOARDS": _DASHBOARDS,
            },
            "ports": ["127.0.0.1:3000:3000"],
            "volumes": [
                f"{_GRAFANA}/provisioning:/etc/grafana/provisioning:ro",
                f"{_GRAFANA}/dashboards:{_DASHBOARDS}:ro",
            ],
        },
    }
    needs = {"collector": ["jaeger"], "grafana": ["prometheus"]}
    # The other two images have nothing to ask with.
    asked = {
        "prometheus": "http://127.0.0.1:9090/-/healthy",
        "grafana": "http://127.0.0.1:3000/api/health",
    }
    return {
        name: {
            **container,
            "restart": "unless-stopped",
            **({"depends_on": needs[name]} if name in needs else {}),
            **({"healthcheck": _fetched(asked[name])} if name in asked else {}),
        }
        for name, container in containers.items()
    }


def _fetched(url: str) -> Document:
    return {"test": ["CMD", "wget", "--quiet", "--output-document=-", url], **ENGINE_CHECK}


def _targets() -> list[Document]:
    """Say where each process serves its metrics, as `local.scrape_targets` does for `up`."""
    ports = {each.name: layout.METRICS_PORT for each in all_services()} | {EDGE: layout.STATS_PORT}
    return [
        {"targets": [f"{name}:{port}"], "labels": {"job": name}} for name, port in ports.items()
    ]


def _collector() -> Document:
    def pipeline(exporter: str) -> Document:
        return {"receivers": ["otlp"], "processors": ["batch"], "exporters": [exporter]}

    return {
        "receivers": {"otlp": {"protocols": {"grpc": {"endpoint": f"{layout.ANYWHERE}:4317"}}}},
        "processors": {"batch": {}},
        "exporters": {
            "otlp/jaeger": {"endpoint": "jaeger:4317", "tls": {"insecure": True}},
            # Metrics come here as well, and Prometheus has them already.
            "nop": {},
        },
        "service": {
            "pipelines": {"traces": pipeline("otlp/jaeger"), "metrics": pipeline("nop")},
        },
    }
