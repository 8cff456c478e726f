"""What goes on for ever goes on, whatever fails in it and though nothing can be logged."""

import ast
import asyncio
import errno
import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import pytest
import structlog

from gateway.control_plane.extension_config_service import ExtensionConfigServicer, Sources
from gateway.control_plane.reputation import ReputationRules
from services.fanout.controls import FanoutControls, StoredThreshold
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import Message, Received, Subscription
from services.platform.bus.queue_depths import QueueDepths
from services.platform.bus.retry_policy import RetryPolicy
from services.platform.errors import UnavailableError
from services.platform.flags.provider import FileProvider
from services.platform.flags.watch import FlagFile
from services.platform.ids.model import LEASE_TERM_MS, Lease
from services.platform.ids.snowflake import SnowflakeGenerator
from services.platform.leasing.lease_keeper import LeaseKeeper
from services.platform.outbox.outbox import OutboxEntry
from services.platform.outbox.relay import OutboxRelay
from services.platform.rows.sqlite.garbage import GarbageCollection
from services.platform.runtime.clock import SystemClock
from services.timeline.deletions import DeletionListener
from services.timeline.local_tweets import LocalTweets

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 10.0
TRIES = 4

TASKS: Mapping[str, str] = {
    "services/platform/runtime/background.py": "the one that runs loops",
    "services/platform/composition/bus.py": "waits for the bus; else not ready",
    "services/platform/bus/consumer.py": "one delivery each; the events that a step waits for",
    "services/graph/changes.py": "one change of a request, which waits for it",
    "services/cli/load/loader.py": "a command",
    "services/platform/rpc/renewed_channel.py": "closes one channel",
    "services/timeline/store.py": "one read of a list; its callers see how it ends",
    "services/platform/valkey/breaker.py": "probes until it is answered; the next call begins anew",
    "services/platform/valkey/coalescer.py": "sends what waits; the next call begins anew",
    "services/local/child.py": "keeps one child, whatever raises",
    "gateway/draining_envoy.py": "waits for Envoy's end, with which it ends itself",
    "services/identity/listener.py": "serves; the process is not ready once it has ended",
    "gateway/control_plane/extension_config_service.py": "one stream of an edge",
}
"""Where tasks are made that no loop helper runs, and why each may be."""

THREADS: Mapping[str, str] = {
    "services/platform/audit/log.py": "brings entries to the disk; else the process is not ready",
    "services/platform/rows/sqlite/threads.py": "writes; as above",
    "services/local/child.py": "writes a child's log, and never raises",
}


class Failing:
    """Whatever is asked of it fails, each time with another kind of error."""

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


class Looping(Protocol):
    def holds(self) -> bool: ...
    async def stop(self) -> None: ...


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


async def a_lease_keeper(failing: Failing) -> Looping:
    class Source:
        """Grants one lease, and fails from then on."""

        renew = failing.renew

        async def acquire(self, owner: str, _last_used_ms: int) -> Lease:
            Source.acquire = failing.acquire  # type: ignore[method-assign]
            return Lease(1, owner, 0, SystemClock().now_ms() + LEASE_TERM_MS)

        async def release(self, *_: object) -> None:
            pass

    ids = SnowflakeGenerator(SystemClock())
    keeper = LeaseKeeper(Source(), ids, "me", renew_every_s=0.001, retry_every_s=0.001)  # type: ignore[arg-type]
    await keeper.start()
    return keeper


class Outbox:
    """Takes what is committed, and fails in all else."""

    table = "outbox"

    def __init__(self, failing: Failing) -> None:
        self.pending = failing.pending

    async def commit(self, *_: object) -> None:
        pass


async def a_relay(failing: Failing) -> Looping:
    relay = OutboxRelay(Outbox(failing), failing, sweep_interval_s=0.001)  # type: ignore[arg-type]
    await relay.start()
    return relay


class FullBus(Failing):
    """Gives a message at each receive, and takes no ack."""

    async def receive(self, *_: object, **__: object) -> Sequence[Received]:
        await asyncio.sleep(0.001)
        return [Received(Message(b""), "handle", 1)]


