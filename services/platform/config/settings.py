"""Everything a process reads from its environment, read once and checked at start.

A bad value stops the process before it binds a port: `SettingsError` names the variable, what it
got and what it wanted. Nothing else in Aviary reads the environment.
"""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, model_validator
from pydantic.dataclasses import dataclass

from services.platform.config import rules
from services.platform.config.defaults import (
    DEFAULT_DATA_DIR,
    DEFAULT_EDGE_PORT,
    DEFAULT_ISSUER_URL,
    MAX_PORT,
)
from services.platform.config.environment import CONFIG, Variable, read
from services.platform.config.errors import SettingsError
from services.platform.config.secret_keys import Secret
from services.platform.config.values import (
    Address,
    HttpUrl,
    Names,
    Off,
    On,
    Origin,
    Port,
    SearchUrl,
    ServiceAddress,
    SigningKeys,
    ValkeyUrl,
    hex_key,
    whole_number,
)
from services.platform.specs import all_specs

__all__ = [
    "DEFAULT_ADDRESSES",
    "DEFAULT_DATA_DIR",
    "DEFAULT_EDGE_PORT",
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
LogLevel = Literal["info", "debug", "warning", "error"]

DEFAULT_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {spec.name: spec.address for spec in all_specs().values()}
)
"""Service to the `host:port` it listens on and its siblings dial; loopback, so a laptop needs none
of the variables."""

DEFAULT_IDENTITY_HTTP_ADDRESS: Final = all_specs()["identity"].http_address or ""
DEFAULT_TIMELINE_HTTP_ADDRESS: Final = all_specs()["timeline"].http_address or ""
DEFAULT_TWEET_HTTP_ADDRESS: Final = all_specs()["tweet"].http_address or ""
DEFAULT_ENGAGEMENT_HTTP_ADDRESS: Final = all_specs()["engagement"].http_address or ""
DEFAULT_GRAPH_HTTP_ADDRESS: Final = all_specs()["graph"].http_address or ""
DEFAULT_MEDIA_HTTP_ADDRESS: Final = all_specs()["media"].http_address or ""
# Two servers, because the bus must keep what it holds and the cache must be free to evict.
DEFAULT_BUS_VALKEY_URL: Final = "redis://127.0.0.1:6379/0"
DEFAULT_CACHE_VALKEY_URL: Final = "redis://127.0.0.1:6380/0"
DEFAULT_CELEBRITY_THRESHOLD: Final = 500_000
"""Followers. Above this a tweet is merged in at read time: one write to half a million hot lists
would hold up everybody else's fanout."""
DEFAULT_MAX_FOLLOWED: Final = 5_000
"""As on X: more than people read, and what a home timeline looks at stays bounded."""
MOST_MAX_FOLLOWED: Final = 1_000_000
DEFAULT_MAX_HIDDEN_LISTED: Final = 5_000
"""More than nearly anybody mutes or blocks; three such lists are 120 kB in the cache."""
MOST_MAX_HIDDEN_LISTED: Final = 10_000
DEFAULT_HANDLE_HOLD_DAYS: Final = 30
"""Long enough for those who knew somebody by an old handle to learn of the new one."""
MAX_HANDLE_HOLD_DAYS: Final = 3_650
DEFAULT_MEDIA_ORPHAN_S: Final = 86_400
"""A day: a draft is finished by then, or forgotten."""
MIN_MEDIA_ORPHAN_S: Final = 5
MAX_MEDIA_ORPHAN_S: Final = 2_592_000
DEFAULT_BUS_VISIBILITY_S: Final = 30
"""Seconds. Well above any handler's time; what a crashed process had in hand waits this long."""
# What Pub/Sub takes as an ack deadline.
MIN_BUS_VISIBILITY_S: Final = 10
MAX_BUS_VISIBILITY_S: Final = 600
IDENTITY_KEY_BYTES: Final = 32
"""AES-256 takes exactly so many."""
MIN_SECRET_BYTES: Final = 16
"""Beyond guessing."""
MIN_CURSOR_KEY_BYTES: Final = 16
"""Cursors carry a 128-bit signature, and a key shorter than that would be what one guesses."""


def _nonces_at(values: dict[str, Any]) -> str:
    # The bus's server keeps what it holds, where there is one.
    return str(values["bus_valkey_url" if values["bus"] == "valkey" else "cache_valkey_url"])


def _audit_to(values: dict[str, Any]) -> AuditTo:
    # A process that keeps nothing else on its disk most likely loses it with its container.
    return "files" if values["storage"] == "sqlite" else "log"


