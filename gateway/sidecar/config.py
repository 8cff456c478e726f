"""What varies between sidecars."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from gateway.envoy.admin import DEFAULT_ADMIN_SOCKET
from gateway.envoy.config import own_contracts
from gateway.envoy.contracts import Contracts
from gateway.envoy.upstreams import MAX_REQUESTS

__all__ = ["Locality", "Replica", "SidecarConfig"]


@dataclass(frozen=True, slots=True)
class Locality:
    """Where a replica runs; empty where nobody says."""

    region: str = ""
    zone: str = ""


@dataclass(frozen=True, slots=True)
class Replica:
    """The inbound side of a sibling's sidecar, or of several that share a name and a locality."""

    address: str
    """`host:port`; each address that a name has is a replica."""
    locality: Locality = Locality()


@dataclass(frozen=True, slots=True, kw_only=True)
class SidecarConfig:
    """One sidecar. Addresses are `host:port`, port 0 lets the system choose; paths are Envoy's.

    The two that the service alone uses may be `unix:/path`, on a machine that others use too.
    """

    service: str
    behind: str
    """Where the service listens: loopback, in plaintext."""
    inbound: str
    """Where others reach the service."""
    outbound: str
    """Where the service reaches its siblings: loopback."""
    siblings: Mapping[str, Sequence[Replica]]
    """Replicas of each service that this one calls; others are ignored."""
    certificates: str
    """Folder of certificates, with the secrets' files beside them."""
    locality: Locality = Locality()
    admin_socket: str = DEFAULT_ADMIN_SOCKET
    otlp_collector: str | None = None
    """`host:port` of an OTLP gRPC collector; without one, trace context passes as it came."""
    access_log_path: str = "/dev/stdout"
    denials_log_path: str | None = None
    """Another log, of calls that were refused, for the service's audit log; None writes none."""
    max_requests: int = MAX_REQUESTS
    """Calls under way, to the service and to each sibling; one more is refused."""
    ejection_s: float = 10.0
    """First time that a failing replica is left out for; longer each time. Long enough to restart
    a process."""
    contracts: Contracts = field(default_factory=own_contracts)
