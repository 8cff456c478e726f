"""What services share: stores, bus, cache, siblings; opened once asked for, closed in reverse."""

import asyncio
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import TypeVar

import grpc
import grpc.aio
import structlog
from google.protobuf import descriptor_pool
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from redis.asyncio import Redis

from services.platform.audit.port import Audit
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import BusDriver
from services.platform.bus.tracing import TracedPublisher, traced_handler
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.composition.audit import open_audit
from services.platform.composition.secrets import keys_of
from services.platform.config.settings import Settings, SettingsError
from services.platform.errors import UnavailableError
from services.platform.ids.ports import LeaseSource
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.lease_client import LeaseClient
from services.platform.leasing.lease_keeper import LeaseKeeper
from services.platform.leasing.lease_metrics import observe_lease
from services.platform.observability.names import EVENT_BUS_DECLARE_FAILED
from services.platform.outbox.outbox import Outbox
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.tracing import TracedOutbox
from services.platform.queues.metrics import observe_pauses
from services.platform.queues.pauses import Pauses
from services.platform.queues.store import RowPauseStore
from services.platform.rows.metering import MeteredRowStore
from services.platform.rows.port import RowStore, TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.rows.tracing import TracedRowStore
from services.platform.rpc.channels import Caller, open_channel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.runtime.background import Finished
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.security.process import PLAIN, Security
from services.platform.specs import ServiceSpec, all_specs, all_subscriptions, pauses_table
from services.platform.valkey.breaker import CALL_TIMEOUT_S, GuardedValkey
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient, open_node, open_valkey

__all__ = ["Dependencies", "Served", "service_of"]

Served = Sequence[Servicer | grpc.GenericRpcHandler]
Client = TypeVar("Client")
Handle = Callable[[bytes], Awaitable[None]]
CURSOR_KEY_BYTES = 32
DECLARE_POLL_S = 1.0  # between tries to declare the topology on a bus that is gone
LEASE_POLL_S = 0.05  # between looks at start; the id service may come up later
# Outages are no attempts, so eight are enough to tell a poison message from a passing trouble: with
# full jitter about a quarter of a minute. The cap is how late the end of an outage is noticed.
RETRY = RetryPolicy(max_attempts=8, base_s=0.2, cap_s=30.0)
CONCURRENCY = 16  # deliveries in hand for each subscription
_log = structlog.get_logger()


