"""How many streams a process of the live service holds, and in how much memory."""

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import grpc
import pytest
from aviary.live.v1 import live_service_pb2 as pb
from aviary.live.v1 import live_service_pb2_grpc as stubs

from services.live.streams import MOST_OPEN

MOST_KB = 150 * 1_024
TOGETHER = 100


@contextmanager
def live_server() -> Iterator[tuple[int, str]]:
    command = [sys.executable, "-m", "tests.live_server"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            line = ""
            while not line.startswith("address "):
                line = process.stdout.readline()
                assert line, "it has ended"
            yield process.pid, line.split()[1]
        finally:
            process.kill()


def resident_kb(process_id: int) -> int:
    lines = Path(f"/proc/{process_id}/status").read_text().splitlines()
    (found,) = [line.split()[1] for line in lines if line.startswith("VmRSS:")]
    return int(found)


@pytest.mark.timeout(300)
async def test_as_many_streams_as_it_may_have_fit_in_150_mb() -> None:
    with live_server() as (process_id, address):
        async with grpc.aio.insecure_channel(address) as channel:
            stub = stubs.LiveServiceStub(channel)
            held = []
            while len(held) < MOST_OPEN:
                some = [
                    stub.StreamHome(pb.StreamHomeRequest(user_id=len(held) + number + 1))
                    for number in range(TOGETHER)
                ]
                for call in some:
                    assert (await call.read()).WhichOneof("event") == "heartbeat"
                held += some
            taken = resident_kb(process_id)
            assert taken <= MOST_KB, f"{taken} kB"
            with pytest.raises(grpc.aio.AioRpcError) as caught:
                await anext(aiter(stub.StreamHome(pb.StreamHomeRequest(user_id=1))))
            assert caught.value.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
