"""Metrics that a service records, with the SDK's own reader and real engines."""

import asyncio
import random
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from opentelemetry.metrics import _internal as opentelemetry_globals

from services.fanout.lag import FanoutLag
from services.platform.bus.consumer import Consumer
from services.platform.bus.delivery_metrics import DeliveryMetrics
from services.platform.bus.port import Message
from services.platform.bus.queue_depths import QueueDepths
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.errors import CallAgain, UnavailableError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.observability import names
from services.platform.outbox.outbox import Outbox, OutboxEntry
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.rows.port import TableSpec
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.specs import all_subscriptions
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient, open_valkey
from services.timeline.hot_lists import HotLists
from services.timeline.model import EncodedTweet, IdRun, ViewerRelations
from services.timeline.relations_cache import RelationsCache
from services.timeline.tweet_cache import TweetCache
from tests.contract.bus_engines import ValkeyServer, valkey_server
from tests.contract.bus_waits import POLICY
from tests.contract.metric_values import Metrics
from tests.contract.timeline_readers import Reader

__all__ = ["valkey_server"]

DEADLINE_S = 20.0


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


@pytest.fixture
async def bus(valkey_server: ValkeyServer) -> AsyncIterator[ValkeyStreamsDriver]:
    driver = ValkeyStreamsDriver(valkey_server.url, all_subscriptions())
    await driver._client.flushall()
    await driver.declare(all_subscriptions())
    yield driver
    await driver.close()


@pytest.fixture
async def valkey(valkey_server: ValkeyServer) -> AsyncIterator[ValkeyClient]:
    async with open_valkey(valkey_server.url, timeout_s=5) as client:
        await client.flushall()
        yield client


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - what a reader holds is no event
            await asyncio.sleep(0.01)


async def test_deliveries_are_counted_by_subscription_and_outcome(
    bus: ValkeyStreamsDriver, metrics: Metrics
) -> None:
    async def handler(message: Message, attempt: int) -> None:
        if message.data == b"poison":
            raise ValueError("cannot read this")
        if message.data == b"patient" and not seen:
            seen.append(attempt)
            raise UnavailableError("away", retry_after_s=0.05)
        if message.data == b"large" and not unfinished:
            unfinished.append(attempt)
            raise CallAgain("there is more to do", after_s=0.05)

    seen: list[int] = []
    unfinished: list[int] = []
    consumer = Consumer(
        bus,
        "fanout.close",
        handler,
        policy=POLICY,
        concurrency=5,
        rng=random.Random(1),  # noqa: S311 - jitter, repeatable
        delivery_metrics=DeliveryMetrics(
            "fanout.close", SystemClock(), meter_provider=metrics.provider
        ),
    )
    bodies = (b"good", b"poison", b"patient", b"large")
    await bus.publish("fanout-close", [Message(each) for each in bodies])
    await consumer.start()

    def counts() -> dict[tuple[object, ...], int]:
        points = metrics.points(names.METRIC_BUS_HANDLER_DURATION)
        return {labels: point.count for labels, point in points.items()}

    expected = {
        ("acked", "fanout.close"): 3,
        ("called-again", "fanout.close"): 1,
        ("outage", "fanout.close"): 1,
        ("retried", "fanout.close"): 2,
        ("dead-lettered", "fanout.close"): 1,
    }
    await until(lambda: counts() == expected)
    await consumer.stop()
    attempts = metrics.points(names.METRIC_BUS_MESSAGE_ATTEMPTS)
    # Neither the outage nor the wish to be called again took an attempt from anybody.
    assert attempts["acked", "fanout.close"].max == 1
    assert attempts["dead-lettered", "fanout.close"].max == POLICY.max_attempts
    ages = metrics.points(names.METRIC_BUS_MESSAGE_AGE)
    # From the publishing, not from the last delivery: it waited out two delays at least.
    assert 0 < ages["dead-lettered", "fanout.close"].max < DEADLINE_S
    assert ages["acked", "fanout.close"].max >= 0.05


async def test_queue_depth_follows_the_backlog_and_goes_with_the_bus(
    bus: ValkeyStreamsDriver, metrics: Metrics, valkey_server: ValkeyServer
) -> None:
    depths = QueueDepths(
        bus, all_subscriptions(), poll_every_s=0.05, meter_provider=metrics.provider
    )
    await depths.start()
    try:
        await bus.publish("fanout-rest", [Message(b"%d" % n) for n in range(3)])

        def depth() -> dict[tuple[object, ...], float]:
            return metrics.values(names.METRIC_BUS_BACKLOG)

        await until(lambda: depth().get(("fanout.rest",)) == 3)
        assert set(depth()) == {(each.name,) for each in all_subscriptions()}
        valkey_server.kill()
        await until(lambda: depth() == {})
        await asyncio.to_thread(valkey_server.start)
        await until(lambda: depth().get(("fanout.rest",)) == 3)
    finally:
        await depths.stop()


