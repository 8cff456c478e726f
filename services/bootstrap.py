"""The composition root: the one module that knows every adapter.

Each service is an async context manager that builds its parts, starts its background work, yields
its gRPC services, and undoes all of it in reverse.
"""

import asyncio
import os
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from typing import Any

import grpc.aio
from aviary.fanout.v1 import fanout_service_pb2
from aviary.gateway.v1 import health_service_pb2
from aviary.graph.v1 import graph_service_pb2
from aviary.id.v1 import id_service_pb2
from aviary.timeline.v1 import timeline_service_pb2
from aviary.tweet.v1 import tweet_service_pb2
from aviary.user.v1 import user_service_pb2
from google.protobuf.descriptor import ServiceDescriptor
from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from gateway.health import HealthServicer
from services.bus import topology
from services.bus.consumer import Consumer
from services.bus.events import FollowEvents, TweetEvents
from services.bus.port import BusDriver
from services.bus.retry_policy import RetryPolicy
from services.bus.tracing import TracedOutbox, traced_handler
from services.bus.valkey_streams import ValkeyStreamsDriver
from services.clock import SystemClock
from services.fanout.handlers import BusJobs, FanoutHandlers
from services.fanout.service import FanoutService
from services.fanout.servicer import FanoutServicer
from services.graph.service import GraphService
from services.graph.servicer import GraphServicer
from services.id.lease_keeper import LeaseKeeper
from services.id.ports import LeaseSource
from services.id.service import IdService, WorkerLeases
from services.id.servicer import IdServicer
from services.id.snowflake import SnowflakeGenerator
from services.peers.graph import GraphPeer
from services.peers.leases import LeasePeer
from services.peers.tweets import TweetPeer
from services.peers.users import UserPeer
from services.rpc.channels import Caller, open_channel
from services.rpc.handlers import Servicer
from services.settings import DEFAULT_ADDRESSES, Settings
from services.storage import graph as graph_tables
from services.storage import leases as lease_tables
from services.storage import timelines as timeline_tables
from services.storage import tweets as tweet_tables
from services.storage import users as user_tables
from services.storage.outbox import OUTBOX_TABLE, Outbox, OutboxRelay
from services.storage.rows import RowStore, TableSpec
from services.storage.sqlite.rows import SqliteRowStore
from services.storage.valkey.hot_lists import HotLists
from services.storage.valkey.hot_timelines import ValkeyHotTimelines
from services.storage.valkey.layered import CachedRelations, CachedTweets, LayeredPushes
from services.storage.valkey.relations_cache import RelationsCache
from services.storage.valkey.tweet_cache import TweetCache
from services.timeline.backfill import Backfill
from services.timeline.cursors import CursorCodec
from services.timeline.service import TimelineService
from services.timeline.servicer import TimelineServicer
from services.tweet.service import TweetService
from services.tweet.servicer import TweetServicer
from services.user.service import UserService
from services.user.servicer import UserServicer

__all__ = ["SERVICES", "Served"]

Served = Sequence[Servicer]
VALKEY_TIMEOUT_S = 1.0  # a hot store slower than this is treated as gone
CURSOR_KEY_BYTES = 32
LEASE_POLL_S = 0.05  # between looks at start; the id service may come up later
# Full jitter below 30 s: about eight minutes, so that a short outage of a store does not end in
# dead letters, and a poison message still does.
RETRY = RetryPolicy(max_attempts=40, base_s=0.2, cap_s=30.0)
CONCURRENCY = 16  # deliveries in hand for each subscription
_clock = SystemClock()


