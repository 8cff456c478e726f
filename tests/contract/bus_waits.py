"""Waiting for messages, with a deadline."""

import asyncio
import random
import time
from collections.abc import Callable

from services.platform.bus.batch_consumer import BatchConsumer, Batches, BatchHandler
from services.platform.bus.consumer import Consumer, Handler
from services.platform.bus.port import BusDriver, Received
from services.platform.runtime.retry_policy import RetryPolicy

__all__ = ["DEADLINE_S", "POLICY", "batch_consumer_of", "consumer_of", "take", "until"]

DEADLINE_S = 20.0
POLICY = RetryPolicy(max_attempts=3, base_s=0.05, cap_s=0.2)
AT_ONCE = Batches(every_s=0.0)


async def take(
    driver: BusDriver, subscription: str, count: int, deadline_s: float = DEADLINE_S
) -> list[Received]:
    """Receive until `count` came."""
    taken: list[Received] = []
    async with asyncio.timeout(deadline_s):
        while len(taken) < count:
            most = count - len(taken)
            taken += await driver.receive(subscription, max_messages=most, wait_s=1.0)
    return taken


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while not condition():  # noqa: ASYNC110 - some conditions are lengths, not events
            await asyncio.sleep(0.01)


def consumer_of(  # noqa: PLR0913 - as the consumer has them
    driver: BusDriver,
    handler: Handler,
    *,
    yield_to: Consumer | None = None,
    yields: Callable[[], bool] = lambda: True,
    name: str = "first.one",
    policy: RetryPolicy = POLICY,
) -> Consumer:
    return Consumer(
        driver,
        name,
        handler,
        policy=policy,
        concurrency=50,
        rng=random.Random(1),  # noqa: S311 - jitter, repeatable
        yield_to=yield_to,
        yields=yields,
    )


def batch_consumer_of(  # noqa: PLR0913 - as the consumer has them
    driver: BusDriver,
    handler: BatchHandler,
    *,
    yield_to: BatchConsumer | None = None,
    name: str = "first.one",
    policy: RetryPolicy = POLICY,
    batches: Batches = AT_ONCE,
    monotonic: Callable[[], float] = time.monotonic,
) -> BatchConsumer:
    return BatchConsumer(
        driver,
        name,
        handler,
        policy=policy,
        batches=batches,
        rng=random.Random(1),  # noqa: S311 - jitter, repeatable
        yield_to=yield_to,
        monotonic=monotonic,
    )