def consumer(driver: Failing) -> Looping:
    async def handle(_message: Message, _attempt: int) -> None:
        pass

    consumer = Consumer(
        driver,  # type: ignore[arg-type]
        "fanout.plan",
        handle,
        policy=RetryPolicy(max_attempts=1, base_s=0.001, cap_s=0.001),
        concurrency=1,
        rng=random.Random(1),  # noqa: S311 - jitter guards nothing
    )
    consumer.start()
    return consumer


async def a_consumer_that_receives(failing: Failing) -> Looping:
    return consumer(failing)


async def queue_depths(failing: Failing) -> Looping:
    depths = QueueDepths(failing, [Subscription("a", "b")], poll_every_s=0.001)  # type: ignore[arg-type]
    depths.start()
    return depths


async def controls(failing: Failing) -> Looping:
    controls = FanoutControls(failing, StoredThreshold(1), {}, poll_every_s=0.001)  # type: ignore[arg-type]
    controls.start()
    return controls


async def garbage(failing: Failing) -> Looping:
    collection = GarbageCollection(failing.collect, every_s=0.001, rng=random.Random(1))  # noqa: S311
    # Its bound is its pause, which is an hour and not as here.
    collection._collecting._stale_after_s = WAIT_S
    collection.start()
    return collection


async def deletions(failing: Failing) -> Looping:
    def connect() -> Any:
        failing.asked += 1
        raise OSError("gone")

    listener = DeletionListener(connect, LocalTweets())
    listener.start()
    return listener


async def extension_configs(failing: Failing) -> Looping:
    sources = Sources(failing, failing, lambda: False)  # type: ignore[arg-type]
    configs = ExtensionConfigServicer(sources, SystemClock(), ReputationRules(), refresh_s=0.001)
    configs.start()
    return configs


@pytest.mark.parametrize(
    "made",
    [
        *(a_lease_keeper, a_relay, a_consumer_that_receives, queue_depths, controls),
        *(garbage, deletions, extension_configs),
    ],
    ids=lambda made: made.__name__,
)
async def test_a_loop_goes_on(made: Callable[[Failing], Any]) -> None:
    """Whatever it asks fails, and so does each line that would tell of it."""
    failing = Failing()
    looping = await made(failing)
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
    """What it could not publish is in nobody's hand, for a sweeper to find."""
    failing = Failing()
    relay = OutboxRelay(Outbox(Failing()), failing)  # type: ignore[arg-type]
    await relay.start()
    for number in range(TRIES):
        await relay.commit([], OutboxEntry(number, "topic", b""))
        async with asyncio.timeout(WAIT_S):
            while failing.asked <= number:  # noqa: ASYNC110 - as above
                await asyncio.sleep(0.01)
        assert relay.holds()
    async with asyncio.timeout(WAIT_S):
        while relay._held:  # noqa: ASYNC110 - a metric tells it, from another thread
            await asyncio.sleep(0.01)
    await relay.stop()


async def test_a_consumer_whose_acks_fail_goes_on() -> None:
    """Nothing stays in hand for good."""
    bus = FullBus()
    looping = consumer(bus)
    async with asyncio.timeout(WAIT_S):
        while bus.asked < TRIES:
            assert looping.holds()
            await asyncio.sleep(0.01)
    await looping.stop()


async def test_a_file_of_flags_is_followed_all_the_same(tmp_path: Path) -> None:
    """What is wrong with it cannot be told, and what is right is taken."""
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


def test_no_other_task_or_thread_is_begun() -> None:
    """A loop that nobody watches over would end in silence."""
    tasks, threads = set(), set()
    for path in (*ROOT.glob("services/**/*.py"), *ROOT.glob("gateway/**/*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                if node.func.attr in {"create_task", "ensure_future"}:
                    tasks.add(str(path.relative_to(ROOT)))
                if node.func.attr == "Thread":
                    threads.add(str(path.relative_to(ROOT)))
    assert tasks == TASKS.keys()
    assert threads == THREADS.keys()
