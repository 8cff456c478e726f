"""The declaration of a service."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs.flags import Flag

__all__ = ["ServiceSpec"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceSpec:
    """A service as all others see it: `<package>.spec.SPEC`, built and served by `<package>.app`.

    Ports, certificates, the call table, what is on the bus, what `aviary up` starts, sidecars,
    manifests, names in Terraform, scrape targets, dashboards and the README's table follow from it.
    `Dependencies` opens nothing for it that is not here.
    """

    name: str
    """Of its process, its folder, its certificate and its SQLite file; lower-case letters. What
    siblings and callers outside call of it is in the package `aviary.<name>.v1`."""
    summary: str
    """What it does, in the words of the README's table."""
    port: int
    """Where it listens on loopback unless its address variable names another place."""
    http_port: int | None = None
    """Of a service that speaks HTTP to the edge as well."""
    json_over_http: bool = False
    """Whether that is for what its contracts say is `json_of` an RPC, or `over_http`: the edge asks
    for it there, at its paths of REST, and has nothing to translate."""
    contracts: tuple[str, ...] = ()
    """Full names of the gRPC services that it serves. Which of their RPCs the edge exposes, and to
    whom, is in the contract itself: `aviary.edge.v1.access` beside `google.api.http`."""
    is_operated: bool = False
    """Whether its contracts are for operators and nobody else, whole."""
    calls: tuple[str, ...] = ()
    """RPCs of siblings, as `package.Service/Method`; nobody else may call those."""
    operator_calls: tuple[str, ...] = ()
    """Its own RPCs that operators may call, as above."""
    tables: tuple[TableSpec, ...] = ()
    """Its own, in `<name>.db` where they are SQLite's."""
    opens_rows_of: tuple[str, ...] = ()
    """Siblings whose tables it opens too; each is an exception with a reason beside it. Whoever
    consumes or publishes opens those of the service that `keeps_pauses` besides: `all_specs` adds
    it."""
    keeps_pauses: TableSpec | None = None
    """Of the one service whose process answers operators of queues: one of its tables, where it is
    kept which subscriptions of all services are paused, and what of their outboxes is refused."""
    files: tuple[str, ...] = ()
    """What it keeps in the data folder beside its rows and its audit log; a backup takes it."""
    folders: tuple[str, ...] = ()
    """As above, folders whose files are each written once, whole, and then left as they are. In a
    pod they end with it: at scale, a bucket has what is in them here."""
    keeps_scratch: bool = False
    """Whether it writes into the data folder what it can make anew, such as an index: a pod has an
    empty folder for it, which ends with the pod, and no backup takes it."""
    max_memory: str = "512Mi"
    """What its process may take in a pod at most, with those that it starts."""
    topics: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))
    """What it publishes: topic to what its messages say."""
    subscriptions: tuple[Subscription, ...] = ()
    """What it consumes. Pub/Sub allows letters, digits and `-._~+%` in a name, which must begin
    with a letter; ours begin with the service's name and a dot."""
    uses_cache: bool = False
    """Whether it opens the cache, Valkey."""
    keeps_audit: bool = False
    """Whether it decides what the audit log is for, beyond what every process records."""
    secrets: tuple[str, ...] = ()
    """Variables that hold its secrets."""
    optional_secrets: tuple[str, ...] = ()
    """Of those, what it does without where nobody sets them: a cluster need not have them."""
    flags: tuple[Flag, ...] = ()
    """Feature flags that it follows."""
    package: str = ""
    """Where it was found; filled in by `all_specs`."""

    @property
    def address(self) -> str:
        """Return `host:port` where it listens, and its siblings dial, on one machine."""
        return f"127.0.0.1:{self.port}"

    @property
    def http_address(self) -> str | None:
        """Return `host:port` where it speaks HTTP on one machine; None where it does not."""
        return None if self.http_port is None else f"127.0.0.1:{self.http_port}"

    @property
    def address_variable(self) -> str:
        """Return the environment variable that says where it listens and is dialled."""
        return self._variable("ADDRESS")

    @property
    def http_address_variable(self) -> str:
        """Return the variable that says where it speaks HTTP, if it does."""
        return self._variable("HTTP_ADDRESS")

    @property
    def http_tls_variable(self) -> str:
        """Return the variable of the folder of certificates of its HTTP, if it has its own."""
        return self._variable("TLS_DIR")

    def _variable(self, what: str) -> str:
        return f"AVIARY_{self.name.upper()}_{what}"

    @property
    def operates_queues(self) -> bool:
        """Whether it lists, redrives and drops the dead letters of every service."""
        return self.keeps_pauses is not None

    @property
    def uses_bus(self) -> bool:
        """Whether it opens the bus."""
        return bool(self.topics or self.subscriptions or self.operates_queues)

    @property
    def uses_rows(self) -> bool:
        """Whether it opens durable rows."""
        return bool(self.tables or self.opens_rows_of)
