"""What varies between edges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from gateway.edge.contracts import Contracts
from gateway.edge.generated import GENERATED, as_envoy_sees
from services.settings import DEFAULT_ADDRESSES

__all__ = ["GENERATED", "PUBLIC_SERVICES", "EdgeConfig", "own_contracts"]

PUBLIC_SERVICES: Final[Mapping[str, str]] = {
    "user": "aviary.user.v1.UserService",
    "tweet": "aviary.tweet.v1.TweetService",
    "graph": "aviary.graph.v1.GraphService",
    "timeline": "aviary.timeline.v1.TimelineService",
    "gateway": "aviary.gateway.v1.HealthService",
}
"""The services with annotated RPCs, by the short name of the backend that serves each."""


def _default_backends() -> dict[str, str]:
    return {name: DEFAULT_ADDRESSES[name] for name in PUBLIC_SERVICES}


@cache
def own_contracts() -> Contracts:
    """Return the contracts that this source tree, or wheel, was generated with."""
    return Contracts.read(GENERATED / "descriptor.pb")


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What varies between edges. Port 0 lets the system choose; paths are as Envoy sees them."""

    listen_port: int = 8080
    listen_host: str = "127.0.0.1"
    admin_port: int = 9901
    # Short name to host:port; every public service must be here, others are ignored.
    backends: Mapping[str, str] = field(default_factory=_default_backends)
    descriptor_path: str = as_envoy_sees("descriptor.pb")
    openapi_path: str = as_envoy_sees("openapi.json")
    docs_path: str = as_envoy_sees("docs.html")
    # What to route and transcode; that of the descriptor.
    contracts: Contracts = field(default_factory=own_contracts)
    # Web pages of which origins (`https://app.example`) may call the API; `*` stands for all.
    cors_origins: Sequence[str] = ()
    # Folder of certificates, with the secrets' files beside them; plaintext without one.
    certificates: str | None = None
    # host:port of an OTLP gRPC collector; no tracing without one.
    otlp_collector: str | None = None
    sampling_percent: float = 100.0
    access_log_path: str = "/dev/stdout"
