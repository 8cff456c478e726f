"""Everything a process reads from its environment, read once and checked at start.

A bad value stops the process before it binds a port: `SettingsError` names the variable, what it
got and what it wanted. Nothing else in Aviary reads the environment.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NoReturn, Self, cast
from urllib.parse import parse_qs, urlsplit

from services.rpc.signing_keys import SigningKey, parse_keys

__all__ = [
    "DEFAULT_ADDRESSES",
    "DEFAULT_DATA_DIR",
    "Bus",
    "LogLevel",
    "Settings",
    "SettingsError",
    "Storage",
]

Storage = Literal["sqlite", "bigtable"]
Bus = Literal["valkey", "pubsub"]
LogLevel = Literal["debug", "info", "warning", "error"]

DEFAULT_ADDRESSES: Mapping[str, str] = MappingProxyType(
    {
        "user": "127.0.0.1:50051",
        "id": "127.0.0.1:50052",
        "tweet": "127.0.0.1:50053",
        "graph": "127.0.0.1:50054",
        "fanout": "127.0.0.1:50055",
        "timeline": "127.0.0.1:50056",
        "gateway": "127.0.0.1:50057",
    }
)
"""Service to the `host:port` it listens on and its siblings dial; loopback, so a laptop needs none
of the variables."""

DEFAULT_DATA_DIR = ".data"
DEFAULT_EDGE_PORT = 8080
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
MAX_PORT = 65_535
# Bytes. Cursors carry a 128-bit signature, and a key shorter than that would be what one guesses.
MIN_CURSOR_KEY_BYTES = 16


class SettingsError(ValueError):
    """An environment variable has a value the process cannot start with.

    `got` is None where the value is a secret or the variable is not set.
    """

    def __init__(self, variable: str, *, got: str | None, wanted: str) -> None:
        shown = "a value not shown, or nothing" if got is None else repr(got)
        super().__init__(f"{variable}: got {shown}, wanted {wanted}")
        self.variable = variable
        self.got = got
        self.wanted = wanted


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
    """Service name to `host:port`, for each name in `DEFAULT_ADDRESSES`."""
    tls_dir: Path | None
    """Certificates of this process, its siblings' and callers' authorities; None is plaintext."""
    signing_keys: Sequence[SigningKey] = field(repr=False)
    signing_keys_file: Path | None
    """Holds the same, and is followed when it changes. With neither, requests are not signed."""
    nonce_valkey_url: str = field(repr=False)
    """Remembers signed requests for minutes; a server that evicts lets them be replayed."""
    celebrity_threshold: int
    """Followers from which an author's tweets are merged at read time, not fanned out."""
    cursor_key: bytes | None = field(repr=False)
    """Signs page cursors; None lets the composition root make one that lives with the process."""
    gcp_project: str | None
    bigtable_instance: str | None
    log_level: LogLevel
    otlp_endpoint: str | None
    """`http://host:port` of an OTLP gRPC collector; None exports nothing."""
    probe_address: str | None = None
    """`host:port` that answers health checks in plaintext, for a kubelet; None has none."""

    @classmethod
    def from_environment(cls, env: Mapping[str, str]) -> Self:
        """Read `env` (`os.environ` in a process); raises SettingsError at the first bad value."""
        variables = _Variables(env)
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
            service: variables.address(f"AVIARY_{service.upper()}_ADDRESS", default)
            for service, default in DEFAULT_ADDRESSES.items()
        }
        cache_valkey_url = variables.valkey_url("AVIARY_CACHE_VALKEY_URL", DEFAULT_CACHE_VALKEY_URL)
        return cls(
            data_dir=Path(variables.text("AVIARY_DATA_DIR") or DEFAULT_DATA_DIR),
            storage=storage,
            bus=bus,
            edge_port=variables.integer(
                "AVIARY_EDGE_PORT", DEFAULT_EDGE_PORT, least=0, most=MAX_PORT
            ),
            bus_valkey_url=variables.valkey_url("AVIARY_BUS_VALKEY_URL", DEFAULT_BUS_VALKEY_URL),
            cache_valkey_url=cache_valkey_url,
            bus_visibility_s=variables.integer(
                "AVIARY_BUS_VISIBILITY_S",
                DEFAULT_BUS_VISIBILITY_S,
                least=MIN_BUS_VISIBILITY_S,
                most=MAX_BUS_VISIBILITY_S,
            ),
            addresses=MappingProxyType(addresses),
            tls_dir=variables.tls_dir(addresses),
            signing_keys=variables.signing_keys("AVIARY_SIGNING_KEYS"),
            signing_keys_file=variables.path("AVIARY_SIGNING_KEYS_FILE"),
            nonce_valkey_url=variables.valkey_url("AVIARY_NONCE_VALKEY_URL", cache_valkey_url),
            celebrity_threshold=variables.integer(
                "AVIARY_CELEBRITY_THRESHOLD", DEFAULT_CELEBRITY_THRESHOLD, least=1
            ),
            cursor_key=variables.secret_key("AVIARY_CURSOR_KEY", MIN_CURSOR_KEY_BYTES),
            gcp_project=gcp_project,
            bigtable_instance=bigtable_instance,
            log_level=cast(
                "LogLevel",
                variables.choice("AVIARY_LOG_LEVEL", "info", "debug", "warning", "error"),
            ),
            otlp_endpoint=variables.http_url("OTEL_EXPORTER_OTLP_ENDPOINT"),
            probe_address=variables.optional_address("AVIARY_PROBE_ADDRESS"),
        )