class _Parts:
    """Opens what services share, and closes it when the stack unwinds."""

    def __init__(self, settings: Settings, stack: AsyncExitStack) -> None:
        self.settings = settings
        self.stack = stack

    async def rows(self, owner: str, tables: Sequence[TableSpec]) -> RowStore:
        """Open the store of `owner`."""
        if self.settings.storage == "bigtable":
            return await self._bigtable(tables)
        self.settings.data_dir.mkdir(parents=True, exist_ok=True)
        store = SqliteRowStore(self.settings.data_dir / f"{owner}.db", tables, _clock)
        await store.open()
        self.stack.push_async_callback(store.close)
        return store

    async def _bigtable(self, tables: Sequence[TableSpec]) -> RowStore:
        # Only those who use it pay for the import, and need it installed.
        from services.storage.bigtable.rows import BigtableRowStore  # noqa: PLC0415
        from services.storage.bigtable.schema import ensure_schema  # noqa: PLC0415

        # Settings refuse to start without these.
        project = self.settings.gcp_project or ""
        instance = self.settings.bigtable_instance or ""
        await ensure_schema(project, instance, tables)
        store = BigtableRowStore(project, instance, tables, _clock)
        self.stack.push_async_callback(store.close)
        return store

    def _driver(self) -> BusDriver:
        if self.settings.bus == "pubsub":
            from services.bus.pubsub import PubSubDriver  # noqa: PLC0415 - as above

            return PubSubDriver(self.settings.gcp_project or "", topology.SUBSCRIPTIONS)
        return ValkeyStreamsDriver(self.settings.bus_valkey_url, topology.SUBSCRIPTIONS)

    async def bus(self) -> BusDriver:
        """Open the bus and declare the topology."""
        driver = self._driver()
        self.stack.push_async_callback(driver.close)
        await driver.declare(topology.SUBSCRIPTIONS)
        return driver

    async def outbox(self, rows: RowStore) -> TracedOutbox:
        """Start the relay of a store's outbox."""
        relay = OutboxRelay(Outbox(rows, _clock), await self.bus())
        await relay.start()
        self.stack.push_async_callback(relay.stop)
        return TracedOutbox(relay)

    def valkey(self) -> Redis:
        """Open the cache."""
        client = Redis.from_url(
            self.settings.cache_valkey_url,
            socket_timeout=VALKEY_TIMEOUT_S,
            socket_connect_timeout=VALKEY_TIMEOUT_S,
            retry=Retry(NoBackoff(), 0),
        )
        self.stack.push_async_callback(client.aclose)
        return client

    async def channel(self, service: str, *descriptors: ServiceDescriptor) -> grpc.aio.Channel:
        """Open a channel to a sibling."""
        channel = open_channel(self.settings.addresses[service], descriptors)
        self.stack.push_async_callback(channel.close)
        return channel

    async def ids(self, owner: str, leases: LeaseSource | None = None) -> SnowflakeGenerator:
        """Lease a worker number and keep it."""
        generator = SnowflakeGenerator(_clock)
        source = leases or LeasePeer(await self.channel("id", _service(id_service_pb2)), Caller())
        unique = f"{owner}-{os.getpid()}-{secrets.token_hex(4)}"
        keeper = LeaseKeeper(source, generator, unique)
        await keeper.start()
        self.stack.push_async_callback(keeper.stop)
        # A service that can make no id is not ready, and says so by not listening yet.
        while keeper.lease is None:  # noqa: ASYNC110 - the keeper tries again by itself
            await asyncio.sleep(LEASE_POLL_S)
        return generator

    async def tweets(self) -> TweetPeer:
        """Meet the tweet service."""
        return TweetPeer(await self.channel("tweet", _service(tweet_service_pb2)), Caller())

    async def graph(self) -> GraphPeer:
        """Meet the graph service."""
        return GraphPeer(await self.channel("graph", _service(graph_service_pb2)), Caller())

    async def users(self) -> UserPeer:
        """Meet the user service."""
        return UserPeer(await self.channel("user", _service(user_service_pb2)), Caller())


def _service(module: Any) -> ServiceDescriptor:  # noqa: ANN401 - a generated module
    descriptor: ServiceDescriptor
    (descriptor,) = module.DESCRIPTOR.services_by_name.values()
    return descriptor


async def _id(parts: _Parts) -> Served:
    rows = await parts.rows("id", [lease_tables.LEASES])
    leases = WorkerLeases(lease_tables.RowLeaseStore(rows), _clock, random.SystemRandom())
    service = IdService(leases, await parts.ids("id", leases))
    return [Servicer(_service(id_service_pb2), IdServicer(service))]


async def _user(parts: _Parts) -> Served:
    rows = await parts.rows("user", user_tables.TABLES)
    service = UserService(user_tables.RowUserStore(rows), await parts.ids("user"), _clock)
    return [Servicer(_service(user_service_pb2), UserServicer(service))]


async def _tweet(parts: _Parts) -> Served:
    rows = await parts.rows("tweet", [*tweet_tables.TABLES, OUTBOX_TABLE])
    timeline_rows = await parts.rows("timeline", timeline_tables.TABLES)
    service = TweetService(
        store=tweet_tables.RowTweetStore(rows, await parts.outbox(rows)),
        users=await parts.users(),
        ids=await parts.ids("tweet"),
        own_timeline=_pushes(parts, timeline_rows),
        events=TweetEvents(),
        clock=_clock,
    )
    return [Servicer(_service(tweet_service_pb2), TweetServicer(service))]


