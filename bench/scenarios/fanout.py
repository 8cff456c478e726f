"""How many timelines one fan-out worker writes in a second."""

import asyncio
import time

from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs

from bench.aviary import Aviary
from bench.checks import check_pushed
from bench.context import Bench
from bench.costs import spent
from bench.measuring import median
from bench.queues import unsent
from bench.results import Better, Figure, Result, Row

__all__ = ["NAME", "TITLE", "run"]

NAME = "fanout"
TITLE = "Fan-out of one worker, hot and persistent"
DELIVERIES = 400_000
QUICK_DELIVERIES = 60_000
"""In one round: posted while the fan-out is paused, then delivered."""
LONG_RUN_ROUNDS = 3
WORKER = "fanout"
POLL_S = 0.02
LEAST_SHOWN_US = 0.01


def run(bench: Bench) -> Result:
    """Queue tweets of an author whom all readers follow, then let the worker go."""
    world = bench.world
    (author,) = world.people(1)
    world.follow({viewer: [author.user_id] for viewer in bench.viewers})
    world.read(bench.viewers)
    wanted = DELIVERIES if bench.options.rounds >= LONG_RUN_ROUNDS else QUICK_DELIVERIES
    count = max(1, wanted // len(bench.viewers))
    rates, costs, by_process = [], [], []
    for _ in range(bench.options.rounds):
        asyncio.run(_steer(bench.aviary, pause=True))
        world.post(((author.user_id, text) for text in _texts(bench, count)), drain=False)
        while unsent(bench.aviary.data_dir):
            time.sleep(POLL_S)
        before, began = bench.aviary.cpu(), time.monotonic()
        asyncio.run(_steer(bench.aviary, pause=False))
        bench.aviary.drain(POLL_S)
        took_s = time.monotonic() - began
        cpu = spent(before, bench.aviary.cpu())
        check_pushed(bench, bench.viewers, max(tweet for tweet, _, _ in world.tweets))
        deliveries = count * len(bench.viewers)
        rates.append(deliveries / took_s)
        costs.append(deliveries / cpu[WORKER])
        by_process.append({name: s * 1e6 / deliveries for name, s in cpu.items()})
    middle = {name: median([one.get(name, 0.0) for one in by_process]) for name in by_process[0]}
    shown = {name: us for name, us in middle.items() if us >= LEAST_SHOWN_US}
    return Result(
        NAME,
        TITLE,
        [
            Figure("deliveries", median(rates), "/s", target=80_000.0),
            Figure("deliveries in a second of the worker's CPU", median(costs), "/s"),
            Figure("CPU of all processes", sum(middle.values()), "µs", Better.LOWER),
        ],
        [
            Row(
                "a delivery",
                median(rates),
                shown,
                sum(middle.values()),
                {},
                [],
                0.0,
                requests=deliveries * bench.options.rounds,
            )
        ],
        [(f"{count:,} tweets to {len(bench.viewers):,} readers in a round; from resume to last.")],
    )


def _texts(bench: Bench, count: int) -> list[str]:
    texts = bench.world.texts
    return [texts[place % len(texts)] for place in range(count)]


async def _steer(one: Aviary, *, pause: bool) -> None:
    async with one.channel(WORKER) as channel:
        stub: stubs.FanoutServiceAsyncStub = stubs.FanoutServiceStub(channel)
        answer = await stub.GetControls(pb.GetControlsRequest())
        names = [one.subscription for one in answer.controls.subscriptions]
        if pause:
            await stub.PauseSubscriptions(pb.PauseSubscriptionsRequest(subscriptions=names))
        else:
            await stub.ResumeSubscriptions(pb.ResumeSubscriptionsRequest(subscriptions=names))
