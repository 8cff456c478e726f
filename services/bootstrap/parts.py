"""What services share: stores, bus, cache, siblings; opened once asked for, closed in reverse."""

import asyncio
import os
import random
import secrets
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial

import grpc
import grpc.aio
import structlog
from aviary.graph.v1 import graph_service_pb2
from aviary.id.v1 import id_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from aviary.user.v1 import user_service_pb2
from google.protobuf.descriptor import FileDescriptor, ServiceDescriptor
from redis.asyncio import Redis

from services.audit.port import Audit
from services.background import Finished
from services.bootstrap.audit import open_audit
from services.bootstrap.loops import Loops
from services.bootstrap.secrets import keys_of
from services.bus import topology
from services.bus.consumer import Consumer
from services.bus.port import BusDriver
from services.bus.retry_policy import RetryPolicy
from services.bus.tracing import TracedOutbox, TracedPublisher, traced_handler
from services.bus.valkey_streams import ValkeyStreamsDriver
from services.clock import SystemClock
from services.errors import UnavailableError
from services.id.lease_keeper import LeaseKeeper
from services.id.lease_metrics import observe_lease
from services.id.ports import LeaseSource
from services.id.snowflake import SnowflakeGenerator
from services.paging import CursorCodec
from services.peers.accounts import AccountPeer
from services.peers.graph import GraphPeer
from services.peers.leases import LeasePeer
from services.peers.tweets import TweetPeer
from services.peers.users import UserPeer
from services.readiness import Readiness
from services.rpc.channels import Caller, open_channel
from services.rpc.handlers import Servicer
from services.rpc.security import PLAIN, Security
from services.settings import Settings, SettingsError
from services.storage import timelines as timeline_tables
from services.storage.metering import MeteredRowStore
from services.storage.outbox import Outbox
from services.storage.outbox_relay import OutboxRelay
from services.storage.rows import RowStore, TableSpec
from services.storage.sqlite.rows import SqliteRowStore
from services.storage.tracing import TracedRowStore
from services.storage.valkey.breaker import CALL_TIMEOUT_S, GuardedValkey
from services.storage.valkey.cache_metrics import CacheMetrics
from services.storage.valkey.connection import ValkeyClient, open_node, open_valkey
from services.storage.valkey.hot_lists import HotLists
from services.storage.valkey.hot_timelines import ValkeyHotTimelines
from services.storage.valkey.layered_pushes import LayeredPushes
from services.storage.valkey.relations_cache import RelationsCache
from services.storage.valkey.tweet_cache import TweetCache
from services.telemetry import EVENT_BUS_DECLARE_FAILED

__all__ = ["Parts", "Served", "service_of"]

Served = Sequence[Servicer | grpc.GenericRpcHandler]
Handle = Callable[[bytes], Awaitable[None]]
CURSOR_KEY_BYTES = 32
DECLARE_POLL_S = 1.0  # between tries to declare the topology on a bus that is gone
LEASE_POLL_S = 0.05  # between looks at start; the id service may come up later
# Outages are no attempts, so eight are enough to tell a poison message from a passing trouble: with
# full jitter about a quarter of a minute. The cap is how late the end of an outage is noticed.
RETRY = RetryPolicy(max_attempts=8, base_s=0.2, cap_s=30.0)
CONCURRENCY = 16  # deliveries in hand for each subscription
_log = structlog.get_logger()


