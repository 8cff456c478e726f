"""Background loops go on, whatever fails in a step and though nothing can be logged."""

import asyncio
import errno
import random
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, cast

import pytest
import structlog

from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.reputation import ReputationRules
from services.fanout.threshold import OperatedThreshold
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import Message, Received, Subscription
from services.platform.bus.queue_depths import QueueDepths
from services.platform.errors import UnavailableError
from services.platform.flags.provider import FileProvider
from services.platform.flags.watch import FlagFile
from services.platform.ids.model import LEASE_TERM_MS, Lease
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.lease_keeper import LeaseKeeper
from services.platform.observability.names import METRIC_LOOP_FAILURES
from services.platform.outbox.outbox import OutboxEntry
from services.platform.outbox.relay import OutboxRelay
from services.platform.outbox.sweeps import Sweeps
from services.platform.queues.pauses import Pauses
from services.platform.rows.sqlite.garbage import GarbageCollection
from services.platform.runtime.background import Background
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.loops import Running
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.valkey.announcements import AnnouncementListener
from services.timeline.local_tweets import LocalTweets
from tests.contract.metric_values import Metrics

WAIT_S = 10.0
TRIES = 4


class Failing:
    """Every method fails, each time with another kind of error."""

    def __init__(self) -> None:
        self.asked = 0

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if name.startswith("__"):
            raise AttributeError(name)

        async def fail(*_: object, **__: object) -> Any:
            self.asked += 1
            errors = (
                UnavailableError("gone"),
                OSError(errno.ENOSPC, "full"),
                RuntimeError("a fault"),
                asyncio.CancelledError(),
            )
            raise errors[self.asked % len(errors)]

        return fail


class FullDisk:
    """A log that cannot be written."""

    def msg(self, message: str) -> None:
        raise OSError(errno.ENOSPC, message)

    log = debug = info = warn = warning = error = critical = exception = msg


@pytest.fixture(autouse=True)
def _log_on_a_full_disk() -> Iterator[None]:
    before = structlog.get_config()
    structlog.configure(logger_factory=lambda *_: FullDisk())
    yield
    structlog.configure(**before)


async def a_lease_keeper(failing: Failing) -> Running:
    class Source:
        """Grants one lease, and fails from then on."""

        renew = failing.renew

        async def acquire(self, owner: str, _last_used_ms: int) -> Lease:
            Source.acquire = failing.acquire  # type: ignore[method-assign]
            return Lease(1, owner, 0, SystemClock().now_ms() + LEASE_TERM_MS)

        async def release(self, *_: object) -> None:
            pass

    ids = SnowflakeGenerator(SystemClock())
    return LeaseKeeper(Source(), ids, "me", renew_every_s=0.001, retry_every_s=0.001)  # type: ignore[arg-type]


class Outbox:
    """Takes what is committed, and fails in all else."""

    table = "outbox"

    def __init__(self, failing: Failing) -> None:
        self.pending = failing.pending
        self.settle = failing.settle

    async def commit_all(self, *_: object) -> None:
        pass


def relay_of(failing: Failing, bus: object, *, sweep_interval_s: float) -> OutboxRelay:
    outbox: Any = Outbox(failing)
    sweeps = Sweeps(outbox, cast("Any", failing), SystemClock(), "me")
    return OutboxRelay(outbox, cast("Any", bus), sweeps, sweep_interval_s=sweep_interval_s)


async def a_relay(failing: Failing) -> Running:
    return relay_of(failing, failing, sweep_interval_s=0.001)


class FullBus(Failing):
    """Gives a message at each receive, and takes no ack."""

    async def receive(self, *_: object, **__: object) -> Sequence[Received]:
        await asyncio.sleep(0.001)
        return [Received(Message(b""), "handle", 1)]


def consumer(driver: Failing) -> Running:
    async def handle(_message: Message, _attempt: int) -> None:
        pass

    return Consumer(
        driver,  # type: ignore[arg-type]
        "fanout.plan",
        handle,
        policy=RetryPolicy(max_attempts=1, base_s=0.001, cap_s=0.001),
        concurrency=1,
        rng=random.Random(1),  # noqa: S311 - jitter guards nothing
    )


async def a_consumer_that_receives(failing: Failing) -> Running:
    return consumer(failing)


async def queue_depths(failing: Failing) -> Running:
    return QueueDepths(failing, [Subscription("a", "b")], poll_every_s=0.001)  # type: ignore[arg-type]


async def pauses(failing: Failing) -> Running:
    return Pauses(failing, poll_every_s=0.001)  # type: ignore[arg-type]


async def threshold(failing: Failing) -> Running:
    return OperatedThreshold(failing, 1, poll_every_s=0.001)  # type: ignore[arg-type]


