"""What services share: stores, bus, cache, siblings; opened once asked for, closed in reverse.

Nothing is opened that the service does not declare in its spec.
"""

import asyncio
import os
import secrets
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack, suppress
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import grpc
import grpc.aio
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from redis.asyncio import Redis

from services.platform.audit.port import Audit
from services.platform.bus.batch_consumer import GATHERED, Batches
from services.platform.bus.port import BusDriver, Publisher, Subscription
from services.platform.bus.receiving import Receiving
from services.platform.bus.tracing import TracedPublisher
from services.platform.composition.audit import open_audit
from services.platform.composition.bus import Bus, Handle, HandleMany
from services.platform.composition.contracts import known_contracts
from services.platform.composition.declared import Declared, TopicPublisher
from services.platform.composition.rows import open_rows
from services.platform.composition.secrets import keys_of
from services.platform.config.secret_keys import Secret, SecretKeys
from services.platform.config.settings import Settings
from services.platform.errors import UnavailableError
from services.platform.ids.ports import LeaseSource
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.leasing.lease_client import LeaseClient
from services.platform.leasing.lease_keeper import LeaseKeeper
from services.platform.leasing.lease_metrics import observe_lease
from services.platform.outbox.outbox import Outbox
from services.platform.outbox.refused import RefusedEntries
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.outbox.tracing import TracedOutbox
from services.platform.queues.metrics import observe_pauses
from services.platform.queues.pauses import Pauses
from services.platform.queues.ports import PauseStore
from services.platform.queues.store import OpenedPauseStore, RowPauseStore
from services.platform.rows.port import RowStore, TableSpec
from services.platform.rpc.channels import open_channel
from services.platform.rpc.declared_channel import DeclaredChannel
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec
from services.platform.rpc.rpc_client import DEFAULT_TIMEOUT_S, RpcClient
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.loops import Loops
from services.platform.runtime.readiness import Readiness
from services.platform.security.process import PLAIN, Security
from services.platform.specs import ServiceSpec, all_specs, pauses_table, server_of
from services.platform.valkey.breaker import CALL_TIMEOUT_S
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient, open_node
from services.platform.valkey.guarded_cluster import open_guarded
from services.platform.valkey.round_trips import CACHE
from services.platform.valkey.server_metrics import POLL_S, ServerMetrics

if TYPE_CHECKING:
    from services.platform.flags.reading import Flags

__all__ = ["Dependencies", "Served", "service_of"]

Served = Sequence[Servicer | grpc.GenericRpcHandler]
Client = TypeVar("Client")
CURSOR_KEY_BYTES = 32
LEASE_POLL_S = 0.05  # between looks at start; the id service may come up later


