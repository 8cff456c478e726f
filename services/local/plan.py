"""What to start, where each listens, and the environment of each."""

import os
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from services.identity.spec import SPEC as IDENTITY
from services.local import emulators
from services.local.child import Child
from services.local.edge import EdgePorts, IssuerAt, Reached, collector, denials_log, edge
from services.local.errors import StartError
from services.local.operator_file import keep_operator
from services.local.own_files import CHALLENGE_KEY_FILE, CURSOR_KEY_FILE, OPERATOR_SECRET_FILE
from services.local.readiness import HOST, free_ports
from services.local.sidecars import Sidecars
from services.local.valkeys import (
    BUS_OPTIONS,
    CACHE_OPTIONS,
    NONCE_OPTIONS,
    url,
    valkey,
)
from services.platform.config.values import UNIX
from services.platform.files.whole_file import write_whole
from services.platform.specs import all_specs

__all__ = ["EDGE_ADMIN", "Plan", "Where", "on_emulators", "on_this_machine"]

KEY_BYTES = 32
SIGNING_KEYS = ("AVIARY_SIGNING_KEYS", "AVIARY_SIGNING_KEYS_FILE")
NONCE_URL = "AVIARY_NONCE_VALKEY_URL"
CHALLENGE_KEY = "AVIARY_CHALLENGE_KEY"
OPERATOR_SECRET = "AVIARY_OPERATOR_SECRET"  # noqa: S105 - a name


EDGE = "edge"
EDGE_ADMIN = "edge.admin"
"""The socket of the edge's admin interface."""


@dataclass(frozen=True, slots=True)
class _Ports:
    """Where everything but the engines listens."""

    services: Mapping[str, int]
    """By service: its own, or its sidecar's."""
    http: Mapping[str, int]
    """By service that speaks HTTP to the edge as well."""
    metrics: Mapping[str, int]
    """By service, and the edge's."""

    @property
    def own_addresses(self) -> Mapping[str, str]:
        return {name: f"{HOST}:{port}" for name, port in self.services.items()}

    @property
    def http_addresses(self) -> Mapping[str, str]:
        return {name: f"{HOST}:{port}" for name, port in self.http.items()}

    @property
    def metrics_addresses(self) -> Mapping[str, str]:
        return {name: f"{HOST}:{port}" for name, port in self.metrics.items()}

    @classmethod
    def with_engines(cls, engines: int) -> tuple[Self, list[int]]:
        """Hand out free ports; also to so many engines."""
        specs = all_specs().values()
        http = [spec.name for spec in specs if spec.http_port is not None]
        scraped = [*all_specs(), EDGE]
        ports = free_ports(engines + len(specs) + len(http) + len(scraped))
        return cls(
            {spec.name: ports.pop() for spec in specs},
            {name: ports.pop() for name in http},
            {name: ports.pop() for name in scraped},
        ), ports


@dataclass(frozen=True, slots=True)
class Plan:
    """Children in groups: each group needs the ones before it."""

    engines: Sequence[Child]
    services: Sequence[Child]
    edge: Child
    metrics: Mapping[str, str]
    """Where each service, and the edge, serves its metrics to Prometheus: `host:port`."""
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
    sockets: Path
    """Folder of Unix sockets: of Envoys' admin interfaces, and between services and sidecars."""
    edge_port: int
    python: str
    """The interpreter of the services."""
    certificates: Path | None
    """Folder of everybody's certificates; None is plaintext."""
    sidecars: bool = False
    """Whether each service is behind a sidecar; then there must be certificates."""


def on_this_machine(where: Where) -> Plan:
    """SQLite, which is no process, and two Valkeys: the bus and the cache; raises `StartError`."""
    data_dir = where.data_dir
    ports, (bus_port, cache_port, nonce_port) = _Ports.with_engines(3)
    engines = [
        valkey("bus", bus_port, data_dir, BUS_OPTIONS),
        valkey("cache", cache_port, data_dir, CACHE_OPTIONS),
        *_nonces(nonce_port, data_dir),
    ]
    env = {
        "AVIARY_BUS_VALKEY_URL": url("bus", bus_port, data_dir),
        "AVIARY_CACHE_VALKEY_URL": url("cache", cache_port, data_dir),
        NONCE_URL: _nonce_url(nonce_port, data_dir),
    }
    return _plan(where, ports, engines, env)


def on_emulators(where: Where, when_lost: Callable[[str], None]) -> Plan:
    """Bigtable and Pub/Sub as Google emulates them, and the cache; raises `StartError`.

    `when_lost` is called when an emulator dies: one started anew would be empty.
    """
    emulators.require_clients()
    sdk = emulators.sdk_root()
    ports, (bigtable_port, pubsub_port, cache_port, nonce_port) = _Ports.with_engines(4)
    bigtable = emulators.bigtable_argv(sdk, bigtable_port)
    pubsub = emulators.pubsub_argv(sdk, pubsub_port)
    data_dir, logs = where.data_dir, where.data_dir / "logs"
    engines = [
        Child("bigtable", bigtable_port, bigtable, logs / "bigtable.log", when_lost=when_lost),
        Child("pubsub", pubsub_port, pubsub, logs / "pubsub.log", when_lost=when_lost),
        valkey("cache", cache_port, data_dir, CACHE_OPTIONS),
        *_nonces(nonce_port, data_dir),
    ]
    env = {
        "AVIARY_CACHE_VALKEY_URL": url("cache", cache_port, data_dir),
        NONCE_URL: _nonce_url(nonce_port, data_dir),
        **emulators.environment(bigtable_port, pubsub_port),
    }
    return _plan(where, ports, engines, env)