async def test_dead_letters_are_counted_until_they_are_redriven(
    bus: ValkeyStreamsDriver, metrics: Metrics
) -> None:
    depths = QueueDepths(
        bus, all_subscriptions(), poll_every_s=0.05, meter_provider=metrics.provider
    )
    await depths.start()
    try:
        await bus.publish("fanout-rest", [Message(b"poison")])
        [received] = await bus.receive("fanout.rest", max_messages=1, wait_s=1)
        await bus.dead_letter("fanout.rest", received, "it is bad")

        def dead() -> dict[tuple[object, ...], float]:
            return metrics.values(names.METRIC_BUS_DEAD_LETTERS)

        await until(lambda: dead().get(("fanout.rest",)) == 1)
        assert sum(dead().values()) == 1
        assert set(dead()) == {(each.name,) for each in all_subscriptions()}
        await bus.redrive("fanout.rest", limit=1)
        await until(lambda: dead().get(("fanout.rest",)) == 0)
    finally:
        await depths.stop()


async def test_outbox_reports_what_it_holds_while_the_bus_is_away(
    bus: ValkeyStreamsDriver, metrics: Metrics, valkey_server: ValkeyServer, tmp_path: Path
) -> None:
    table = TableSpec("some_outbox")
    clock = SystemClock()
    store = SqliteRowStore(tmp_path / "rows.db", [table], clock)
    await store.open()
    outbox = Outbox(store, clock, table)
    sweeps = Sweeps(outbox, store, clock, "one")
    relay = OutboxRelay(outbox, bus, sweeps, meter_provider=metrics.provider)
    await relay.start()

    def held() -> float | None:
        return metrics.values(names.METRIC_OUTBOX_HELD).get(("some_outbox",))

    try:
        valkey_server.kill()
        for entry_id in range(1, 6):
            await relay.commit([], OutboxEntry(entry_id, "tweet-events", b"event"))
        assert held() == 5
        await asyncio.to_thread(valkey_server.start)
        await until(lambda: held() == 0)
    finally:
        await relay.stop()
        await store.close()


def test_fanout_lag_is_counted_from_the_tweets_creation(metrics: Metrics) -> None:
    lag = FanoutLag(SystemClock(), meter_provider=metrics.provider)
    now_ms = time.time_ns() // 1_000_000
    lag.planned(first_id_at(now_ms - 2_000), pushed=True)
    lag.pushed(first_id_at(now_ms - 5_000))
    # Made on a machine whose clock is ahead.
    lag.pushed(first_id_at(now_ms + 60_000))
    points = metrics.points(names.METRIC_FANOUT_LAG)
    assert 2 <= points[("plan",)].sum < 2 + DEADLINE_S
    assert 5 <= points[("push",)].max < 5 + DEADLINE_S
    assert points[("push",)].min == 0


class NobodyFollows:
    async def fetch(self, _viewer: int) -> ViewerRelations:
        return ViewerRelations(frozenset())


async def test_caches_count_hits_and_misses(valkey: ValkeyClient, metrics: Metrics) -> None:
    counted = CacheMetrics(meter_provider=metrics.provider)
    tweets = TweetCache(valkey, metrics=counted)
    await tweets.put_many(
        [EncodedTweet(1, author_id=1, deleted=False, visibility=0, body=b"\x08\x01\x10\x01")]
    )
    await tweets.get_many([1, 2, 3])

    def process() -> Reader:
        relations = RelationsCache(valkey, metrics=counted)
        return Reader(HotLists(valkey), relations, NobodyFollows(), counted)

    timelines = process()
    absent = await timelines.home(1, None, 10, warm=True)
    await timelines.authors([1], None, 10)
    await timelines.finish_warm_home(1, absent.token, IdRun((5,), ended=True))
    await timelines.home(1, None, 10)
    await process().home(1, None, 9)
    assert metrics.values(names.METRIC_CACHE_HITS) == {
        ("tweets",): 1,
        # Of one reader that had them already, and of one that had not.
        ("relations",): 2,
        ("home",): 2,
    }
    assert metrics.values(names.METRIC_CACHE_MISSES) == {
        ("tweets",): 2,
        ("relations",): 1,
        ("home",): 1,
        ("author",): 1,
    }


async def test_failures_of_the_hot_store_are_counted(
    valkey: ValkeyClient,
    metrics: Metrics,
    valkey_server: ValkeyServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The process's own provider, which can otherwise be set but once.
    monkeypatch.setattr(opentelemetry_globals, "_METER_PROVIDER", metrics.provider)
    tweets = TweetCache(valkey)
    await tweets.get_many([1])
    assert metrics.values(names.METRIC_HOT_STORE_UNAVAILABLE) == {}
    valkey_server.kill()
    try:
        for _ in range(2):
            with pytest.raises(UnavailableError):
                await tweets.get_many([1])
    finally:
        await asyncio.to_thread(valkey_server.start)
    assert sum(metrics.values(names.METRIC_HOT_STORE_UNAVAILABLE).values()) == 2
    assert metrics.values(names.METRIC_CACHE_MISSES) == {("tweets",): 1}
