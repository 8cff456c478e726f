"""A client of the cache that fails at once while the cache is gone.

A read asks the cache several times in a row. Were each of them to wait for a cache that hangs, the
read would miss its deadline before it came to the durable rows. So the first call that gets no
answer opens the circuit: until a probe is answered, calls fail without being sent. (The pattern is
from Nygard, "Release It!", 2007. Here calls never probe: the client does it by itself, and so the
circuit closes within `PROBE_EVERY_S` of the cache's return, whether anybody calls or not.)
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from contextlib import asynccontextmanager
from contextvars import Context
from typing import Any, TypeVar

import structlog
from opentelemetry import metrics
from opentelemetry.metrics import Observation
from redis.asyncio.client import Pipeline
from redis.exceptions import ConnectionError as NoConnectionError
from redis.exceptions import MaxConnectionsError
from redis.exceptions import TimeoutError as NoAnswerError

from services.platform.observability.log_events import (
    EVENT_CACHE_CIRCUIT_CLOSED,
    EVENT_CACHE_CIRCUIT_OPENED,
)
from services.platform.observability.names import (
    METRIC_CACHE_CIRCUIT_OPEN,
    METRIC_CACHE_CIRCUIT_OPENED,
    METRIC_CACHE_CIRCUIT_REFUSED,
    SCOPE,
)
from services.platform.runtime.cancellation import cancellation_kept
from services.platform.runtime.deadlines import allowed_s
from services.platform.valkey.cache_metrics import begin_unavailable
from services.platform.valkey.line import Changed, Command
from services.platform.valkey.lines import (
    Call,
    Lines,
    NodeLine,
    ValkeyNode,
    Watched,
    timeout_of,
)

__all__ = [
    "CALL_TIMEOUT_S",
    "SIGNIFICANT_S",
    "CircuitBreaker",
    "CircuitFigures",
    "CircuitOpenError",
    "GuardedValkey",
]

CALL_TIMEOUT_S = 1.0
"""A cache slower than this is treated as gone."""
DEADLINE_SHARE = 0.5
"""Of what the request's deadline leaves: the other half is for the rows behind the cache."""
SIGNIFICANT_S = 0.1
"""Seconds. A call that was given less says nothing of the cache when it gets no answer."""
PROBE_EVERY_S = 0.25
"""Pause between probes of a cache that is gone."""

Answer = TypeVar("Answer")

_log = structlog.get_logger()


class CircuitOpenError(NoConnectionError):
    """The cache was gone a moment ago, so the call was not sent."""


class CircuitFigures:
    """What metrics say of the breakers of one client, together."""

    def __init__(self, meter_provider: metrics.MeterProvider | None = None) -> None:
        self._breakers: list[CircuitBreaker] = []
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self.opened = meter.create_counter(METRIC_CACHE_CIRCUIT_OPENED)
        self.refused = meter.create_counter(METRIC_CACHE_CIRCUIT_REFUSED)
        # The series are there before the first: who looks at them looks at how they rise.
        self.opened.add(0)
        self.refused.add(0)
        begin_unavailable(
            (NoConnectionError, NoAnswerError, CircuitOpenError), meter_provider=meter_provider
        )
        meter.create_observable_gauge(
            METRIC_CACHE_CIRCUIT_OPEN, [lambda _: [Observation(int(self._any_open()))]]
        )

    def of(self, breaker: "CircuitBreaker") -> None:
        """Report of this one, too."""
        self._breakers.append(breaker)

    def _any_open(self) -> bool:
        return any(each.is_open for each in self._breakers)


