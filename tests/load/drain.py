"""Waiting until nothing is left to fan out."""

import asyncio
import sqlite3
import time
from pathlib import Path

from aviary.fanout.v1 import fanout_service_pb2 as pb
from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs

from services.cli.load.progress import Progress
from tests.e2e.conftest import Mesh

# Far beyond what the largest graph takes; a queue that stands still must end the run.
WITHIN_S = 1_800.0
POLL_S = 0.5
OUTBOXES = (("tweet", "tweet_outbox"), ("graph", "graph_outbox"))


async def drain(mesh: Mesh, progress: Progress) -> None:
    """Wait until outboxes and queues are empty, with nothing given up; the bar shows messages."""
    async with mesh.channel("fanout") as channel:
        fanout = stubs.FanoutServiceStub(channel)
        left = await _left(mesh, fanout)
        deadline = time.monotonic() + WITHIN_S
        with progress.phase("drain", left) as step:
            while left:
                assert time.monotonic() < deadline, f"{left} messages do not drain"
                await asyncio.sleep(POLL_S)
                before, left = left, await _left(mesh, fanout)
                # Planning makes new messages, so there may be more than before.
                step.done(before - left)
        for queue in (await fanout.GetBacklog(pb.GetBacklogRequest())).queues:
            request = pb.ListDeadLettersRequest(subscription=queue.subscription)
            letters = (await fanout.ListDeadLetters(request)).dead_letters
            assert not letters, f"{queue.subscription} gave up: {letters[0].reason}"


async def _left(mesh: Mesh, fanout: stubs.FanoutServiceStub) -> int:
    # Outboxes first: what leaves them meanwhile is then counted in a queue.
    waiting = sum(_rows(mesh.data_dir / f"{owner}.db", table) for owner, table in OUTBOXES)
    answer = await fanout.GetBacklog(pb.GetBacklogRequest())
    return waiting + sum(queue.messages for queue in answer.queues)


def _rows(path: Path, table: str) -> int:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        (count,) = connection.execute(f'SELECT count(*) FROM "{table}"').fetchone()  # noqa: S608
    finally:
        connection.close()
    return int(count)
