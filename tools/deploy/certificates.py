"""Certificates that cert-manager makes, as `aviary certs` makes them for development."""

from typing import Final

from services.platform.security.certificates.authority import LEAF_LIFE, RENEW_AFTER
from services.platform.security.identities import EDGE, OPERATOR, server_name, spiffe_id
from tools.deploy.facts import all_services
from tools.deploy.layout import Document
from tools.deploy.pods import certificate_secret
from tools.deploy.workloads import selector

__all__ = ["ISSUER", "certificates"]

ISSUER: Final = "aviary-mesh"
"""A ClusterIssuer, whose key and kind are the site's own choice."""
SECONDS_AN_HOUR: Final = 3600


def certificates() -> list[Document]:
    """Build a certificate for each process that calls or is called."""
    return [_certificate(name) for name in (*(s.name for s in all_services()), EDGE, OPERATOR)]


def _certificate(name: str) -> Document:
    life = int(LEAF_LIFE.total_seconds()) // SECONDS_AN_HOUR
    return {
        "apiVersion": "cert-manager.io/v1",
        "kind": "Certificate",
        "metadata": {"name": name, "labels": selector(name)},
        "spec": {
            "secretName": certificate_secret(name),
            "issuerRef": {"name": ISSUER, "kind": "ClusterIssuer"},
            "commonName": name,
            "uris": [spiffe_id(name)],
            "dnsNames": [server_name(name)],
            "usages": ["digital signature", "server auth", "client auth"],
            "privateKey": {
                "algorithm": "ECDSA",
                "size": 256,
                "encoding": "PKCS8",
                "rotationPolicy": "Always",
            },
            # In Go's own spelling, so that a cluster keeps what was asked of it.
            "duration": f"{life}h0m0s",
            "renewBefore": f"{life - int(life * RENEW_AFTER)}h0m0s",
        },
    }
