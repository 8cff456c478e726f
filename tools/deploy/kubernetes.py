"""The Kustomize base, and the components that are made from the same facts."""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

import yaml

from gateway.envoy import to_short_yaml
from gateway.envoy.secrets import TRUST_FILE, identity_file, identity_secret, trust_secret
from services.platform.config.settings import DEFAULT_ISSUER_URL
from services.platform.security.identities import EDGE
from tools.deploy import layout, pods, workloads
from tools.deploy.certificates import certificates
from tools.deploy.dev_engines import dev_engines
from tools.deploy.facts import all_services
from tools.deploy.google_cloud import collector, ways_to_engines
from tools.deploy.layout import DEPLOY, HEADER, ROOT, Document, to_yaml
from tools.deploy.policies import policies
from tools.deploy.site import PRODUCTION_TRACE_PERCENT, Site

__all__ = ["ENVOY_FILE", "KUBERNETES", "SIDECARS", "files", "site_files"]

KUBERNETES: Final = DEPLOY / "kubernetes"
SIDECARS: Final = ROOT / "envoy" / "sidecars"
ENVOY_FILE: Final = "envoy.yaml"
_BASE: Final = KUBERNETES / "base"
_FLAGS: Final = "# Feature flags, see docs/reference/flags.md. An overlay replaces this.\n{}\n"
_KUSTOMIZE: Final = "kustomize.config.k8s.io/v1beta1"


def files() -> Mapping[Path, str]:
    """Build every generated file under `deploy/kubernetes`."""
    each_with_pods = {each.name: workloads.service(each) for each in all_services()}
    each_with_pods[EDGE] = workloads.edge()
    manifests = {f"{name}.yaml": to_yaml(*documents) for name, documents in each_with_pods.items()}
    manifests["network-policies.yaml"] = to_yaml(*policies())
    base = {
        **manifests,
        **_envoy_secrets(),
        "kustomization.yaml": to_yaml(_kustomization(list(manifests))),
        "config.env": HEADER + "".join(f"{k}={v}\n" for k, v in _config().items()),
        "flags.yaml": _FLAGS,
        ENVOY_FILE: _edge(Site()),
    }
    components = KUBERNETES / "components"
    return {
        **{_BASE / name: text for name, text in base.items()},
        # Kustomize takes files from below itself alone.
        SIDECARS / "kustomization.yaml": to_yaml(_sidecars()),
        components / "cert-manager" / "certificates.yaml": to_yaml(*certificates()),
        components / "google-cloud" / "network-policies.yaml": to_yaml(*ways_to_engines()),
        components / "google-cloud" / "collector.yaml": to_yaml(*collector()),
        components / "google-cloud" / "kustomization.yaml": to_yaml(_google_cloud()),
        KUBERNETES / "overlays" / "dev" / "engines.yaml": to_yaml(*dev_engines()),
    }


def site_files(overlay: Path) -> Mapping[Path, str]:
    """Build what an overlay with a `site.yaml` needs. Raises `SiteError`."""
    return {overlay / ENVOY_FILE: _edge(Site.read(overlay))}


def _edge(site: Site) -> str:
    # Kubernetes takes 1 MiB of a ConfigMap.
    return HEADER + to_short_yaml(layout.edge_config(site, layout.through_sidecars()))


def _envoy_secrets() -> Mapping[str, str]:
    """Build the files by which each Envoy reads its certificate, again when it changes."""
    owners = (EDGE, *(each.name for each in all_services()))
    files = {identity_file(name): identity_secret(layout.TLS_DIR, name) for name in owners}
    files[TRUST_FILE] = trust_secret(layout.TLS_DIR)
    return {
        name: HEADER + yaml.safe_dump({"resources": [secret]}, sort_keys=False)
        for name, secret in files.items()
    }


def _kustomization(resources: list[str]) -> Document:
    return {
        "apiVersion": _KUSTOMIZE,
        "kind": "Kustomization",
        "resources": [*resources, "../../../envoy/sidecars"],
        # Named by their content, so that what they configure starts anew when they change.
        "configMapGenerator": [
            {"name": pods.CONFIG, "envs": ["config.env"]},
            {"name": pods.EDGE_CONFIG, "files": [ENVOY_FILE]},
            {"name": pods.ENVOY_SECRETS, "files": sorted(_envoy_secrets())},
            {
                "name": pods.FLAGS,
                "files": ["flags.yaml"],
                # Services follow it, so nothing starts anew.
                "options": {"disableNameSuffixHash": True},
            },
        ],
    }


def _google_cloud() -> Document:
    return {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "resources": ["network-policies.yaml", "collector.yaml"],
    }


def _sidecars() -> Document:
    return {
        "apiVersion": _KUSTOMIZE,
        "kind": "Kustomization",
        "configMapGenerator": [
            {"name": pods.sidecar_config(each.name), "files": [f"{ENVOY_FILE}={each.name}.yaml"]}
            for each in all_services()
        ],
    }


def _config() -> dict[str, str]:
    return {
        **layout.addresses_behind_sidecars(),
        "AVIARY_SIDECAR": "on",
        "AVIARY_SIGNING_KEYS_FILE": layout.SIGNING_KEYS_FILE,
        "AVIARY_PROBE_ADDRESS": f"{layout.ANYWHERE}:{layout.PROBE_PORT}",
        "AVIARY_METRICS_ADDRESS": f"{layout.ANYWHERE}:{layout.METRICS_PORT}",
        "AVIARY_ISSUER_URL": DEFAULT_ISSUER_URL,
        # Pods come and go with what is on their disks.
        "AVIARY_STORAGE": "bigtable",
        "AVIARY_BUS": "pubsub",
        "OTEL_EXPORTER_OTLP_ENDPOINT": f"http://{layout.COLLECTOR}",
        "AVIARY_TRACE_PERCENT": str(PRODUCTION_TRACE_PERCENT),
    }