@dataclass(frozen=True, slots=True, config=CONFIG)
class Settings:
    """One process's settings. A variable that is unset or empty takes its default.

    Fields are read in this order, so a default may depend on what is above it.
    """

    data_dir: Path = Path(DEFAULT_DATA_DIR)
    storage: Storage = "sqlite"
    bus: Bus = "valkey"
    edge_port: Port = DEFAULT_EDGE_PORT
    # URLs may hold a password. One of a node of a cluster says so: `?cluster=true`.
    bus_valkey_url: ValkeyUrl = Field(default=DEFAULT_BUS_VALKEY_URL, repr=False)
    cache_valkey_url: ValkeyUrl = Field(default=DEFAULT_CACHE_VALKEY_URL, repr=False)
    bus_visibility_s: Annotated[
        int, whole_number(least=MIN_BUS_VISIBILITY_S, most=MAX_BUS_VISIBILITY_S)
    ] = DEFAULT_BUS_VISIBILITY_S
    """Seconds after which a message comes again that was received and not acked."""
    addresses: Annotated[Mapping[str, ServiceAddress], AfterValidator(MappingProxyType)] = Field(
        default_factory=lambda: DEFAULT_ADDRESSES
    )
    """Service name to `host:port` or `unix:/path`, for each name in `DEFAULT_ADDRESSES`."""
    tls: On = True
    """False where plaintext was asked for."""
    tls_dir: Path | None = None
    """Certificates of this process, its siblings' and callers' authorities; None is plaintext."""
    sidecar: Off = False
    """Whether this process's sidecar has the certificates, and is believed about callers."""
    signing_keys: SigningKeys = Field(default=(), repr=False)
    signing_keys_file: Path | None = None
    """Holds the same, and is watched. With neither, requests are not signed."""
    nonce_valkey_url: ValkeyUrl = Field(default_factory=_nonces_at, repr=False)
    """Remembers signed requests for minutes; one that evicts (a cache) lets them be replayed."""
    celebrity_threshold: Annotated[int, whole_number(least=1)] = DEFAULT_CELEBRITY_THRESHOLD
    """Followers from which an author's tweets are merged at read time, not fanned out."""
    max_followed: Annotated[int, whole_number(least=1, most=MOST_MAX_FOLLOWED)] = (
        DEFAULT_MAX_FOLLOWED
    )
    """How many users anybody may follow; those with many followers may follow more."""
    max_hidden_listed: Annotated[int, whole_number(least=1, most=MOST_MAX_HIDDEN_LISTED)] = (
        DEFAULT_MAX_HIDDEN_LISTED
    )
    """How many users who are muted, blocked, or block somebody travel with that user's relations;
    where there are more, it is asked of the authors of each page."""
    handle_hold_days: Annotated[int, whole_number(least=0, most=MAX_HANDLE_HOLD_DAYS)] = (
        DEFAULT_HANDLE_HOLD_DAYS
    )
    """Days for which a handle that a user gave up is kept for that user; 0 frees it at once."""
    cursor_key: Annotated[Secret, hex_key(least_bytes=MIN_CURSOR_KEY_BYTES)] = Field(
        default=None, validate_default=True
    )
    """Signs page cursors; without one, one is made that lives with the process."""
    first_party_clients: Names = ()
    """Client ids of the operator's own apps, which everybody uses: no limits for them as apps."""
    challenge_key: Annotated[Secret, hex_key(least_bytes=MIN_CURSOR_KEY_BYTES)] = Field(
        default=None, validate_default=True
    )
    """Signs challenges of proof of work; as above. Gateways that share callers share it."""
    identity_http_address: Address = DEFAULT_IDENTITY_HTTP_ADDRESS
    """`host:port` of the issuer's HTTP listener, which the edge dials."""
    identity_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener: `tls_dir`, or its own where a sidecar has the rest."""
    timeline_http_address: Address = DEFAULT_TIMELINE_HTTP_ADDRESS
    """`host:port` where timelines are read in JSON over HTTP, which the edge dials."""
    timeline_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener, as above."""
    tweet_http_address: Address = DEFAULT_TWEET_HTTP_ADDRESS
    """`host:port` where tweets are posted in JSON over HTTP, which the edge dials."""
    tweet_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener, as above."""
    engagement_http_address: Address = DEFAULT_ENGAGEMENT_HTTP_ADDRESS
    """`host:port` where likes, retweets and bookmarks are asked for in JSON over HTTP, which the
    edge dials."""
    engagement_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener, as above."""
    graph_http_address: Address = DEFAULT_GRAPH_HTTP_ADDRESS
    """`host:port` where follows, blocks and mutes are asked for in JSON over HTTP, which the edge
    dials."""
    graph_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener, as above."""
    media_http_address: Address = DEFAULT_MEDIA_HTTP_ADDRESS
    """`host:port` where the bytes of pictures are sent and read, which the edge dials."""
    media_tls_dir: Path | None = Field(default_factory=lambda values: values["tls_dir"])
    """Certificates of that listener, as above."""
    search_url: SearchUrl = Field(default=None, validate_default=True, repr=False)
    """An OpenSearch for the index of tweets, which all processes share; None: each has its own."""
    media_bucket: str | None = None
    """A bucket of Cloud Storage for the bytes of pictures; None keeps them in `data_dir`."""
    media_blocked_hashes_file: Path | None = None
    """Lists pictures that are quarantined when they come, by SHA-256; None lists none."""
    media_clamd_address: Address | None = None
    """`host:port` of ClamAV's daemon, which is asked about each picture; None asks nobody."""
    tweet_blocked_urls_file: Path | None = None
    """Lists URLs for which tweets are quarantined; None lists none."""
    media_orphan_s: Annotated[
        int, whole_number(least=MIN_MEDIA_ORPHAN_S, most=MAX_MEDIA_ORPHAN_S)
    ] = DEFAULT_MEDIA_ORPHAN_S
    """Seconds after which a picture is deleted that no tweet carries."""
    issuer_url: Origin = DEFAULT_ISSUER_URL
    """The issuer's public URL, as in its tokens' `iss`: the edge's, without a path."""
    identity_key: Annotated[
        Secret, hex_key(least_bytes=IDENTITY_KEY_BYTES, most_bytes=IDENTITY_KEY_BYTES)
    ] = Field(default=None, validate_default=True)
    """Seals the issuer's private keys; without one, a file of `data_dir` keeps one."""
    operator_secret: Annotated[Secret, hex_key(least_bytes=MIN_SECRET_BYTES)] = Field(
        default=None, validate_default=True
    )
    """Of the operator's client; without one, there is no such client."""
    web_redirect_uris: Names = ()
    """Where the issuer sends the web client's users back to; with none it makes no such client."""
    public_reads: Off = False
    """Whether the edge lets callers without a token read what is public."""
    edge_limits: On = True
    """Whether the edge limits rates; off for what drives it from one address."""
    trusted_issuers: Path | None = None
    """A JSON file of further issuers for the edge, as `tokens.issuers.read_issuers` takes it."""
    audit: AuditTo = Field(default_factory=_audit_to)
    """Where this process's audit log goes: files in `data_dir`, or its other log lines."""
    edge_denials_log: Path | None = None
    """Where the edge on this machine writes what it decided, for the audit log; None: nowhere."""
    sidecar_denials_log: Path | None = None
    """Where this process's sidecar writes what it refused; None: nowhere, or there is none."""
    gcp_project: str | None = None
    bigtable_instance: str | None = None
    bigtable_app_profile: str | None = None
    """Says which cluster takes the calls; None is the instance's own default."""
    schema: Schema = "make"
    """Whether processes make the tables, topics and subscriptions that are missing."""
    log_level: LogLevel = "info"
    otlp_endpoint: HttpUrl | None = Field(
        default=None, validation_alias="OTEL_EXPORTER_OTLP_ENDPOINT"
    )
    """`http://host:port` of an OTLP gRPC collector; None exports nothing."""
    trace_percent: Annotated[int, whole_number(least=0, most=100)] = 100
    """Of traces, which are recorded: whoever begins one decides for all that follow."""
    metrics_address: Address | None = None
    """`host:port` where Prometheus fetches this process's metrics; None serves none."""
    probe_address: Address | None = None
    """`host:port` that answers health checks in plaintext, for a kubelet; None has none."""
    heartbeat_file: Path | None = None
    """Where this process shows a supervisor that its event loop turns; None: nowhere."""
    restarts_file: Path | None = None
    """Where a supervisor counts restarts, for this process to report; None: it reports none."""
    id_clock: IdClock = "checked"
    """Whether the id service leases by a clock that is far behind the windows leased before."""
    flags_file: Path | None = None
    """JSON or YAML file of feature flags; None leaves them all unset."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read `env` (`os.environ` in a process); raises SettingsError at the first bad value."""
        addresses = {
            spec.name: Variable(spec.address_variable, spec.address)
            for spec in all_specs().values()
        }
        return read(cls, env, addresses=addresses)

    def http_address(self, service: str) -> str:
        """Return where a service with an HTTP listener, by its spec, has it."""
        address: str = getattr(self, f"{service}_http_address")
        return address

    def http_tls_dir(self, service: str) -> Path | None:
        """Return the folder of that listener's certificates; None is plaintext."""
        folder: Path | None = getattr(self, f"{service}_tls_dir")
        return folder

    @model_validator(mode="after")
    def _fit_together(self) -> Self:
        rules.require_cloud_names(self.storage, self.bus, self.gcp_project, self.bigtable_instance)
        rules.require_certificates(self.addresses, self.tls_dir, tls=self.tls)
        if self.sidecar:
            rules.require_loopback(self.addresses, self.tls_dir)
        rules.require_one_source(self.signing_keys, self.signing_keys_file)
        for spec in all_specs().values():
            if spec.http_port is not None:
                at, folder = self.http_address(spec.name), self.http_tls_dir(spec.name)
                rules.require_http_certificates(spec, at, folder, self.tls_dir, tls=self.tls)
        rules.require_encrypted_search(self.search_url, tls=self.tls)
        rules.require_own_schema(self.storage, self.bus, self.schema)
        return self
