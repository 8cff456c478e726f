"""What to start, where each listens, and the environment of each."""

import os
import secrets
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from services.identity.spec import SPEC as IDENTITY
from services.local import emulators
from services.local.addresses import Addresses, by_service
from services.local.child import Child
from services.local.edge import EdgePorts, IssuerAt, Reached, collector, denials_log, edge
from services.local.errors import StartError
from services.local.forking import Forks
from services.local.operator_file import keep_operator
from services.local.own_files import CHALLENGE_KEY_FILE, CURSOR_KEY_FILE, OPERATOR_SECRET_FILE
from services.local.readiness import HOST
from services.local.restarts import count_restarts
from services.local.scale import Replica, replicas
from services.local.sidecars import Sidecars
from services.local.signs import Beats
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
from services.platform.specs.discovery import GATEWAY

__all__ = ["EDGE_ADMIN", "Plan", "Where", "on_emulators", "on_this_machine"]

KEY_BYTES = 32
SIGNING_KEYS = ("AVIARY_SIGNING_KEYS", "AVIARY_SIGNING_KEYS_FILE")
NONCE_URL = "AVIARY_NONCE_VALKEY_URL"
CHALLENGE_KEY = "AVIARY_CHALLENGE_KEY"
WEB_REDIRECT_URIS = "AVIARY_WEB_REDIRECT_URIS"
OPERATOR_SECRET = "AVIARY_OPERATOR_SECRET"  # noqa: S105 - a name
RESOURCE = "OTEL_RESOURCE_ATTRIBUTES"
EDGE_DENIALS_LOG = "AVIARY_EDGE_DENIALS_LOG"


EDGE_ADMIN = "edge.admin"
"""The socket of the edge's admin interface."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Children in groups: each group needs the ones before it."""

    engines: Sequence[Child]
    services: Sequence[Child]
    edge: Child
    metrics: Mapping[str, str]
    """Where each service, and the edge, serves its metrics to Prometheus: `host:port`, or several
    with commas between, of a service that has as many processes."""
    addresses: Mapping[str, str]
    """The same of each service for all but itself: of its sidecars, where there are some."""
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
    forks: Forks | None = None
    """Of what services are forks; None where they are programs of their own."""
    scale: Mapping[str, int] = field(default_factory=dict)
    """Processes of each service; one of those that are not here."""


def on_this_machine(where: Where) -> Plan:
    """SQLite, which is no process, and two Valkeys: the bus and the cache; raises `StartError`."""
    data_dir = where.data_dir
    ports, (bus_port, cache_port, nonce_port) = Addresses.with_engines(3, replicas(where.scale))
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
    ports, (bigtable_port, pubsub_port, cache_port, nonce_port) = Addresses.with_engines(
        4, replicas(where.scale)
    )
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


def _plan(where: Where, ports: Addresses, engines: Sequence[Child], env: Mapping[str, str]) -> Plan:
    """Plan everything above the engines, which `env` names."""
    sidecars = _sidecars(where, ports)
    issuer = IssuerAt(f"http://{HOST}:{where.edge_port}", ports.http_addresses[IDENTITY.name])
    reached = by_service(ports.services)
    # Operators' commands keep theirs there too, on either engine.
    env = {**env, "AVIARY_AUDIT": "files"}
    # Commands sign nothing that they would need a nonce for; and its server may be another's.
    stores = {name: value for name, value in env.items() if name != NONCE_URL}
    operator = keep_operator(where.data_dir, issuer.url, stores)
    secret = _operator_secret(where.data_dir, operator.client_secret)
    issuing = {"AVIARY_ISSUER_URL": issuer.url, **_web_client(where.edge_port)}
    services = _services(where, ports, {**env, **issuing}, secret, sidecars)
    edge_metrics = int(ports.edge_metrics.rpartition(":")[2])
    plan = Plan(
        engines,
        services,
        edge(
            where.data_dir,
            where.certificates,
            EdgePorts(where.edge_port, where.sockets / EDGE_ADMIN, edge_metrics),
            Reached(reached, ports.http_addresses),
            issuer,
        ),
        ports.metrics_addresses,
        reached,
        () if sidecars is None else sidecars.children(where.data_dir, collector()),
    )
    count_restarts([child for group in plan.groups for child in group])
    return plan


