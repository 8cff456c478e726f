"""What stores, the cache's circuit, leases and controls report of themselves."""

import asyncio
import os
import signal
from pathlib import Path

import pytest
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import TimeoutError as NoAnswerError

from services.fanout.spec import CONTROLS
from services.fanout.store import RowThresholdStore
from services.fanout.threshold import OperatedThreshold
from services.fanout.threshold_metrics import observe_threshold
from services.platform.errors import UnavailableError
from services.platform.ids.model import Lease
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.lease_metrics import observe_lease
from services.platform.observability import names
from services.platform.queues.metrics import observe_pauses
from services.platform.queues.pauses import Pauses
from services.platform.queues.store import RowPauseStore
from services.platform.rows.metering import MeteredRowStore
from services.platform.rows.port import Row, RowMutation, RowStore
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.valkey.breaker import GuardedValkey
from services.platform.valkey.connection import open_valkey
from services.platform.valkey.round_trips import BUS, RoundTrips
from services.platform.valkey.script import Script
from tests.contract.metric_values import Metrics
from tests.contract.row_engines import bigtable_emulator, store
from tests.contract.valkey_servers import valkey_node

__all__ = ["bigtable_emulator", "store"]

TABLE = "first"


@pytest.fixture
def metrics() -> Metrics:
    return Metrics()


async def test_each_call_of_the_rows_is_timed(store: RowStore, metrics: Metrics) -> None:
    rows = MeteredRowStore(store, "some-engine", meter_provider=metrics.provider)
    assert rows.atomic_batches == store.atomic_batches
    mutation = RowMutation(TABLE, b"a", {b"c": b"1"})
    await rows.mutate([mutation, RowMutation(TABLE, b"b", {b"c": b"2"})])
    await rows.mutate([])
    assert await rows.check_and_mutate(TABLE, b"a", b"c", b"1", mutation) == b"1"
    assert await rows.increment(TABLE, b"n", b"c", 3) == 3
    assert await rows.read_rows(TABLE, [b"a"]) == {b"a": Row(b"a", {b"c": b"1"})}
    assert [row.key for row in await rows.scan(TABLE, b"a", b"c", limit=5)] == [b"a", b"b"]
    with pytest.raises(Exception):  # noqa: B017, PT011 - each engine has an error of its own
        await rows.read_rows("no such table", [b"a"])
    counts = {
        labels: point.count for labels, point in metrics.points(names.METRIC_ROWS_DURATION).items()
    }
    expected = {
        ("some-engine", operation, "ok", TABLE): 1
        for operation in ("mutate", "check_and_mutate", "increment", "read", "scan")
    }
    assert counts == expected | {("some-engine", "read", "failed", "no such table"): 1}


async def test_scripts_are_timed_alone_or_as_they_were_sent_together(
    tmp_path: Path, metrics: Metrics
) -> None:
    trips = RoundTrips(BUS, meter_provider=metrics.provider)

    def counts() -> dict[tuple[object, ...], int]:
        points = metrics.points(names.METRIC_VALKEY_DURATION)
        return {labels: point.count for labels, point in points.items()}

    with valkey_node(tmp_path) as port:
        client = open_valkey(f"redis://127.0.0.1:{port}/0", timeout_s=5)
        script = Script(client, "return ARGV[1]", trips=trips)
        await script.run([], 1)  # and once more, as the server did not know it
        await script.run([], 1)
        before = counts()["ok", BUS]
        answers = await asyncio.gather(*(script.run([], n) for n in range(20)))
        assert answers == [b"%d" % n for n in range(20)]
        assert counts() == {("ok", BUS): before + 20}
        await script.run_pages([((b"a",), (1,)), ((b"b",), (1,))])
        assert counts() == {("ok", BUS): before + 21}
    with pytest.raises(UnavailableError):
        await script.run([], 1)
    await client.aclose()
    assert counts() == {("ok", BUS): before + 21, ("failed", BUS): 1}


async def test_the_circuit_shows_whether_it_is_open(
    tmp_path: Path, metrics: Metrics, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("opentelemetry.metrics._internal._METER_PROVIDER", metrics.provider)

    def is_open() -> float:
        return metrics.values(names.METRIC_CACHE_CIRCUIT_OPEN)[()]

    with valkey_node(tmp_path) as port:
        client = GuardedValkey.from_url(f"redis://127.0.0.1:{port}/0", socket_timeout=1)
        pid = (await client.info("server"))["process_id"]
        assert is_open() == 0
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises((NoConnectionError, NoAnswerError, TimeoutError)):
            await client.ping()
        assert is_open() == 1
        os.kill(pid, signal.SIGCONT)
        async with asyncio.timeout(20):
            while is_open():  # noqa: ASYNC110 - what an exporter reads is no event
                await asyncio.sleep(0.01)
        await client.aclose()


def test_a_lease_shows_what_is_left_of_it(metrics: Metrics) -> None:
    clock = MovableClock(1_000_000)
    generator = SnowflakeGenerator(clock)
    observe_lease(generator, meter_provider=metrics.provider)

    def left_s() -> float:
        return metrics.values(names.METRIC_ID_LEASE_REMAINING)[()]

    assert left_s() == 0
    generator.hold(Lease(1, "me", 0, 1_030_000))
    assert left_s() == 30
    clock.ms += 29_500
    assert left_s() == 0.5
    clock.ms += 29_500
    assert left_s() == 0
    generator.hold(Lease(1, "me", 0, clock.ms + 60_000))
    generator.drop()
    assert left_s() == 0


class MovableClock:
    def __init__(self, ms: int) -> None:
        self.ms = ms

    def now_ms(self) -> int:
        return self.ms


class Queue:
    def __init__(self) -> None:
        self.quiet = asyncio.Event()
        self.quiet.set()

    fails = False

    def pause(self) -> None:
        pass

    def resume(self) -> None:
        pass


async def test_the_threshold_and_the_pauses_are_gauges(tmp_path: Path, metrics: Metrics) -> None:
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    await rows.open()
    threshold = OperatedThreshold(RowThresholdStore(rows), 500)
    observe_threshold(threshold, meter_provider=metrics.provider)
    pauses = Pauses(RowPauseStore(rows, CONTROLS))
    observe_pauses(pauses, meter_provider=metrics.provider)
    for name in ("one", "two"):
        pauses.govern(name, Queue())

    def gauges() -> tuple[dict[tuple[object, ...], float], dict[tuple[object, ...], float]]:
        return (
            metrics.values(names.METRIC_FANOUT_THRESHOLD),
            metrics.values(names.METRIC_BUS_PAUSED),
        )

    assert metrics.values(names.METRIC_BUS_FAILING) == {("one",): 0, ("two",): 0}
    # Until the store was read, nothing is consumed.
    assert gauges() == ({("setting",): 500}, {("one",): 1, ("two",): 1})
    await threshold.set(7)
    await pauses.set_paused(["two", "of another process"], paused=True)
    assert gauges() == ({("operator",): 7}, {("one",): 0, ("two",): 1})
    await rows.close()