def _plan(where: Where, ports: _Ports, engines: Sequence[Child], env: Mapping[str, str]) -> Plan:
    """Plan everything above the engines, which `env` names."""
    sidecars = _sidecars(where, ports.services)
    own = ports.own_addresses if sidecars is None else sidecars.behind
    issuer = IssuerAt(f"http://{HOST}:{where.edge_port}", ports.http_addresses[IDENTITY.name])
    reached = own if sidecars is None else sidecars.inbound
    # Operators' commands keep theirs there too, on either engine.
    env = {**env, "AVIARY_AUDIT": "files"}
    services = _services(where, ports, own, {**env, "AVIARY_ISSUER_URL": issuer.url}, sidecars)
    # Commands sign nothing that they would need a nonce for; and its server may be another's.
    stores = {name: value for name, value in env.items() if name != NONCE_URL}
    operator = keep_operator(where.data_dir, issuer.url, stores)
    _hand_over_operator_secret(services, where.data_dir, operator.client_secret)
    ports_of_edge = EdgePorts(where.edge_port, where.sockets / EDGE_ADMIN, ports.metrics[EDGE])
    return Plan(
        engines,
        services,
        edge(
            where.data_dir,
            where.certificates,
            ports_of_edge,
            Reached(reached, ports.http_addresses),
            issuer,
        ),
        ports.metrics_addresses,
        reached,
        () if sidecars is None else sidecars.children(where.data_dir, collector()),
    )


def _hand_over_operator_secret(services: Sequence[Child], data_dir: Path, secret: str) -> None:
    """Write it into a file for the issuer, and for no other process."""
    path = data_dir / OPERATOR_SECRET_FILE
    write_whole(path, secret.encode())
    for child in services:
        if OPERATOR_SECRET in all_specs()[child.name].secrets:
            child.env = {**child.env, OPERATOR_SECRET: "", f"{OPERATOR_SECRET}_FILE": str(path)}


def _sidecars(where: Where, ports: Mapping[str, int]) -> Sidecars | None:
    if not where.sidecars:
        return None
    if where.certificates is None:
        raise StartError("sidecars talk by certificates: unset AVIARY_TLS=off")
    return Sidecars.on(ports, where.certificates, where.sockets)


def _services(
    where: Where,
    ports: _Ports,
    own: Mapping[str, str],
    engines: Mapping[str, str],
    sidecars: Sidecars | None,
) -> list[Child]:
    data_dir, certificates, specs = where.data_dir, where.certificates, all_specs()
    challenge_key = _kept_key(data_dir, CHALLENGE_KEY, CHALLENGE_KEY_FILE)
    env = {
        **{specs[name].address_variable: at for name, at in own.items()},
        **{specs[name].http_address_variable: at for name, at in ports.http_addresses.items()},
        "AVIARY_DATA_DIR": str(data_dir),
        "AVIARY_EDGE_DENIALS_LOG": str(denials_log(data_dir)),
        **_kept_key(data_dir, "AVIARY_CURSOR_KEY", CURSOR_KEY_FILE),
        **({} if certificates is None else {"AVIARY_TLS_DIR": str(certificates)}),
        **engines,
    }
    return [
        Child(
            name,
            _listens(at),
            [where.python, "-m", "services", name],
            data_dir / "logs" / f"{name}.log",
            {
                **env,
                **(challenge_key if CHALLENGE_KEY in specs[name].secrets else {}),
                "AVIARY_METRICS_ADDRESS": ports.metrics_addresses[name],
                **({} if sidecars is None else sidecars.environment(name, data_dir)),
            },
            hurries=True,
        )
        for name, at in own.items()
    ]


def _listens(address: str) -> int | Path:
    """Give the port, or the Unix socket, of an address."""
    if address.startswith(UNIX):
        return Path(address.removeprefix(UNIX))
    return int(address.rpartition(":")[2])


def _kept_key(data_dir: Path, variable: str, file: str) -> Mapping[str, str]:
    """Keep a key in a file, so that what it signs outlives a restart, unless others name one."""
    if os.environ.get(variable) or os.environ.get(f"{variable}_FILE"):
        return {}
    path = data_dir / file
    # An empty one is what a start without room on the disk once left behind.
    if not path.exists() or not path.stat().st_size:
        write_whole(path, secrets.token_hex(KEY_BYTES).encode())
    return {f"{variable}_FILE": str(path)}


def _nonces(port: int, data_dir: Path) -> list[Child]:
    """Plan the server of nonces where requests are signed, and nobody names another."""
    signed = any(os.environ.get(name) for name in SIGNING_KEYS)
    if not signed or os.environ.get(NONCE_URL):
        return []
    return [valkey("nonces", port, data_dir, NONCE_OPTIONS)]


def _nonce_url(port: int, data_dir: Path) -> str:
    return os.environ.get(NONCE_URL) or url("nonces", port, data_dir)
