"""Commands that show or move so many dead letters and no more, over a real server and bus."""

import random
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.cli.operate import run
from services.cli.operate.errors import OperateError
from services.fanout.spec import CONTROLS, FANOUT_REST
from services.platform.bus.consumer import Consumer
from services.platform.bus.port import BusDriver, Message
from services.platform.bus.valkey_streams import ValkeyStreamsDriver
from services.platform.files import local_addresses
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.platform.runtime.clock import SystemClock
from services.platform.runtime.retry_policy import RetryPolicy
from services.platform.specs import all_subscriptions
from tests.contract.valkey_servers import valkey_node
from tests.rpc.queue_world import World

LETTERS = 3
QUEUE = "fanout.rest"
PACE = 100
ANSWERED = ("fanout", "timeline", "user")
"""By one process, which serves nothing of the latter."""


@pytest.fixture
async def bus(tmp_path: Path) -> AsyncIterator[BusDriver]:
    """One with dead letters."""
    with valkey_node(tmp_path) as port:
        bus = ValkeyStreamsDriver(f"redis://127.0.0.1:{port}/0", all_subscriptions())
        await bus.declare(all_subscriptions())
        await bus.publish(FANOUT_REST, [Message(b"poison") for _ in range(LETTERS)])
        taken = 0
        while taken < LETTERS:
            for received in await bus.receive(QUEUE, max_messages=LETTERS, wait_s=5):
                await bus.dead_letter(QUEUE, received, "it is bad")
                taken += 1
        yield bus
        await bus.close()


@pytest.fixture
async def folder(tmp_path: Path, bus: BusDriver) -> AsyncIterator[Path]:
    """A data folder that says where operators are answered."""
    rows = SqliteRowStore(tmp_path / "fanout.db", [CONTROLS], SystemClock())
    await rows.open()
    async with World(bus, rows).process() as process:
        with local_addresses.published(tmp_path, dict.fromkeys(ANSWERED, process.address)):
            yield tmp_path
    await rows.close()


async def test_what_is_not_listed_is_said(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    await run.dead_letters(folder, QUEUE, LETTERS - 1)
    shown = capsys.readouterr()
    assert shown.out.count("it is bad") == LETTERS - 1
    assert shown.err == f"{QUEUE}: the oldest 2 alone; there may be more (--limit)\n"
    await run.dead_letters(folder, None, LETTERS + 1)
    shown = capsys.readouterr()
    assert (shown.out.count("it is bad"), shown.err) == (LETTERS, "")


async def test_what_is_not_put_back_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await run.redrive(folder, QUEUE, LETTERS - 1, per_second=PACE)
    assert capsys.readouterr().err == "there may be more (--limit, --all)\n"
    await run.redrive(folder, QUEUE, None, per_second=PACE)
    shown = capsys.readouterr()
    assert shown.out.endswith(f"put 1 dead letter of {QUEUE} back\n")
    assert shown.err == ""


async def test_no_more_are_put_back_in_a_second_than_were_asked_for(folder: Path) -> None:
    began = time.monotonic()
    await run.redrive(folder, QUEUE, None, per_second=LETTERS - 1)
    # The last one a second after the others.
    assert time.monotonic() - began > 0.9


@pytest.mark.parametrize("limit", [LETTERS, 100, None])
async def test_a_message_that_fails_again_is_redriven_only_once(
    folder: Path, bus: BusDriver, capsys: pytest.CaptureFixture[str], limit: int | None
) -> None:
    async def refuse(_message: Message, _attempt: int) -> None:
        raise ValueError("as bad as ever")

    policy, rng = RetryPolicy(max_attempts=1, base_s=0.01, cap_s=0.01), random.Random(1)  # noqa: S311
    consumer = Consumer(bus, QUEUE, refuse, policy=policy, concurrency=9, rng=rng)
    await consumer.start()
    await run.redrive(folder, QUEUE, limit, per_second=PACE)
    shown = capsys.readouterr()
    assert shown.out.endswith(f"put {LETTERS} dead letters of {QUEUE} back\n")
    assert shown.err == ""
    await consumer.stop()


async def test_a_service_that_lacks_a_call_is_of_another_version(folder: Path) -> None:
    with pytest.raises(OperateError, match=r"^user at .* is of another version"):
        await run.rebuild_home(folder, [1])
