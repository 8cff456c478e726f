"""Everything a process reads from its environment, read once and checked at start.

A bad value stops the process before it binds a port: `SettingsError` names the variable, what it
got and what it wanted. Nothing else in Aviary reads the environment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Literal, Self, cast

from services.platform.config.environment import MAX_PORT, SettingsError, Variables
from services.platform.config.secret_keys import Secret
from services.platform.config.signing_keys import SigningKey
from services.platform.specs import all_specs

__all__ = [
    "DEFAULT_ADDRESSES",
    "DEFAULT_DATA_DIR",
    "DEFAULT_IDENTITY_HTTP_ADDRESS",
    "DEFAULT_ISSUER_URL",
    "MAX_PORT",
    "AuditTo",
    "Bus",
    "LogLevel",
    "Schema",
    "Settings",
    "SettingsError",
    "Storage",
]

Storage = Literal["sqlite", "bigtable"]
Bus = Literal["valkey", "pubsub"]
IdClock = Literal["checked", "trusted"]
Schema = Literal["make", "given"]
AuditTo = Literal["files", "log"]
LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {spec.name: spec.address for spec in all_specs().values()}
)
"""Service to the `host:port` it listens on and its siblings dial; loopback, so a laptop needs none
of the variables."""

DEFAULT_DATA_DIR = ".data"
DEFAULT_EDGE_PORT = 8080
DEFAULT_IDENTITY_HTTP_ADDRESS = all_specs()["identity"].http_address or ""
# Where the edge is on a laptop; an issuer's name must be the same for all who read its tokens.
DEFAULT_ISSUER_URL = "http://127.0.0.1:8080"
# Two servers, because the bus must keep what it holds and the cache must be free to evict.
DEFAULT_BUS_VALKEY_URL = "redis://127.0.0.1:6379/0"
DEFAULT_CACHE_VALKEY_URL = "redis://127.0.0.1:6380/0"
# Followers. Above this a tweet is merged in at read time: one write to half a million hot lists
# would hold up everybody else's fanout.
DEFAULT_CELEBRITY_THRESHOLD = 500_000
# Seconds. Well above any handler's time; what a crashed process had in hand waits this long.
DEFAULT_BUS_VISIBILITY_S = 30
# What Pub/Sub takes as an ack deadline.
MIN_BUS_VISIBILITY_S = 10
MAX_BUS_VISIBILITY_S = 600
# Bytes: AES-256 takes exactly so many.
IDENTITY_KEY_BYTES = 32
# Bytes. Beyond guessing.
MIN_SECRET_BYTES = 16
# Bytes. Cursors carry a 128-bit signature, and a key shorter than that would be what one guesses.
MIN_CURSOR_KEY_BYTES = 16


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """One process's settings. A variable that is unset or empty takes its default."""

    data_dir: Path
    storage: Storage
    bus: Bus
    edge_port: int
    # URLs may hold a password. One of a node of a cluster says so: `?cluster=true`.
    bus_valkey_url: str = field(repr=False)
    cache_valkey_url: str = field(repr=False)
    bus_visibility_s: int
    """Seconds after which a message comes again that was received and not acked."""
    addresses: Mapping[str, str]
    """Service name to `host:port` or `unix:/path`, for each name in `DEFAULT_ADDRESSES`."""
    tls_dir: Path | None
    """Certificates of this process, its siblings' and callers' authorities; None is plaintext."""
    sidecar: bool
    """Whether this process's sidecar has the certificates, and is believed about callers."""
    signing_keys: Sequence[SigningKey] = field(repr=False)
    signing_keys_file: Path | None
    """Holds the same, and is followed when it changes. With neither, requests are not signed."""
    nonce_valkey_url: str = field(repr=False)
    """Remembers signed requests for minutes; one that evicts (a cache) lets them be replayed."""
    celebrity_threshold: int
    """Followers from which an author's tweets are merged at read time, not fanned out."""
    cursor_key: Secret
    """Signs page cursors; without one, one is made that lives with the process."""
    first_party_clients: tuple[str, ...]
    """Client ids of the operator's own apps, which everybody uses: no limits for them as apps."""
    challenge_key: Secret
    """Signs challenges of proof of work; as above. Gateways that share callers share it."""
    identity_http_address: str
    """`host:port` of the issuer's HTTP listener, which the edge dials."""
    identity_tls_dir: Path | None
    """Certificates of that listener: `tls_dir`, or told where a sidecar has the rest."""
    issuer_url: str
    """The issuer's public URL, as in its tokens' `iss`: the edge's, without a path."""
    identity_key: Secret
    """Seals the issuer's private keys; without one, a file of `data_dir` keeps one."""
    operator_secret: Secret
    """Of the operator's client; without one, there is no such client."""
    public_reads: bool
    """Whether the edge lets callers without a token read what is public."""
    edge_limits: bool
    """Whether the edge limits rates; off for what drives it from one address."""
    trusted_issuers: Path | None
    """A JSON file of further issuers for the edge, as `tokens.issuers.read_issuers` takes it."""
    audit: AuditTo
    """Where this process's audit log goes: files in `data_dir`, or its other log lines."""
    edge_denials_log: Path | None
    """Where the edge on this machine writes what it decided, for the audit log; None: nowhere."""
    sidecar_denials_log: Path | None
    """Where this process's sidecar writes what it refused; None: nowhere, or there is none."""
    gcp_project: str | None
    bigtable_instance: str | None
    bigtable_app_profile: str | None
    """Says which cluster takes the calls; None is the instance's own default."""
    schema: Schema
    """Whether processes make the tables, topics and subscriptions that are missing."""
    log_level: LogLevel
    otlp_endpoint: str | None
    """`http://host:port` of an OTLP gRPC collector; None exports nothing."""
    metrics_address: str | None = None
    """`host:port` where Prometheus fetches this process's metrics; None serves none."""
    probe_address: str | None = None
    """`host:port` that answers health checks in plaintext, for a kubelet; None has none."""
    id_clock: IdClock = "checked"
    """Whether the id service leases by a clock that is far behind the windows leased before."""
    flags_file: Path | None = None
    """JSON or YAML file of feature flags; None leaves them all unset."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read `env` (`os.environ` in a process); raises SettingsError at the first bad value."""
        variables = Variables(env)
        storage = cast("Storage", variables.choice("AVIARY_STORAGE", "sqlite", "bigtable"))
        bus = cast("Bus", variables.choice("AVIARY_BUS", "valkey", "pubsub"))
        gcp_project = variables.text("AVIARY_GCP_PROJECT")
        bigtable_instance = variables.text("AVIARY_BIGTABLE_INSTANCE")
        if gcp_project is None and (storage == "bigtable" or bus == "pubsub"):
            raise SettingsError(
                "AVIARY_GCP_PROJECT",
                got="",
                wanted="a project id, since AVIARY_STORAGE=bigtable or AVIARY_BUS=pubsub",
            )
        if bigtable_instance is None and storage == "bigtable":
            raise SettingsError(
                "AVIARY_BIGTABLE_INSTANCE",
                got="",
                wanted="an instance id, since AVIARY_STORAGE=bigtable",
            )
        addresses = {
            spec.name: variables.service_address(spec.address_variable, spec.address)
            for spec in all_specs().values()
        }
        tls_dir = variables.tls_dir(addresses)
        identity_http_address = variables.address(
            "AVIARY_IDENTITY_HTTP_ADDRESS", DEFAULT_IDENTITY_HTTP_ADDRESS
        )
        bus_valkey_url = variables.valkey_url("AVIARY_BUS_VALKEY_URL", DEFAULT_BUS_VALKEY_URL)
        cache_valkey_url = variables.valkey_url("AVIARY_CACHE_VALKEY_URL", DEFAULT_CACHE_VALKEY_URL)
        return cls(
            data_dir=Path(variables.text("AVIARY_DATA_DIR") or DEFAULT_DATA_DIR),
            storage=storage,
            bus=bus,
            edge_port=variables.integer(
                "AVIARY_EDGE_PORT", DEFAULT_EDGE_PORT, least=0, most=MAX_PORT
            ),
            bus_valkey_url=bus_valkey_url,
            cache_valkey_url=cache_valkey_url,
            bus_visibility_s=variables.integer(
                "AVIARY_BUS_VISIBILITY_S",
                DEFAULT_BUS_VISIBILITY_S,
                least=MIN_BUS_VISIBILITY_S,
                most=MAX_BUS_VISIBILITY_S,
            ),
            addresses=MappingProxyType(addresses),
            tls_dir=tls_dir,
            sidecar=variables.sidecar("AVIARY_SIDECAR", addresses),
            signing_keys=variables.signing_keys("AVIARY_SIGNING_KEYS"),
            signing_keys_file=variables.path("AVIARY_SIGNING_KEYS_FILE"),
            nonce_valkey_url=variables.valkey_url(
                # The bus's server keeps what it holds, where there is one.
                "AVIARY_NONCE_VALKEY_URL",
                bus_valkey_url if bus == "valkey" else cache_valkey_url,
            ),
            celebrity_threshold=variables.integer(
                "AVIARY_CELEBRITY_THRESHOLD", DEFAULT_CELEBRITY_THRESHOLD, least=1
            ),
            cursor_key=variables.secret("AVIARY_CURSOR_KEY", MIN_CURSOR_KEY_BYTES),
            first_party_clients=variables.names("AVIARY_FIRST_PARTY_CLIENTS"),
            challenge_key=variables.secret("AVIARY_CHALLENGE_KEY", MIN_CURSOR_KEY_BYTES),
            identity_http_address=identity_http_address,
            identity_tls_dir=variables.identity_tls_dir(identity_http_address, tls_dir),
            issuer_url=variables.origin("AVIARY_ISSUER_URL", DEFAULT_ISSUER_URL),
            identity_key=variables.secret(
                "AVIARY_IDENTITY_KEY", IDENTITY_KEY_BYTES, most_bytes=IDENTITY_KEY_BYTES
            ),
            operator_secret=variables.secret("AVIARY_OPERATOR_SECRET", MIN_SECRET_BYTES),
            public_reads=variables.choice("AVIARY_PUBLIC_READS", "off", "on") == "on",
            edge_limits=variables.choice("AVIARY_EDGE_LIMITS", "on", "off") == "on",
            trusted_issuers=variables.path("AVIARY_TRUSTED_ISSUERS"),
            # A process that keeps nothing else on its disk most likely loses it with its container.
            audit=cast("AuditTo", variables.choice("AVIARY_AUDIT", *_audit_choices(storage))),
            edge_denials_log=variables.path("AVIARY_EDGE_DENIALS_LOG"),
            sidecar_denials_log=variables.path("AVIARY_SIDECAR_DENIALS_LOG"),
            gcp_project=gcp_project,
            bigtable_instance=bigtable_instance,
            bigtable_app_profile=variables.text("AVIARY_BIGTABLE_APP_PROFILE"),
            schema=_schema(variables, storage, bus),
            log_level=cast(
                "LogLevel",
                variables.choice("AVIARY_LOG_LEVEL", "info", "debug", "warning", "error"),
            ),
            otlp_endpoint=variables.http_url("OTEL_EXPORTER_OTLP_ENDPOINT"),
            metrics_address=variables.optional_address("AVIARY_METRICS_ADDRESS"),
            probe_address=variables.optional_address("AVIARY_PROBE_ADDRESS"),
            id_clock=cast("IdClock", variables.choice("AVIARY_ID_CLOCK", "checked", "trusted")),
            flags_file=variables.path("AVIARY_FLAGS_FILE"),
        )


def _schema(variables: Variables, storage: Storage, bus: Bus) -> Schema:
    schema = cast("Schema", variables.choice("AVIARY_SCHEMA", "make", "given"))
    if schema == "given" and (storage, bus) == ("sqlite", "valkey"):
        raise SettingsError(
            "AVIARY_SCHEMA", got=schema, wanted="make: nobody else makes it in SQLite and Valkey"
        )
    return schema


def _audit_choices(storage: Storage) -> tuple[AuditTo, AuditTo]:
    """Return the default, and the other."""
    return ("files", "log") if storage == "sqlite" else ("log", "files")
