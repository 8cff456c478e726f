"""Plays a mix at the edge, and measures it."""

import asyncio
import json
import random
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Never

from tqdm import tqdm

from services.cli.load.edge_client import JSON_HEADERS, EdgeClient
from services.cli.load.errors import UnreachableError
from services.cli.load.loader import at_once
from services.cli.load.measured import NO_ANSWER, Measured
from services.cli.load.operations import Ask, Operation, World

__all__ = ["Pace", "Player"]

# Before the next request where nothing listens, which says so at once.
PAUSE_S = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast, and for how long."""

    seconds: float
    """That are measured."""
    warm_up_s: float
    """Played before that, and not counted."""
    concurrency: int
    """Requests under way at most."""
    rate: float | None
    """Requests a second, sent at fixed times whatever answers do; None: each worker sends the next
    when it has the answer to the last."""


class Player:
    """Plays a mix with the edge until its time is over; once."""

    def __init__(
        self, edge: EdgeClient, world: World, shares: Mapping[Operation, float], rng: random.Random
    ) -> None:
        self._edge = edge
        self._world = world
        self._operations, self._weights = list(shares), list(shares.values())
        self._rng = rng
        self._counted_from = 0.0

    async def play(self, pace: Pace, measured: Measured, bar: "tqdm[Never]") -> None:
        """Count into `measured`, which is up to date at any time; `bar` counts seconds."""
        began = time.perf_counter()
        self._counted_from = began + pace.warm_up_s
        whole_s = pace.warm_up_s + pace.seconds

        async def one(due: float) -> None:
            await asyncio.sleep(max(0.0, due - time.perf_counter()))
            await self._one(due, measured)
            bar.update(min(whole_s, time.perf_counter() - began) - bar.n)

        try:
            await at_once(pace.concurrency, one, _due(pace, began))
        finally:
            measured.seconds = min(pace.seconds, max(0.0, time.perf_counter() - self._counted_from))

    async def _one(self, due: float, measured: Measured) -> None:
        (operation,) = self._rng.choices(self._operations, self._weights)
        ask = self._world.draw(operation, self._rng)
        counts = due >= self._counted_from
        if counts:
            measured.latest_s = max(measured.latest_s, time.perf_counter() - due)
        try:
            failure = await self._answered(ask)
        except UnreachableError:
            failure = NO_ANSWER
            await asyncio.sleep(PAUSE_S)
        if not counts:
            return
        if failure is None:
            # From when it was to be sent: who waits for a turn waits for the server as well (Tene,
            # "How NOT to measure latency": coordinated omission).
            measured.succeeded(operation, time.perf_counter() - due)
        else:
            measured.failed(operation, failure)

    async def _answered(self, ask: Ask) -> str | None:
        """Send it; gives the status of a failure."""
        if ask.body is None:
            answer = await self._edge.ask(ask.method, ask.path, params=ask.query)
        else:
            content = json.dumps(ask.body, separators=(",", ":")).encode()
            answer = await self._edge.ask(
                ask.method, ask.path, content=content, headers=JSON_HEADERS
            )
        if not answer.is_success:
            return str(answer.status_code)
        if ask.operation is Operation.POST:
            self._world.posted(ask, answer.json())
        return None


def _due(pace: Pace, began: float) -> Iterator[float]:
    """Give when each request is to be sent, until the time is over."""
    until = began + pace.warm_up_s + pace.seconds
    if pace.rate is None:
        while (now := time.perf_counter()) < until:
            yield now
        return
    count = 0
    while (due := began + count / pace.rate) < until:
        yield due
        count += 1
