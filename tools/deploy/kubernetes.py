"""The Kustomize base, and the components that are made from the same facts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from gateway.edge import to_yaml as to_envoy_yaml
from gateway.edge.secrets import IDENTITY_FILE, TRUST_FILE, identity_secret, trust_secret
from services.certificates.identities import EDGE
from tools.deploy import layout, workloads
from tools.deploy.certificates import certificates
from tools.deploy.dev_engines import dev_engines
from tools.deploy.facts import all_services
from tools.deploy.layout import DEPLOY, HEADER, Document, to_yaml
from tools.deploy.policies import policies

__all__ = ["KUBERNETES", "files"]

KUBERNETES: Final = DEPLOY / "kubernetes"
_BASE: Final = KUBERNETES / "base"


def files() -> Mapping[Path, str]:
    """Build every generated file under `deploy/kubernetes`."""
    pods = {each.name: workloads.service(each) for each in all_services()}
    pods[EDGE] = workloads.edge()
    manifests = {f"{name}.yaml": to_yaml(*documents) for name, documents in pods.items()}
    manifests["network-policies.yaml"] = to_yaml(*policies())
    base = {
        **manifests,
        "kustomization.yaml": to_yaml(_kustomization(list(manifests))),
        "config.env": HEADER + "".join(f"{k}={v}\n" for k, v in _config().items()),
        "envoy.yaml": HEADER + to_envoy_yaml(layout.edge_config()),
        IDENTITY_FILE: _sds(identity_secret(layout.TLS_DIR)),
        TRUST_FILE: _sds(trust_secret(layout.TLS_DIR)),
    }
    component = KUBERNETES / "components" / "cert-manager"
    return {
        **{_BASE / name: text for name, text in base.items()},
        component / "certificates.yaml": to_yaml(*certificates()),
        KUBERNETES / "overlays" / "dev" / "engines.yaml": to_yaml(*dev_engines()),
    }


def _kustomization(resources: list[str]) -> Document:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1beta1",
        "kind": "Kustomization",
        "resources": resources,
        # Named by their content, so that what they configure starts anew when they change.
        "configMapGenerator": [
            {"name": workloads.CONFIG, "envs": ["config.env"]},
            {"name": workloads.EDGE_CONFIG, "files": ["envoy.yaml"]},
            {"name": "edge-secrets", "files": [IDENTITY_FILE, TRUST_FILE]},
        ],
    }


def _config() -> dict[str, str]:
    return {
        **layout.siblings(),
        **layout.security(),
        "AVIARY_PROBE_ADDRESS": f"0.0.0.0:{layout.PROBE_PORT}",
        # Pods come and go with what is on their disks.
        "AVIARY_STORAGE": "bigtable",
        "AVIARY_BUS": "pubsub",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{layout.COLLECTOR}",
    }


def _sds(secret: Document) -> str:
    return HEADER + yaml.safe_dump({"resources": [secret]}, sort_keys=False)