def _operator_secret(data_dir: Path, secret: str) -> Mapping[str, str]:
    """Write it into a file; give the environment of those that read it, the issuer alone."""
    path = data_dir / OPERATOR_SECRET_FILE
    write_whole(path, secret.encode())
    return {OPERATOR_SECRET: "", f"{OPERATOR_SECRET}_FILE": str(path)}


def _sidecars(where: Where, ports: Addresses) -> Sidecars | None:
    if not where.sidecars:
        return None
    if where.certificates is None:
        raise StartError("sidecars talk by certificates: unset AVIARY_TLS=off")
    return Sidecars.on(ports.services, where.certificates, where.sockets)


def _services(
    where: Where,
    ports: Addresses,
    engines: Mapping[str, str],
    operator_secret: Mapping[str, str],
    sidecars: Sidecars | None,
) -> list[Child]:
    data_dir, certificates, specs = where.data_dir, where.certificates, all_specs()
    given = {
        OPERATOR_SECRET: operator_secret,
        CHALLENGE_KEY: _kept_key(data_dir, CHALLENGE_KEY, CHALLENGE_KEY_FILE),
    }
    env = {
        **{specs[name].address_variable: at for name, at in by_service(ports.services).items()},
        "AVIARY_DATA_DIR": str(data_dir),
        **_kept_key(data_dir, "AVIARY_CURSOR_KEY", CURSOR_KEY_FILE),
        **({} if certificates is None else {"AVIARY_TLS_DIR": str(certificates)}),
        **engines,
    }
    children = []
    for replica, address in (ports.services if sidecars is None else sidecars.behind).items():
        spec, beats = specs[replica.service], Beats.new(replica.name)
        # A log of another's has one reader, or each entry would be recorded as often.
        reads_denials = replica == Replica(GATEWAY, 1)
        own = {
            **env,
            **{name: value for each in spec.secrets for name, value in given.get(each, {}).items()},
            **({} if sidecars is None else sidecars.environment(replica, data_dir)),
            spec.address_variable: address,
            **({spec.http_address_variable: ports.http[replica]} if replica in ports.http else {}),
            **({EDGE_DENIALS_LOG: str(denials_log(data_dir))} if reads_denials else {}),
            "AVIARY_METRICS_ADDRESS": ports.metrics[replica],
            RESOURCE: _told_apart(replica),
            "AVIARY_HEARTBEAT_FILE": str(beats.path),
        }
        argv = [where.python, "-m", "services", replica.service]
        log = data_dir / "logs" / f"{replica.name}.log"
        listens, forks = _listens(address), where.forks
        children.append(
            Child(
                replica.name,
                listens,
                argv,
                log,
                own,
                hurries=True,
                # The edge has ended before: nobody is left who would have to call another.
                ends_at=signal.SIGINT,
                forks=forks,
                sign=beats,
            )
        )
    return children


def _told_apart(replica: Replica) -> str:
    """Give a process's telemetry its own name besides the service's, unless somebody has."""
    given = os.environ.get(RESOURCE, "")
    own = f"service.instance.id={replica.name}"
    return given if "service.instance.id=" in given else ",".join(filter(None, (given, own)))


def _web_client(edge_port: int) -> Mapping[str, str]:
    """Have the issuer know the web client that this edge serves, unless others say where it is."""
    if os.environ.get(WEB_REDIRECT_URIS):
        return {}
    hosts = (HOST, "localhost")
    return {WEB_REDIRECT_URIS: ",".join(f"http://{host}:{edge_port}/callback" for host in hosts)}


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