class CircuitBreaker:
    """Open from a failure until `probe` succeeds; for one event loop.

    `probe` raises while the cache is gone, and is bounded in time.
    """

    def __init__(
        self, probe: Callable[[], Awaitable[object]], figures: CircuitFigures | None = None
    ) -> None:
        self._probe = probe
        self._probing: asyncio.Task[None] | None = None
        self._figures = figures or CircuitFigures()
        self._figures.of(self)

    @property
    def is_open(self) -> bool:
        """Whether calls are refused now."""
        return self._probing is not None

    @asynccontextmanager
    async def call(self) -> AsyncIterator[None]:
        """Bound a call in time, refuse it while the circuit is open, open it if it fails."""
        self.refuse_if_open()
        timeout_s = allowed_s(CALL_TIMEOUT_S, DEADLINE_SHARE)
        try:
            with cancellation_kept():
                async with asyncio.timeout(timeout_s):
                    yield
        except MaxConnectionsError:
            # It is we who are busy, not the cache that is gone.
            raise
        except (NoConnectionError, NoAnswerError, OSError):
            if timeout_s >= SIGNIFICANT_S:
                self.open()
            raise

    def refuse_if_open(self) -> None:
        """Raise `CircuitOpenError` while calls are refused, and count it."""
        if self.is_open:
            self._figures.refused.add(1)
            raise CircuitOpenError("the cache is gone; calls are refused until it answers a probe")

    async def aclose(self) -> None:
        """End the probing."""
        if self._probing is not None:
            self._probing.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._probing

    def open(self) -> None:
        """Refuse calls until a probe is answered."""
        # Many calls may fail at once; the first one opens.
        if not self.is_open:
            self._figures.opened.add(1)
            _log.warning(EVENT_CACHE_CIRCUIT_OPENED)
            # The probing outlives the call that found the cache gone, and its deadline.
            self._probing = asyncio.create_task(
                self._probe_until_answered(), name="cache-probe", context=Context()
            )

    async def _probe_until_answered(self) -> None:
        began = time.monotonic()
        try:
            # At once, so that a mere hiccup costs next to nothing.
            while not await self._is_answered():  # noqa: ASYNC110 - nobody sets an event
                await asyncio.sleep(PROBE_EVERY_S)
        finally:
            # However this ends: with nobody probing, the next call has to find out.
            self._probing = None
        _log.info(EVENT_CACHE_CIRCUIT_CLOSED, after_s=round(time.monotonic() - began, 3))

    async def _is_answered(self) -> bool:
        try:
            await self._probe()
        except Exception:  # noqa: BLE001 - nobody would restart this loop
            return False
        return True


class GuardedValkey(ValkeyNode):
    """A client of one node whose commands, pipelines and line share a circuit breaker.

    Subscriptions have connections of their own and are not guarded.
    """

    def __init__(self, *args: Any, **options: Any) -> None:  # noqa: ANN401 - the client's own
        super().__init__(*args, **options)
        self.breaker = CircuitBreaker(self._ping)
        pool = self.connection_pool
        timeout_s = min(CALL_TIMEOUT_S, timeout_of(pool.connection_kwargs))
        self.lines = _GuardedLines(NodeLine(pool.make_connection, timeout_s), self.breaker)

    async def execute_command(self, *args: Any, **options: Any) -> Any:  # noqa: ANN401 - as above
        """Send one command and give its answer."""
        async with self.breaker.call():
            return await super().execute_command(*args, **options)  # type: ignore[no-untyped-call]

    def pipeline(self, transaction: bool = True, shard_hint: str | None = None) -> Pipeline:  # noqa: FBT001, FBT002 - the client's own signature
        """Make a pipeline that goes through the same breaker."""
        pipeline = _GuardedPipeline(
            self.connection_pool, self.response_callbacks, transaction, shard_hint
        )
        pipeline.breaker = self.breaker
        return pipeline

    async def aclose(self, close_connection_pool: bool | None = None) -> None:  # noqa: FBT001 - as above
        """End the probing and close the connections."""
        await self.breaker.aclose()
        await super().aclose(close_connection_pool)

    async def _ping(self) -> None:
        async with asyncio.timeout(CALL_TIMEOUT_S):
            await super().execute_command("PING")  # type: ignore[no-untyped-call]


class _GuardedPipeline(Pipeline):
    breaker: CircuitBreaker

    async def execute(self, raise_on_error: bool = True) -> list[Any]:  # noqa: FBT001, FBT002 - the client's own signature
        async with self.breaker.call():
            return await super().execute(raise_on_error)


class _GuardedLines:
    """Of one node; the line itself bounds how long it waits."""

    def __init__(self, lines: Lines, breaker: CircuitBreaker) -> None:
        self._lines = lines
        self._breaker = breaker

    async def call(self, key: bytes, command: Command) -> Any:  # noqa: ANN401 - the command decides
        """Send a command, unless the circuit is open; open it if no answer comes."""
        return await self._guarded(self._lines.call(key, command))

    async def call_many(self, calls: Sequence[Call]) -> list[Any]:
        """Send commands in the same way."""
        return await self._guarded(self._lines.call_many(calls))

    async def call_watched(self, calls: Sequence[Call], changed: Changed) -> list[Watched]:
        """Send commands in the same way."""
        return await self._guarded(self._lines.call_watched(calls, changed))

    async def _guarded(self, sent: Coroutine[Any, Any, Answer]) -> Answer:
        try:
            self._breaker.refuse_if_open()
            if allowed_s(CALL_TIMEOUT_S, DEADLINE_SHARE) < CALL_TIMEOUT_S:
                # The line waits for as long as it ever does; whoever has less time needs a timer.
                async with self._breaker.call():
                    return await sent
        except CircuitOpenError:
            sent.close()
            raise
        try:
            return await sent
        except (NoConnectionError, NoAnswerError, OSError):
            self._breaker.open()
            raise

    async def aclose(self) -> None:
        """Close the connection."""
        await self._lines.aclose()