async def _graph(parts: _Parts) -> Served:
    rows = await parts.rows("graph", [*graph_tables.TABLES, OUTBOX_TABLE])
    store = graph_tables.RowGraphStore(rows, await parts.outbox(rows))
    service = GraphService(store, await parts.users(), await parts.ids("graph"), FollowEvents())
    return [Servicer(_service(graph_service_pb2), GraphServicer(service))]


async def _fanout(parts: _Parts) -> Served:
    rows = await parts.rows("timeline", timeline_tables.TABLES)
    bus, graph, tweets = await parts.bus(), await parts.graph(), await parts.tweets()
    homes = timeline_tables.RowHomeTimelines(rows, _clock)
    relations = CachedRelations(RelationsCache(parts.valkey()), graph)
    handlers = FanoutHandlers(
        FanoutService(
            followers=graph,
            deliveries=tweets,
            celebrities=timeline_tables.RowCelebrities(rows, _clock),
            jobs=BusJobs(bus),
            timelines=_pushes(parts, rows),
            backfill=Backfill(homes, tweets, relations, _clock),
            threshold=parts.settings.celebrity_threshold,
        )
    )
    close: Consumer | None = None
    for name, handle in (
        ("fanout.plan", handlers.tweet_changed),
        ("fanout.graph", handlers.follow_changed),
        ("fanout.close", handlers.push_page),
        ("fanout.rest", handlers.push_page),
    ):
        consumer = Consumer(
            bus,
            name,
            traced_handler(name, handle),
            policy=RETRY,
            concurrency=CONCURRENCY,
            rng=random.Random(),  # noqa: S311 - jitter guards nothing
            yield_to=close if name == "fanout.rest" else None,
        )
        if name == "fanout.close":
            close = consumer
        consumer.start()
        parts.stack.push_async_callback(consumer.stop)
    return [Servicer(_service(fanout_service_pb2), FanoutServicer(bus))]


async def _timeline(parts: _Parts) -> Served:
    rows = await parts.rows("timeline", timeline_tables.TABLES)
    valkey, tweets = parts.valkey(), await parts.tweets()
    homes = timeline_tables.RowHomeTimelines(rows, _clock)
    relations = CachedRelations(RelationsCache(valkey), await parts.graph())
    service = TimelineService(
        hot=ValkeyHotTimelines(HotLists(valkey)),
        homes=homes,
        authors=tweets,
        tweets=CachedTweets(TweetCache(valkey), tweets),
        relations=relations,
        celebrities=timeline_tables.RowCelebrities(rows, _clock),
        backfill=Backfill(homes, tweets, relations, _clock),
        clock=_clock,
    )
    key = parts.settings.cursor_key or secrets.token_bytes(CURSOR_KEY_BYTES)
    servicer = TimelineServicer(service, CursorCodec(key))
    return [Servicer(_service(timeline_service_pb2), servicer)]


async def _gateway(parts: _Parts) -> Served:
    siblings = {name: parts.settings.addresses[name] for name in DEFAULT_ADDRESSES}
    del siblings["gateway"]
    servicer = HealthServicer(siblings)
    parts.stack.push_async_callback(servicer.aclose)
    return [Servicer(_service(health_service_pb2), servicer)]


def _pushes(parts: _Parts, rows: RowStore) -> LayeredPushes:
    valkey = parts.valkey()
    return LayeredPushes(
        timeline_tables.RowHomeTimelines(rows, _clock),
        ValkeyHotTimelines(HotLists(valkey)),
        TweetCache(valkey),
        RelationsCache(valkey),
        _clock,
    )


def _running(
    build: Callable[[_Parts], Awaitable[Served]],
) -> Callable[[Settings], AbstractAsyncContextManager[Served]]:
    @asynccontextmanager
    async def running(settings: Settings) -> AsyncIterator[Served]:
        async with AsyncExitStack() as stack:
            yield await build(_Parts(settings, stack))

    return running


SERVICES = {
    "id": _running(_id),
    "user": _running(_user),
    "tweet": _running(_tweet),
    "graph": _running(_graph),
    "fanout": _running(_fanout),
    "timeline": _running(_timeline),
    "gateway": _running(_gateway),
}
