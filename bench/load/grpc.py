"""A closed loop of home reads by gRPC; as `bench.load.http` in all else.

The plan's `host` is the data folder of an Aviary, whose timeline service is asked as its edge asks,
or the `host:port` of a service in plaintext. Each request is `user_id limit`.
"""

import asyncio
import json
import sys
import time
from dataclasses import asdict
from pathlib import Path
from typing import TypeAlias

import grpc.aio
from aviary.timeline.v1 import timeline_service_pb2 as pb

from bench.aviary import channel_of_edge
from bench.load.plan import Outcome, Plan
from bench.rpcs import AS_THE_EDGE, HOME_RPC

Call: TypeAlias = "grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]"

CHANNELS = 2
"""The connections that an edge with two threads has."""


async def _run(plan: Plan) -> Outcome:
    channels = [_channel(plan.host) for _ in range(CHANNELS)]
    # Answers are left as bytes: decoding them is the caller's cost.
    calls: list[Call] = [channel.unary_unary(HOME_RPC) for channel in channels]
    requests = [_encoded(one) for one in plan.requests]
    latencies: list[float] = []
    sent = 0
    began, cpu = time.perf_counter(), time.process_time()
    until = began + (plan.seconds or 0.0)

    async def worker(number: int) -> None:
        nonlocal sent
        call = calls[number % CHANNELS]
        while time.perf_counter() < until:
            request = requests[sent % len(requests)]
            sent += 1
            at = time.perf_counter()
            await call(request, metadata=AS_THE_EDGE)
            latencies.append(time.perf_counter() - at)

    await asyncio.gather(*map(worker, range(plan.connections)))
    took_s, cpu_s = time.perf_counter() - began, time.process_time() - cpu
    for channel in channels:
        await channel.close()
    return Outcome([latencies], {"200": len(latencies)}, "", took_s, cpu_s)


def _channel(where: str) -> grpc.aio.Channel:
    path = Path(where)
    if path.is_dir():
        return channel_of_edge(path, "timeline")
    return grpc.aio.insecure_channel(where, [("grpc.use_local_subchannel_pool", 1)])


def _encoded(request: str) -> bytes:
    user_id, limit = map(int, request.split())
    return pb.GetHomeTimelineRequest(user_id=user_id, limit=limit).SerializeToString()


def main() -> None:
    """Run the plan of stdin."""
    plan = Plan(**json.load(sys.stdin))
    json.dump(asdict(asyncio.run(_run(plan))), sys.stdout)


if __name__ == "__main__":
    main()