class Started:
    """Garbage collection, which a row store starts itself, behind the interface of other loops."""

    def __init__(self, collection: GarbageCollection) -> None:
        self.holds, self.stop = collection.holds, collection.stop
        self._begin = collection.start

    async def start(self) -> None:
        self._begin()


async def garbage(failing: Failing) -> Running:
    collection = GarbageCollection(failing.collect, every_s=0.001, rng=random.Random(1))  # noqa: S311
    # Its bound is its pause, which is an hour and not as here.
    collection._collecting._stale_after_s = WAIT_S
    return Started(collection)


async def deletions(failing: Failing) -> Running:
    def connect() -> Any:
        failing.asked += 1
        raise OSError("gone")

    return AnnouncementListener(connect, b"gone", LocalTweets())


async def extension_configs(failing: Failing) -> Running:
    sources = Sources(failing, failing, lambda: False)  # type: ignore[arg-type]
    return ExtensionConfigServicer(sources, SystemClock(), ReputationRules(), refresh_s=0.001)


@pytest.mark.parametrize(
    "made",
    [
        *(a_lease_keeper, a_relay, a_consumer_that_receives, queue_depths),
        *(pauses, threshold),
        *(garbage, deletions, extension_configs),
    ],
    ids=lambda made: made.__name__,
)
async def test_a_loop_goes_on(made: Callable[[Failing], Any]) -> None:
    """Every call of the loop fails, and so does each log line that would report it."""
    failing = Failing()
    looping = await made(failing)
    assert looping.holds()
    await looping.start()
    began = failing.asked
    async with asyncio.timeout(WAIT_S):
        while failing.asked < began + TRIES:
            assert looping.holds()
            await asyncio.sleep(0.01)
    if isinstance(looping, OutboxRelay):
        await looping.stop(0.01)
    else:
        await looping.stop()
    assert looping.holds()


async def test_a_lane_of_an_outbox_goes_on() -> None:
    """Entries that it could not publish are released, so that the sweeper finds them."""
    failing = Failing()
    relay = relay_of(Failing(), failing, sweep_interval_s=3_600.0)
    await relay.start()
    for number in range(TRIES):
        await relay.commit([], OutboxEntry(number, "topic", b""))
        async with asyncio.timeout(WAIT_S):
            while failing.asked <= number:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert relay.holds()
    async with asyncio.timeout(WAIT_S):
        while relay._held:  # noqa: ASYNC110 - a counter, not an event
            await asyncio.sleep(0.01)
    await relay.stop()


async def test_the_settling_of_an_outbox_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Entries that it could not settle are released too."""

    class Bus:
        async def publish(self, *_: object) -> None:
            pass

    monkeypatch.setattr("services.platform.outbox.settling.SETTLE_AFTER_S", 0.001)
    failing = Failing()
    relay = relay_of(failing, Bus(), sweep_interval_s=3_600.0)
    await relay.start()
    for number in range(TRIES):
        began = failing.asked
        await relay.commit([], OutboxEntry(number, "topic", b""))
        async with asyncio.timeout(WAIT_S):
            while failing.asked == began or relay._held:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert relay.holds()
    await relay.stop()


async def test_a_consumer_whose_acks_fail_goes_on() -> None:
    """Messages whose ack failed are not held for good."""
    bus = FullBus()
    looping = consumer(bus)
    await looping.start()
    async with asyncio.timeout(WAIT_S):
        while bus.asked < TRIES:
            assert looping.holds()
            await asyncio.sleep(0.01)
    await looping.stop()


async def test_a_file_of_flags_is_followed_all_the_same(tmp_path: Path) -> None:
    """What is wrong with it cannot be logged; what is right is still taken."""
    file = tmp_path / "flags.yaml"
    file.write_text("{{{")
    watched = FlagFile(file, FileProvider(), poll_every_s=0.001)
    while True:
        try:
            await watched.start()
        except OSError:
            continue
        break
    for number in range(3):
        file.write_text("{{{" * (number + 2))
        await asyncio.sleep(0.01)
    assert watched.holds()
    await watched.stop()


async def test_a_loop_that_fails_is_counted() -> None:
    """The counter shows a failure that cannot be logged."""
    metrics, failing = Metrics(), Failing()
    loop = Background("tested", failing.step, meter_provider=metrics.provider)
    loop.start()
    async with asyncio.timeout(WAIT_S):
        while failing.asked < TRIES:  # noqa: ASYNC110 - as above
            await asyncio.sleep(0.01)
    await loop.stop()
    assert metrics.values(METRIC_LOOP_FAILURES)[("tested",)] >= TRIES - 1