class _Variables:
    """Typed reads of an environment; each names its variable when the value does not fit."""

    def __init__(self, env: Mapping[str, str]) -> None:
        self._env = env

    def text(self, name: str) -> str | None:
        return self._env.get(name, "").strip() or None

    def choice(self, name: str, default: str, *others: str) -> str:
        value = self.text(name) or default
        if value not in (default, *others):
            self._reject(name, value, "one of " + ", ".join((default, *others)))
        return value

    def integer(self, name: str, default: int, *, least: int, most: int | None = None) -> int:
        value = self.text(name)
        if value is None:
            return default
        # isdecimal also takes other scripts' digits, which nobody means in a setting.
        fits = value.isascii() and value.isdecimal() and int(value) >= least
        if not fits or (most is not None and int(value) > most):
            upper = "" if most is None else f" and at most {most}"
            self._reject(name, value, f"a whole number, at least {least}{upper}")
        return int(value)

    def address(self, name: str, default: str) -> str:
        value = self.text(name) or default
        host, _, port = value.rpartition(":")
        if not (host and port.isascii() and port.isdecimal() and int(port) <= MAX_PORT):
            self._reject(name, value, f"host:port, with a port of at most {MAX_PORT}")
        return value

    def optional_address(self, name: str) -> str | None:
        return None if self.text(name) is None else self.address(name, "")

    def valkey_url(self, name: str, default: str) -> str:
        value = self.text(name) or default
        if not self._is_url(value, {"redis", "rediss", "unix"}):
            # The URL may hold a password, so it is not shown.
            raise SettingsError(name, got=None, wanted="a URL such as redis://127.0.0.1:6379/0")
        if not set(parse_qs(urlsplit(value).query).get("cluster", [])) <= {"true", "false"}:
            raise SettingsError(name, got=None, wanted="cluster=true or cluster=false in the URL")
        return value

    def http_url(self, name: str) -> str | None:
        value = self.text(name)
        if value is not None and not self._is_url(value, {"http", "https"}):
            self._reject(name, value, "a URL such as http://127.0.0.1:4317")
        return value

    def secret_key(self, name: str, least_bytes: int) -> bytes | None:
        value = self.text(name)
        if value is None:
            return None
        try:
            key = bytes.fromhex(value)
        except ValueError:
            key = b""
        if len(key) < least_bytes:
            raise SettingsError(
                name, got=None, wanted=f"at least {least_bytes} bytes written as hex digits"
            )
        return key

    def path(self, name: str) -> Path | None:
        value = self.text(name)
        return None if value is None else Path(value)

    def tls_dir(self, addresses: Mapping[str, str]) -> Path | None:
        """Plaintext has to be asked for wherever somebody else could listen."""
        folder = self.path("AVIARY_TLS_DIR")
        if self.choice("AVIARY_TLS", "on", "off") == "off":
            if folder is not None:
                self._reject("AVIARY_TLS", "off", "on, or no AVIARY_TLS_DIR")
            return None
        exposed = [name for name, at in addresses.items() if not _is_loopback(at)]
        if folder is None and exposed:
            told = f"since AVIARY_{exposed[0].upper()}_ADDRESS is not loopback"
            wanted = f"a folder of certificates, {told}; or AVIARY_TLS=off for plaintext"
            self._reject("AVIARY_TLS_DIR", "", wanted)
        return folder

    def signing_keys(self, name: str) -> Sequence[SigningKey]:
        value = self.text(name)
        if value is None:
            return ()
        if self.text("AVIARY_SIGNING_KEYS_FILE") is not None:
            raise SettingsError(name, got=None, wanted="nothing, or no AVIARY_SIGNING_KEYS_FILE")
        try:
            return parse_keys(value)
        except ValueError as error:
            raise SettingsError(name, got=None, wanted=f"id:hex,id:hex; it has {error}") from error

    @staticmethod
    def _is_url(value: str, schemes: set[str]) -> bool:
        try:
            parts = urlsplit(value)
            _ = parts.port  # reading it is what checks it
        except ValueError:
            return False
        return parts.scheme in schemes and bool(parts.hostname or parts.path)

    @staticmethod
    def _reject(name: str, value: str, wanted: str) -> NoReturn:
        raise SettingsError(name, got=value, wanted=wanted)


def _is_loopback(address: str) -> bool:
    host = address.rpartition(":")[0]
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
