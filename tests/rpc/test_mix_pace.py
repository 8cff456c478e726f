"""How a mix is paced, and what it counts as a latency, at a server that stalls."""

import asyncio
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Never

from tqdm import tqdm

from services.cli.load.edge_client import EdgeClient
from services.cli.load.measured import NO_ANSWER, Measured
from services.cli.load.operations import Operation, World
from services.cli.load.playing import Pace, Player

STALL_S = 0.5
RATE = 100
ANSWER = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}"


@asynccontextmanager
async def stalling() -> AsyncIterator[str]:
    """A server that answers its first request late, and all others at once."""
    answered = 0
    serving: list[asyncio.Task[None] | None] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal answered
        serving.append(asyncio.current_task())
        with suppress(asyncio.IncompleteReadError):
            while await reader.readuntil(b"\r\n\r\n"):
                if not answered:
                    await asyncio.sleep(STALL_S)
                answered += 1
                writer.write(ANSWER)
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}"
        # Their clients have closed the connections.
        await asyncio.gather(*filter(None, serving))


async def played(url: str, **pace: float | None) -> Measured:
    measured = Measured()
    rng = random.Random(1)  # noqa: S311 - the same each time
    world = World([1], [(2, 1)], ["a"])
    settings = Pace(**{"warm_up_s": 0, "concurrency": 1, "rate": None, **pace})
    bar: tqdm[Never] = tqdm(total=1, disable=True)
    async with EdgeClient(url, rng) as edge:
        player = Player(edge, world, {Operation.HOME: 1}, rng)
        await player.play(settings, measured, bar)
    return measured


async def test_who_waits_while_the_server_stalls_is_counted() -> None:
    async with stalling() as url:
        measured = await played(url, seconds=1, rate=RATE)
    latencies = sorted(measured.operations[Operation.HOME].latencies_s)
    assert len(latencies) == RATE, "the stall kept nobody from asking"
    late = [latency for latency in latencies if latency > STALL_S / 2]
    assert len(late) >= RATE * STALL_S / 2, "those who were to ask meanwhile have waited"
    assert measured.latest_s > STALL_S / 2


async def test_without_a_rate_nothing_is_asked_meanwhile() -> None:
    async with stalling() as url:
        measured = await played(url, seconds=STALL_S / 2)
    (latency,) = measured.operations[Operation.HOME].latencies_s
    assert latency >= STALL_S


async def test_warming_up_counts_nothing() -> None:
    async with stalling() as url:
        measured = await played(url, seconds=0.5, warm_up_s=0.5, rate=RATE)
    assert measured.all().requests == RATE / 2


async def test_where_nothing_answers_it_is_said_and_not_hammered() -> None:
    server = await asyncio.start_server(lambda *_: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    began = time.perf_counter()
    measured = await played(f"http://127.0.0.1:{port}", seconds=0.5)
    took_s = time.perf_counter() - began
    errors = measured.all().errors
    assert set(errors) == {NO_ANSWER}
    assert 1 <= errors[NO_ANSWER] <= took_s / 0.1 + 1
    assert measured.all().latency_ms() is None
