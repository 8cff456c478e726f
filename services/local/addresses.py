"""Where everything but the engines listens."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from services.local.readiness import HOST, free_ports
from services.local.scale import Replica
from services.platform.config.values import joined
from services.platform.specs import all_specs

__all__ = ["EDGE", "Addresses", "by_service"]

EDGE = "edge"


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addresses, `host:port`, of processes; several of one service are joined for who dials it."""

    services: Mapping[Replica, str]
    """Of each its own, or its sidecar's."""
    http: Mapping[Replica, str]
    """Of those that speak HTTP to the edge as well."""
    metrics: Mapping[Replica, str]
    edge_metrics: str

    @property
    def http_addresses(self) -> Mapping[str, str]:
        """Return where the edge dials each service that speaks HTTP."""
        return by_service(self.http)

    @property
    def metrics_addresses(self) -> Mapping[str, str]:
        """Return where each service, and the edge, serves its metrics."""
        return {**by_service(self.metrics), EDGE: self.edge_metrics}

    @classmethod
    def with_engines(cls, engines: int, replicas: Sequence[Replica]) -> tuple[Self, list[int]]:
        """Hand out free ports; also to so many engines."""
        http = [each for each in replicas if all_specs()[each.service].http_port is not None]
        ports = free_ports(engines + 2 * len(replicas) + len(http) + 1)

        def address() -> str:
            return f"{HOST}:{ports.pop()}"

        return cls(
            {each: address() for each in replicas},
            {each: address() for each in http},
            {each: address() for each in replicas},
            address(),
        ), ports


def by_service(addresses: Mapping[Replica, str]) -> Mapping[str, str]:
    """Join the addresses of each service's processes, in the order of their numbers."""
    found: dict[str, list[str]] = {}
    for replica, address in addresses.items():
        found.setdefault(replica.service, []).append(address)
    return {service: joined(each) for service, each in found.items()}
