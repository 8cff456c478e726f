"""The names in certificates: one for each process that calls or is called."""

from typing import Final

from services.platform.specs import all_specs
from services.platform.specs.discovery import GATEWAY

__all__ = [
    "EDGE",
    "GATEWAY",
    "IDENTITIES",
    "OPERATOR",
    "TRUST_DOMAIN",
    "name_in",
    "server_name",
    "spiffe_id",
]

TRUST_DOMAIN: Final = "aviary.local"
EDGE: Final = "edge"
"""Envoy, on behalf of everybody outside."""
OPERATOR: Final = "operator"
"""A person at a command line."""
IDENTITIES: Final = tuple(dict.fromkeys((*all_specs(), EDGE, OPERATOR)))

_PREFIX = f"spiffe://{TRUST_DOMAIN}/"


def spiffe_id(name: str) -> str:
    """Return the URI that names a process in its certificate; its peers check it."""
    return _PREFIX + name


def name_in(spiffe_id: str) -> str | None:
    """Return the name that a URI gives, None where it is of another trust domain."""
    return spiffe_id.removeprefix(_PREFIX) if spiffe_id.startswith(_PREFIX) else None


def server_name(name: str) -> str:
    """Return the DNS name in a process's certificate.

    It resolves nowhere. gRPC's clients check DNS names only, and the address they dial says
    nothing of who should be there (on a laptop it is 127.0.0.1 for all).
    """
    return f"{name}.aviary.internal"
