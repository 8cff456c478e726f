"""Waiting until nothing is left to fan out."""

import asyncio
import time

from aviary.fanout.v1 import fanout_service_pb2_grpc as stubs

from bench.queues import undelivered
from services.cli.load.progress import Progress
from tests.e2e.conftest import Mesh

# Far beyond what the largest graph takes; a queue that stands still must end the run.
WITHIN_S = 1_800.0
POLL_S = 0.5


async def drain(mesh: Mesh, progress: Progress) -> None:
    """Wait until outboxes and queues are empty, with nothing given up; the bar shows messages."""
    async with mesh.channel("fanout") as channel:
        fanout = stubs.FanoutServiceStub(channel)
        left = await undelivered(mesh.data_dir, fanout)
        deadline = time.monotonic() + WITHIN_S
        with progress.phase("drain", left) as step:
            while left:
                assert time.monotonic() < deadline, f"{left} messages do not drain"
                await asyncio.sleep(POLL_S)
                before, left = left, await undelivered(mesh.data_dir, fanout)
                # Planning makes new messages, so there may be more than before.
                step.done(before - left)
