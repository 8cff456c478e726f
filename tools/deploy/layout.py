"""Names, paths and ports that images, manifests and the compose file share."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from gateway.envoy import DEFAULT_STATS_PORT, EdgeConfig, backends_at, json_backends_at
from gateway.envoy.admin import DEFAULT_ADMIN_SOCKET
from gateway.envoy.bootstrap import plain_yaml
from gateway.sidecar.deployed import CERTIFICATES, INBOUND_PORT, OUTBOUND_PORT
from services.identity.spec import SPEC as IDENTITY
from services.media.spec import SPEC as MEDIA
from services.platform.config.settings import DEFAULT_EDGE_PORT
from services.platform.runtime.ending import END_WITHIN_S
from services.platform.specs import all_specs
from services.platform.tokens.issuers import embedded_issuer
from tools.deploy.facts import Service, all_services
from tools.deploy.site import Site

__all__ = [
    "ADMIN_DIR",
    "ANYWHERE",
    "COLLECTOR",
    "DEPLOY",
    "DRAIN_DELAY_S",
    "EDGE_PORT",
    "FLAGS_FILE",
    "GENERATED",
    "HEADER",
    "INBOUND_PORT",
    "METRICS_PORT",
    "PROBE_PORT",
    "ROOT",
    "SIGNING_KEYS_FILE",
    "STATS_PORT",
    "STOP_S",
    "TLS_DIR",
    "USER",
    "VALKEY_AUTHORITIES_FILE",
    "Document",
    "addresses_behind_sidecars",
    "addresses_by_name",
    "edge_config",
    "http_listener",
    "through_sidecars",
    "to_yaml",
    "without_sidecars",
]

Document = dict[str, Any]
ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
HEADER: Final = "# Made by `make generate` from tools/deploy/; do not edit.\n"

USER: Final = 65532
"""Of both images, as of those that others call distroless; no name is needed for it."""
TLS_DIR: Final = CERTIFICATES
SIGNING_KEYS_FILE: Final = "/etc/aviary/signing/signing.keys"
FLAGS_FILE: Final = "/etc/aviary/flags/flags.yaml"
VALKEY_AUTHORITIES_FILE: Final = "/etc/aviary/valkey/authorities.pem"
"""PEM of the authorities of Valkey servers; a URL refers to it by `ssl_ca_certs`."""
GENERATED: Final = "/usr/share/aviary"
"""Where the Envoy image has the descriptor, the document and its page."""

ANYWHERE: Final = "0.0.0.0"  # noqa: S104 - a container's own address is not known here
PROBE_PORT: Final = 8081
METRICS_PORT: Final = 9464
"""By custom, that of OpenTelemetry's Prometheus exporters."""
EDGE_PORT: Final = DEFAULT_EDGE_PORT
ADMIN_DIR: Final = DEFAULT_ADMIN_SOCKET.rpartition("/")[0]
"""Where an Envoy has the socket of its admin interface; nothing else is there."""
STATS_PORT: Final = DEFAULT_STATS_PORT
COLLECTOR: Final = "collector:4317"
"""An OTLP collector by this name, in the same namespace or compose project."""

DRAIN_DELAY_S: Final = 5
"""What endpoints take to leave every client's list; calls that still come are answered."""
STOP_S: Final = DRAIN_DELAY_S + END_WITHIN_S
"""From the order to stop to the kill."""


def addresses_by_name(name: str) -> dict[str, str]:
    """Return where the service of this name listens, and dials its siblings: by their names."""
    return {
        each.address_variable: f"{ANYWHERE if each.name == name else each.name}:{each.port}"
        for each in all_specs().values()
    }


def addresses_behind_sidecars(name: str | None = None) -> dict[str, str]:
    """Return the addresses for services behind sidecars, where everything is on loopback.

    Without a name it is what all services share: where the sidecar takes calls.
    """
    return {
        each.address_variable: each.address if each.name == name else f"127.0.0.1:{OUTBOUND_PORT}"
        for each in all_specs().values()
    }


def http_listener(service: Service) -> dict[str, str]:
    """Return the variable of where a service speaks HTTP to the edge, if it does."""
    if service.http_port is None:
        return {}
    variable = all_specs()[service.name].http_address_variable
    return {variable: f"{ANYWHERE}:{service.http_port}"}


def through_sidecars() -> dict[str, str]:
    """Return where the edge finds each service: at its sidecar."""
    return {each.name: f"{each.name}:{INBOUND_PORT}" for each in all_services()}


def without_sidecars(suffix: str = "") -> dict[str, str]:
    """Return where the edge finds services without sidecars; `suffix` completes their names."""
    return {each.name: f"{each.name}{suffix}:{each.port}" for each in all_services()}


def edge_config(
    site: Site,
    addresses: Mapping[str, str],
    certificates: str = TLS_DIR,
    denials_log: str | None = None,
) -> EdgeConfig:
    """Return the edge's configuration in a container, before services at `addresses`."""
    # Sidecars take gRPC alone.
    http = {
        each.name: f"{addresses[each.name].rpartition(':')[0]}:{each.http_port}"
        for each in all_services()
        if each.http_port is not None
    }
    return EdgeConfig(
        listen_host=ANYWHERE,
        listen_port=EDGE_PORT,
        stats_port=STATS_PORT,
        backends=backends_at(addresses),
        json_backends=json_backends_at(http),
        descriptor_path=f"{GENERATED}/descriptor.pb",
        openapi_path=f"{GENERATED}/openapi.json",
        docs_path=f"{GENERATED}/docs.html",
        certificates=certificates,
        otlp_collector=COLLECTOR,
        trace_percent=site.trace_percent,
        issuers=(embedded_issuer(site.issuer_url), *site.issuers),
        identity_http=http[IDENTITY.name],
        media_http=http[MEDIA.name],
        public_reads=site.public_reads,
        cors_origins=site.cors_origins,
        first_party_clients=site.first_party_clients,
        trusted_hops=site.trusted_hops,
        denials_log_path=denials_log,
    )


def to_yaml(*documents: Document) -> str:
    """Render documents as one file, the same text each time."""
    texts = (plain_yaml(each, width=100) for each in documents)
    return HEADER + "---\n".join(texts)
