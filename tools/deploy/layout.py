"""Names, paths and ports that images, manifests and the compose file share."""

from pathlib import Path
from typing import Any, Final

import yaml

from gateway.edge import EdgeConfig
from services.rpc.server import DEFAULT_GRACE_S
from tools.deploy.facts import all_services

__all__ = [
    "COLLECTOR",
    "DEPLOY",
    "DRAIN_DELAY_S",
    "DRAIN_S",
    "EDGE_PORT",
    "GENERATED",
    "HEADER",
    "PROBE_PORT",
    "ROOT",
    "SIGNING_KEYS_FILE",
    "STOP_S",
    "TLS_DIR",
    "USER",
    "Document",
    "edge_config",
    "listening",
    "security",
    "siblings",
    "to_yaml",
]

Document = dict[str, Any]
ROOT: Final = Path(__file__).resolve().parents[2]
DEPLOY: Final = ROOT / "deploy"
HEADER: Final = "# Made by `make generate` from tools/deploy/; do not edit.\n"

USER: Final = 10001
"""Of both images; no name is needed for it."""
TLS_DIR: Final = "/etc/aviary/tls"
SIGNING_KEYS_FILE: Final = "/etc/aviary/signing/signing.keys"
GENERATED: Final = "/usr/share/aviary"
"""Where the Envoy image has the descriptor, the document and its page."""

PROBE_PORT: Final = 8081
EDGE_PORT: Final = 8080
EDGE_ADMIN_PORT: Final = 9901
COLLECTOR: Final = "collector:4317"
"""An OTLP collector by this name, in the same namespace or compose project."""

DRAIN_DELAY_S: Final = 5
"""What endpoints take to leave every client's list; calls that still come are answered."""
CLOSING_S: Final = 15
"""For relays and consumers to put down what they hold, after the calls have ended."""
DRAIN_S: Final = int(DEFAULT_GRACE_S) + CLOSING_S
"""From SIGTERM to the end."""
STOP_S: Final = DRAIN_DELAY_S + DRAIN_S
"""From the order to stop to the kill."""


def siblings() -> dict[str, str]:
    """Return the variables that tell where services are: each is a name that resolves."""
    return {
        f"AVIARY_{each.name.upper()}_ADDRESS": f"{each.name}:{each.port}" for each in all_services()
    }


def listening(name: str) -> dict[str, str]:
    """Return the variables that tell a service where to listen, in place of its own name."""
    (service,) = (each for each in all_services() if each.name == name)
    variables = {f"AVIARY_{name.upper()}_ADDRESS": f"0.0.0.0:{service.port}"}
    if service.http_port is not None:
        variables[f"AVIARY_{name.upper()}_HTTP_ADDRESS"] = f"0.0.0.0:{service.http_port}"
    return variables


def edge_config(certificates: str = TLS_DIR) -> EdgeConfig:
    """Return the edge's configuration in a container."""
    return EdgeConfig(
        listen_host="0.0.0.0",  # noqa: S104 - a container's own address is not known here
        listen_port=EDGE_PORT,
        admin_port=EDGE_ADMIN_PORT,
        backends={each.name: f"{each.name}:{each.port}" for each in all_services()},
        descriptor_path=f"{GENERATED}/descriptor.pb",
        openapi_path=f"{GENERATED}/openapi.json",
        docs_path=f"{GENERATED}/docs.html",
        certificates=certificates,
        otlp_collector=COLLECTOR,
    )


def security() -> dict[str, str]:
    """Return the variables that tell where certificates and signing keys are mounted."""
    return {"AVIARY_TLS_DIR": TLS_DIR, "AVIARY_SIGNING_KEYS_FILE": SIGNING_KEYS_FILE}


class _PlainDumper(yaml.SafeDumper):
    """Writes shared values out in full, where PyYAML would write anchors."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - PyYAML's signature
        return True


def to_yaml(*documents: Document) -> str:
    """Render documents as one file, the same text each time."""
    texts = (yaml.dump(each, Dumper=_PlainDumper, sort_keys=False, width=100) for each in documents)
    return HEADER + "---\n".join(texts)