class Dependencies:
    """Opens what a service needs, and closes it when the stack unwinds.

    Every method that opens something raises `UndeclaredError` for what the spec does not declare.
    """

    def __init__(
        self,
        spec: ServiceSpec,
        settings: Settings,
        stack: AsyncExitStack,
        security: Security = PLAIN,
        readiness: Readiness | None = None,
    ) -> None:
        self.declared = Declared(spec)
        self.settings = settings
        self.security = security
        self.stack = stack
        self.readiness = readiness or Readiness()
        """What must hold in this process; whoever opens something that must, says so here."""
        self.loops = Loops(stack, self.readiness)
        """What goes on in the background, until the stack unwinds."""
        self.clock = SystemClock()
        self.cache_metrics = CacheMetrics()
        self.unique = f"{spec.name}-{os.getpid()}-{secrets.token_hex(4)}"  # of this run alone
        self._spec = spec
        self._bus = Bus(settings, stack, self.loops)
        self._pauses: Pauses | None = None
        self._rows: dict[tuple[str, ...], RowStore] = {}
        self._valkey: ValkeyClient | None = None
        self._channels: dict[tuple[str, bool], grpc.aio.Channel] = {}

    async def rows(self, owner: str, tables: Sequence[TableSpec]) -> RowStore:
        """Open tables of `owner`, once: the service itself, or one in `opens_rows_of`."""
        self.declared.rows(owner, tables)
        key = (owner, *(table.name for table in tables))
        if key not in self._rows:
            self._rows[key] = await open_rows(
                self.settings, owner, tables, self.clock, self.stack, self.readiness
            )
        return self._rows[key]

    def bus(self) -> BusDriver:
        """Open the whole bus, for who operates the queues of all; once a process."""
        self.declared.queues()
        return self._bus.driver

    def publisher(self, *topics: str) -> Publisher:
        """Open the bus to publish to these topics; messages carry the trace of the moment."""
        self.declared.topics(topics)
        return TracedPublisher(TopicPublisher(self._bus.driver, topics), self._bus.system)

    async def outbox(self, rows: RowStore, table: TableSpec, *topics: str) -> TracedOutbox:
        """Take writes at once, and relay them once every subscription is there to be served.

        An entry for another topic than these is set aside, as one that the bus refuses. Operators
        see both.
        """
        self.declared.rows(self._spec.name, (table,))
        owner, controls = pauses_table()
        with suppress(UnavailableError):
            # Where it cannot be opened now, it is when there is something to say.
            await self.rows(owner, [controls])
        stored = Outbox(rows, self.clock, table)
        sweeps = Sweeps(stored, rows, self.clock, self.unique)
        relay = OutboxRelay(stored, self.publisher(*topics), sweeps, refused=self.refused())
        self.loops.opened_after(f"outbox {table.name}", relay, self._bus.declared)
        return TracedOutbox(relay)

    async def pauses(self) -> Pauses:
        """Follow what operators have paused; once a process.

        While another service's rows cannot be opened, nothing is consumed, and all else is served.
        """
        if self._pauses is None:
            owner, table = pauses_table()

            async def store() -> PauseStore:
                return RowPauseStore(await self.rows(owner, [table]), table)

            with suppress(UnavailableError):
                await store()
            self._pauses = Pauses(OpenedPauseStore(store))
            observe_pauses(self._pauses)
            await self.loops.opened("queue pauses", self._pauses)
        return self._pauses

    def refused(self) -> RefusedEntries:
        """What the bus refuses of all outboxes, in the rows in which pauses are kept."""
        owner, table = pauses_table()
        return RefusedEntries(lambda: self.rows(owner, [table]), table)

    async def consume(
        self,
        subscription: Subscription,
        handle: Handle,
        *,
        yield_to: Receiving | None = None,
        yields: Callable[[], bool] = lambda: True,
    ) -> Receiving:
        """Handle the messages of one subscription from now on, while it is not paused."""
        self.declared.subscription(subscription)
        consumer = self._bus.consumer(subscription, handle, yield_to, yields)
        return await self._governed(subscription.name, consumer)

    async def consume_batches(
        self,
        subscription: Subscription,
        handle: HandleMany,
        batches: Batches = GATHERED,
        *,
        yield_to: Receiving | None = None,
        yields: Callable[[], bool] = lambda: True,
    ) -> Receiving:
        """As `consume`, with one call for all messages that have come meanwhile."""
        self.declared.subscription(subscription)
        consumer = self._bus.batch_consumer(subscription, handle, batches, yield_to, yields)
        return await self._governed(subscription.name, consumer)

    async def _governed(self, name: str, consumer: Receiving) -> Receiving:
        (await self.pauses()).govern(name, consumer)
        # What a handler publishes must not miss a subscription that is yet to be made.
        self.loops.opened_after(f"consumer {name}", consumer, self._bus.declared, intake=True)
        return consumer

    def valkey(self) -> ValkeyClient:
        """Open the cache; once a process."""
        self.declared.cache()
        if self._valkey is None:
            self._valkey = open_guarded(self.settings.cache_valkey_url)
            self.stack.push_async_callback(self._valkey.aclose)
            figures = ServerMetrics(self._valkey, CACHE)
            self.loops.run("cache figures", figures.look, every_s=POLL_S)
        return self._valkey

    def valkey_nodes(self) -> Callable[[], Redis]:
        """Give what makes a client of one node of the cache, for a subscription."""
        self.declared.cache()
        return partial(open_node, self.settings.cache_valkey_url, timeout_s=CALL_TIMEOUT_S)

    async def channel(self, service: str, *, signed: bool = True) -> grpc.aio.Channel:
        """Open a channel to a sibling, once; `signed` where requests are signed at all.

        It takes health checks, which everybody may ask for, and the calls that the spec declares.
        """
        known = self._channels.get((service, signed))
        if known is not None:
            return known
        tls, signer = self.security.tls, self.security.signer
        opened = open_channel(
            self.settings.addresses[service],
            known_contracts(all_specs()[service]),
            tls=None if tls is None else tls.towards(service),
            signer=signer if signed else None,
            behind_sidecar=service if self.security.sidecar else None,
        )
        self.stack.push_async_callback(opened.close)
        channel = DeclaredChannel(opened, self._spec.name, self._spec.calls)
        self._channels[service, signed] = channel
        return channel

    async def client(
        self,
        service: str,
        client: Callable[[grpc.aio.Channel, RpcClient], Client],
        *,
        timeout_s: float = DEFAULT_TIMEOUT_S,
    ) -> Client:
        """Make a client of a sibling, of which the service must declare one call at least."""
        self.declared.sibling(service)
        caller = RpcClient(self.settings.addresses[service], timeout_s=timeout_s)
        return client(await self.channel(service), caller)

    async def ids(self, leases: LeaseSource | None = None) -> SnowflakeGenerator:
        """Lease a worker number, from the id service unless from `leases`, and keep it."""
        generator = SnowflakeGenerator(self.clock)
        if leases is None:
            leases = await self.client(server_of(LEASE_CALLS[0]).name, LeaseClient)
        keeper = LeaseKeeper(leases, generator, self.unique)
        observe_lease(generator)
        self.readiness.require("ids", generator.is_able)
        await self.loops.opened("lease of ids", keeper)
        # A service that can make no id is not ready, and says so by not listening yet.
        while keeper.lease is None:  # noqa: ASYNC110 - the keeper tries again by itself
            await asyncio.sleep(LEASE_POLL_S)
        return generator

    def audit(self, process: str | None = None) -> Audit:
        """Return this process's part of the audit log.

        Where it is not open yet it is opened, under the service's name or another's.
        """
        self.declared.audit()
        name = process or self._spec.name
        return self.security.audit or open_audit(self.settings, name, self.stack, self.readiness)

    async def flags(self) -> "Flags":
        """Read the file of feature flags, and keep reading it; once a process."""
        self.declared.flags()
        # Only services that declare flags pay for the import.
        from services.platform.flags.opening import open_flags  # noqa: PLC0415

        return await open_flags(self.settings.flags_file, self.loops)

    def secret(self, secret: Secret, audit: Audit | None = None) -> SecretKeys | None:
        """Return the keys of the moment; None where no such secret is set.

        Changes are recorded in `audit`, or in the process's own log. Raises SettingsError where the
        secret's file is of no use now.
        """
        self.declared.secret(secret.variable)
        return keys_of(secret, audit or self.security.audit)

    def cursors(self) -> CursorCodec:
        """Make the signer of page cursors."""
        drawn = (secrets.token_bytes(CURSOR_KEY_BYTES),)
        return CursorCodec(self.secret(self.settings.cursor_key) or (lambda: drawn))


def service_of(file: FileDescriptor) -> ServiceDescriptor:
    """Return the one service of a proto file."""
    descriptor: ServiceDescriptor
    (descriptor,) = file.services_by_name.values()
    return descriptor