class Parts:
    """Opens what services share, and closes it when the stack unwinds."""

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
        self._valkey: ValkeyClient | None = None
        self.cache_metrics = CacheMetrics()

    async def rows(self, owner: str, tables: Sequence[TableSpec]) -> RowStore:
        """Open the store of `owner`."""
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
        from services.storage.bigtable.rows import BigtableRowStore  # noqa: PLC0415
        from services.storage.bigtable.schema import (  # noqa: PLC0415
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
            from services.bus.pubsub import PubSubDriver  # noqa: PLC0415 - as above

            return PubSubDriver(
                self.settings.gcp_project or "",
                topology.SUBSCRIPTIONS,
                visibility_s=self.settings.bus_visibility_s,
                given=self.settings.schema == "given",
            )
        return ValkeyStreamsDriver(
            self.settings.bus_valkey_url,
            topology.SUBSCRIPTIONS,
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
            await bus.declare(topology.SUBSCRIPTIONS)
        except UnavailableError as error:
            _log.warning(EVENT_BUS_DECLARE_FAILED, error=str(error))
            return DECLARE_POLL_S
        self._declared.set()
        raise Finished

    async def outbox(self, rows: RowStore, table: TableSpec) -> TracedOutbox:
        """Take writes at once, and relay them once every subscription is there to be served."""
        relay = OutboxRelay(Outbox(rows, self.clock, table), TracedPublisher(self.bus()))
        self.loops.opened(f"outbox {table.name}", relay)
        self._once_declared(relay.start)
        return TracedOutbox(relay)

    def _once_declared(self, start: Callable[[], Awaitable[None]]) -> None:
        async def wait_and_start() -> None:
            await self._declared.wait()
            await start()

        starting = asyncio.create_task(wait_and_start(), name="bus-start")
        # It waits for as long as the bus is gone; once it has ended, it must have started.
        self.readiness.require("bus-start", lambda: not starting.done() or _succeeded(starting))
        self.stack.push_async_callback(_cancelled, starting)

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

    async def channel(
        self, service: str, *descriptors: ServiceDescriptor, signed: bool = True
    ) -> grpc.aio.Channel:
        """Open a channel to a sibling; `signed` where requests are signed at all."""
        tls, signer = self.security.tls, self.security.signer
        channel = open_channel(
            self.settings.addresses[service],
            descriptors,
            tls=None if tls is None else tls.towards(service),
            signer=signer if signed else None,
            behind_sidecar=service if self.security.sidecar else None,
        )
        self.stack.push_async_callback(channel.close)
        return channel

    async def ids(self, owner: str, leases: LeaseSource | None = None) -> SnowflakeGenerator:
        """Lease a worker number and keep it."""
        generator = SnowflakeGenerator(self.clock)
        source = leases or LeasePeer(
            await self.channel("id", service_of(id_service_pb2.DESCRIPTOR)), Caller()
        )
        unique = f"{owner}-{os.getpid()}-{secrets.token_hex(4)}"
        keeper = LeaseKeeper(source, generator, unique)
        observe_lease(generator)
        self.readiness.require("ids", generator.is_able)
        await keeper.start()
        self.loops.opened("lease of ids", keeper)
        # A service that can make no id is not ready, and says so by not listening yet.
        while keeper.lease is None:  # noqa: ASYNC110 - the keeper tries again by itself
            await asyncio.sleep(LEASE_POLL_S)
        return generator

    async def tweets(self) -> TweetPeer:
        """Meet the tweet service."""
        return TweetPeer(
            await self.channel("tweet", service_of(tweet_service_pb2.DESCRIPTOR)), Caller()
        )

    async def graph(self) -> GraphPeer:
        """Meet the graph service."""
        return GraphPeer(
            await self.channel("graph", service_of(graph_service_pb2.DESCRIPTOR)), Caller()
        )

    async def users(self) -> UserPeer:
        """Meet the user service."""
        return UserPeer(
            await self.channel("user", service_of(user_service_pb2.DESCRIPTOR)), Caller()
        )

    def consume(
        self,
        bus: BusDriver,
        name: str,
        handle: Handle,
        *,
        yield_to: Consumer | None = None,
        yields: Callable[[], bool] = lambda: True,
    ) -> Consumer:
        """Handle the messages of one subscription from now on."""
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

        async def start() -> None:
            consumer.start()

        self.loops.opened(f"consumer {name}", consumer)
        # What a handler publishes must not miss a subscription that is yet to be made.
        self._once_declared(start)
        return consumer

    def pushes(self, rows: RowStore) -> LayeredPushes:
        """Meet the timeline store as its writers do."""
        valkey = self.valkey()
        return LayeredPushes(
            timeline_tables.RowHomeTimelines(rows, self.clock),
            ValkeyHotTimelines(HotLists(valkey), self.cache_metrics),
            TweetCache(valkey, metrics=self.cache_metrics),
            RelationsCache(valkey, metrics=self.cache_metrics),
            self.clock,
        )

    async def accounts(self) -> AccountPeer:
        """Meet the user service as the issuer does."""
        return AccountPeer(
            await self.channel("user", service_of(user_service_pb2.DESCRIPTOR)), Caller()
        )

    def audit(self, process: str) -> Audit:
        """Return this process's part of the audit log, opened under this name if it is not yet."""
        return self.security.audit or open_audit(self.settings, process, self.stack, self.readiness)

    def cursors(self) -> CursorCodec:
        """Make the signer of page cursors."""
        drawn = (secrets.token_bytes(CURSOR_KEY_BYTES),)
        return CursorCodec(
            keys_of(self.settings.cursor_key, self.security.audit) or (lambda: drawn)
        )


async def _cancelled(task: asyncio.Task[None]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


def _succeeded(task: asyncio.Task[None]) -> bool:
    return not task.cancelled() and task.exception() is None


def service_of(file: FileDescriptor) -> ServiceDescriptor:
    """Return the one service of a proto file."""
    descriptor: ServiceDescriptor
    (descriptor,) = file.services_by_name.values()
    return descriptor
