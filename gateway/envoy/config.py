"""What varies between edges."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Final

from gateway.envoy.admin import DEFAULT_ADMIN_SOCKET
from gateway.envoy.contracts import ContractError, Contracts
from gateway.envoy.generated import GENERATED, as_envoy_sees
from services.identity.spec import SPEC as IDENTITY
from services.media.spec import SPEC as MEDIA
from services.platform.config.settings import DEFAULT_ADDRESSES, DEFAULT_ISSUER_URL
from services.platform.specs import ServiceSpec, all_specs, server_of
from services.platform.tokens.issuers import Issuer, embedded_issuer

__all__ = [
    "DEFAULT_STATS_PORT",
    "EdgeConfig",
    "backends_at",
    "json_backends_at",
    "own_contracts",
    "process_of",
    "public_services",
]

DEFAULT_STATS_PORT: Final = 9902
"""Used where the configuration is committed, not where ports are handed out."""


@cache
def own_contracts() -> Contracts:
    """Return the contracts that this source tree, or wheel, was generated with."""
    return Contracts.read(GENERATED / "descriptor.pb")


def public_services(contracts: Contracts | None = None) -> Mapping[str, str]:
    """Return the contracts with public RPCs, by the short name of the backend that serves each.

    A service's first contract goes by the service's name, any other by its own. They come in the
    order of the services' ports. Raises `ContractError` for one that no service declares.
    """
    public = set((contracts or own_contracts()).services)
    found = {
        _short_name(spec, contract): contract
        for spec in all_specs().values()
        for contract in spec.contracts
        if contract in public
    }
    if nobodys := sorted(public.difference(found.values())):
        raise ContractError(f"no service declares to serve {', '.join(nobodys)}")
    return found


def _short_name(spec: ServiceSpec, contract: str) -> str:
    if contract == spec.contracts[0]:
        return spec.name
    return contract.rpartition(".")[2].removesuffix("Service").lower()


def json_backends_at(addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Return where each backend that is read over HTTP is, of services' addresses by their names.

    Services without an address there are left out.
    """
    found = {name: server_of(contract) for name, contract in public_services().items()}
    return {
        name: addresses[spec.name]
        for name, spec in found.items()
        if spec.json_over_http and spec.name in addresses
    }


def process_of(name: str) -> str:
    """Return the name of the service that is the backend of this short name."""
    return server_of(public_services()[name]).name


def backends_at(addresses: Mapping[str, str]) -> Mapping[str, str]:
    """Return the address of each backend by its short name, of services' addresses by theirs."""
    return {
        name: addresses[server_of(contract).name] for name, contract in public_services().items()
    }


def _default_backends() -> Mapping[str, str]:
    return backends_at(DEFAULT_ADDRESSES)


def _default_json_backends() -> Mapping[str, str]:
    http = {name: spec.http_address for name, spec in all_specs().items()}
    return json_backends_at({name: at for name, at in http.items() if at is not None})


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """What varies between edges. Port 0 lets the system choose; paths are as Envoy sees them."""

    listen_port: int = 8080
    listen_host: str = "127.0.0.1"
    admin_socket: str = DEFAULT_ADMIN_SOCKET
    # Short name to host:port; every public service must be here, others are ignored.
    backends: Mapping[str, str] = field(default_factory=_default_backends)
    # The same, of those that answer in JSON over HTTP; what is missing here is asked by gRPC.
    json_backends: Mapping[str, str] = field(default_factory=_default_json_backends)
    descriptor_path: str = as_envoy_sees("descriptor.pb")
    openapi_path: str = as_envoy_sees("openapi.json")
    docs_path: str = as_envoy_sees("docs.html")
    # Folder of the web client, read here too; None serves none.
    web_client: str | None = None
    # What to route and transcode; that of the descriptor.
    contracts: Contracts = field(default_factory=own_contracts)
    # Web pages of which origins (`https://app.example`) may call the API; `*` stands for all.
    cors_origins: Sequence[str] = ()
    # Whose tokens count. With none, only RPCs that anyone may call are open.
    issuers: Sequence[Issuer] = (embedded_issuer(DEFAULT_ISSUER_URL),)
    # host:port of the embedded issuer's HTTP listener; None where there is no such issuer.
    identity_http: str | None = IDENTITY.http_address
    # host:port of the media service's HTTP listener; None where bytes are in a bucket alone.
    media_http: str | None = MEDIA.http_address
    # Whether what the contracts call public reads needs no token.
    public_reads: bool = False
    # For tests of other things: lets everybody in, as anybody. No setting leads here.
    unauthenticated: bool = False
    # Folder of certificates, with the secrets' files beside them; plaintext without one.
    certificates: str | None = None
    # host:port of an OTLP gRPC collector; no tracing without one.
    otlp_collector: str | None = None
    # Of requests, which are recorded as traces. Below 100 the edge alone decides: a client that
    # could ask for its requests to be recorded would undo it.
    trace_percent: int = 100
    access_log_path: str = "/dev/stdout"
    # Rate limits by gateway/limits/table.py; off where a test or benchmark wants the edge bare.
    limits: bool = True
    # A decision of the shared limiter takes about a millisecond. Beyond this it counts as away, and
    # a write is held up no longer.
    decision_timeout: str = "0.5s"
    # The operator's own apps, which everybody uses: they have no budget as apps; their users have.
    first_party_clients: tuple[str, ...] = ()
    # Proxies of ours in front of this edge, each of which adds to X-Forwarded-For. With 0, the
    # default, the address is that of the connection and the header counts for nothing.
    trusted_hops: int = 0
    # Another log, of what was refused and of whose tokens were taken, for the audit log; None
    # writes none.
    denials_log_path: str | None = None
    # Where Prometheus finds the edge's figures, on the listener's host; none without it.
    stats_port: int | None = None
