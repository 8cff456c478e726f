"""Sidecars as they are deployed: one beside each service's process, in a network of their own."""

from collections.abc import Mapping, Sequence

from gateway.sidecar.config import Locality, Replica, SidecarConfig
from services.platform.specs import all_specs

__all__ = ["CERTIFICATES", "INBOUND_PORT", "OUTBOUND_PORT", "deployed"]

INBOUND_PORT = 8443
OUTBOUND_PORT = 15_001
CERTIFICATES = "/var/run/aviary/tls"


def deployed(
    locality: Locality = Locality(),  # noqa: B008 - it is frozen
    replicas: Mapping[str, Sequence[Replica]] | None = None,
) -> Mapping[str, SidecarConfig]:
    """Return a sidecar for each service, all in one locality.

    A service without `replicas` is found by its own name.
    """
    named = {name: (Replica(f"{name}:{INBOUND_PORT}", locality),) for name in all_specs()}
    siblings: Mapping[str, Sequence[Replica]] = {**named, **(replicas or {})}
    return {
        name: SidecarConfig(
            service=name,
            behind=spec.address,
            inbound=f"0.0.0.0:{INBOUND_PORT}",
            outbound=f"127.0.0.1:{OUTBOUND_PORT}",
            siblings=siblings,
            certificates=CERTIFICATES,
            locality=locality,
        )
        for name, spec in all_specs().items()
    }