class Dependencies:
    """Opens what a service needs, and closes it when the stack unwinds."""

    def __init__(
        self,
        settings: Settings,
        stack: AsyncExitStack,
        security: Security = PLAIN,
        readiness: Readiness | None = None,
    ) -> None:
        self.settings = settings
        self.security = security
        self.stack = stack
        self.readiness = readiness or Readiness()
        """What must hold in this process; whoever opens something that must, says so here."""
        self.loops = Loops(stack, self.readiness)
        """What goes on in the background, until the stack unwinds."""
        self.clock = SystemClock()
        self._bus: BusDriver | None = None
        self._declared = asyncio.Event()
        self._pauses: Pauses | None = None
        self._rows: dict[tuple[str, ...], RowStore] = {}
        self._valkey: ValkeyClient | None = None
        self._channels: dict[tuple[str, bool], grpc.aio.Channel] = {}
        self.cache_metrics = CacheMetrics()

    async def rows(self, owner: str, tables: Sequence[TableSpec]) -> RowStore:
        """Open the store of `owner`, with these tables; once a process."""
        key = (owner, *(table.name for table in tables))
        if key not in self._rows:
            self._rows[key] = await self._open_rows(owner, tables)
        return self._rows[key]

    async def _open_rows(self, owner: str, tables: Sequence[TableSpec]) -> RowStore:
        if self.settings.storage == "bigtable":
            return TracedRowStore(MeteredRowStore(await self._bigtable(tables), "bigtable"))
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        store = SqliteRowStore(self.settings.data_dir / f"{owner}.db", tables, self.clock)
        await store.open()
        self.stack.push_async_callback(store.close)
        self.readiness.require(f"rows {owner}", store.holds)
        return TracedRowStore(MeteredRowStore(store, "sqlite"))

    async def _bigtable(self, tables: Sequence[TableSpec]) -> RowStore:
        # Only those who use it pay for the import, and need it installed.
        from services.platform.rows.bigtable.rows import BigtableRowStore  # noqa: PLC0415
        from services.platform.rows.bigtable.schema import (  # noqa: PLC0415
            ensure_schema,
            missing_schema,
        )

        # Settings refuse to start without these.
        project = self.settings.gcp_project or ""
        instance = self.settings.bigtable_instance or ""
        if self.settings.schema == "make":
            await ensure_schema(project, instance, tables)
        elif missing := await missing_schema(project, instance, tables):
            wanted = f"what it says: instance {instance} lacks {', '.join(missing)}"
            raise SettingsError("AVIARY_SCHEMA", got="given", wanted=wanted)
        profile = self.settings.bigtable_app_profile
        store = BigtableRowStore(project, instance, tables, self.clock, app_profile=profile)
        self.stack.push_async_callback(store.close)
        return store

    def _driver(self) -> BusDriver:
        if self.settings.bus == "pubsub":
            from services.platform.bus.pubsub import PubSubDriver  # noqa: PLC0415 - as above

            return PubSubDriver(
                self.settings.gcp_project or "",
                all_subscriptions(),
                visibility_s=self.settings.bus_visibility_s,
                given=self.settings.schema == "given",
            )
        return ValkeyStreamsDriver(
            self.settings.bus_valkey_url,
            all_subscriptions(),
            visibility_s=self.settings.bus_visibility_s,
        )

    def bus(self) -> BusDriver:
        """Open the bus, and declare the topology in the background; once a process."""
        if self._bus is None:
            self._bus = self._driver()
            self.stack.push_async_callback(self._bus.close)
            self.loops.run("bus-declare", partial(self._declare, self._bus))
        return self._bus

    async def _declare(self, bus: BusDriver) -> float:
        # In the background: a service that starts while the bus is gone still takes writes.
        try:
            await bus.declare(all_subscriptions())
        except UnavailableError as error:
            _log.warning(EVENT_BUS_DECLARE_FAILED, error=str(error))
            return DECLARE_POLL_S
        self._declared.set()
        raise Finished

    async def outbox(self, rows: RowStore, table: TableSpec) -> TracedOutbox:
        """Take writes at once, and relay them once every subscription is there to be served."""
        relay = OutboxRelay(Outbox(rows, self.clock, table), TracedPublisher(self.bus()))
        self.loops.opened_after(f"outbox {table.name}", relay, self._declared)
        return TracedOutbox(relay)

    def valkey(self) -> ValkeyClient:
        """Open the cache; once a process."""
        if self._valkey is None:
            self._valkey = open_valkey(
                self.settings.cache_valkey_url, timeout_s=CALL_TIMEOUT_S, node_client=GuardedValkey
            )
            self.stack.push_async_callback(self._valkey.aclose)
        return self._valkey

    def valkey_node(self) -> Redis:
        """Make a client of one node of the cache, for subscriptions; the caller closes it."""
        return open_node(self.settings.cache_valkey_url, timeout_s=CALL_TIMEOUT_S)

    async def channel(self, service: str, *, signed: bool = True) -> grpc.aio.Channel:
        """Open a channel to a sibling, once; `signed` where requests are signed at all."""
        known = self._channels.get((service, signed))
        if known is not None:
            return known
        tls, signer = self.security.tls, self.security.signer
        channel = self._channels[service, signed] = open_channel(
            self.settings.addresses[service],
            _contracts(all_specs()[service]),
            tls=None if tls is None else tls.towards(service),
            signer=signer if signed else None,
            behind_sidecar=service if self.security.sidecar else None,
        )
        self.stack.push_async_callback(channel.close)
        return channel

    async def client(
        self, service: str, client: Callable[[grpc.aio.Channel, Caller], Client]
    ) -> Client:
        """Make a client of a sibling, which must be among those that the service declares."""
        return client(await self.channel(service), Caller())

    async def ids(self, owner: str, leases: LeaseSource | None = None) -> SnowflakeGenerator:
        """Lease a worker number and keep it."""
        generator = SnowflakeGenerator(self.clock)
        source = await self.client("id", LeaseClient) if leases is None else leases
        unique = f"{owner}-{os.getpid()}-{secrets.token_hex(4)}"
        keeper = LeaseKeeper(source, generator, unique)
        observe_lease(generator)
        self.readiness.require("ids", generator.is_able)
        await self.loops.opened("lease of ids", keeper)
        # A service that can make no id is not ready, and says so by not listening yet.
        while keeper.lease is None:  # noqa: ASYNC110 - the keeper tries again by itself
            await asyncio.sleep(LEASE_POLL_S)
        return generator

    async def pauses(self) -> Pauses:
        """Follow what operators have paused; once a process."""
        if self._pauses is None:
            owner, table = pauses_table()
            store = RowPauseStore(await self.rows(owner, [table]), table)
            self._pauses = Pauses(store)
            observe_pauses(self._pauses)
            await self.loops.opened("queue pauses", self._pauses)
        return self._pauses

    async def consume(
        self,
        bus: BusDriver,
        name: str,
        handle: Handle,
        *,
        yield_to: Consumer | None = None,
        yields: Callable[[], bool] = lambda: True,
    ) -> Consumer:
        """Handle the messages of one subscription from now on, while it is not paused."""
        consumer = Consumer(
            bus,
            name,
            traced_handler(name, handle),
            policy=RETRY,
            concurrency=CONCURRENCY,
            rng=random.Random(),  # noqa: S311 - jitter guards nothing
            yield_to=yield_to,
            yields=yields,
        )
        (await self.pauses()).govern(name, consumer)
        # What a handler publishes must not miss a subscription that is yet to be made.
        self.loops.opened_after(f"consumer {name}", consumer, self._declared)
        return consumer

    def audit(self, process: str) -> Audit:
        """Return this process's part of the audit log, opened under this name if it is not yet."""
        return self.security.audit or open_audit(self.settings, process, self.stack, self.readiness)

    def cursors(self) -> CursorCodec:
        """Make the signer of page cursors."""
        drawn = (secrets.token_bytes(CURSOR_KEY_BYTES),)
        return CursorCodec(
            keys_of(self.settings.cursor_key, self.security.audit) or (lambda: drawn)
        )


def _contracts(spec: ServiceSpec) -> list[ServiceDescriptor]:
    """Return those that this process knows: whoever calls one has imported it."""
    pool, found = descriptor_pool.Default(), []
    for name in spec.contracts:
        try:
            found.append(pool.FindServiceByName(name))
        except KeyError:
            continue
    return found


def service_of(file: FileDescriptor) -> ServiceDescriptor:
    """Return the one service of a proto file."""
    descriptor: ServiceDescriptor
    (descriptor,) = file.services_by_name.values()
    return descriptor
