"""Loops that run until they are stopped, whatever their steps raise."""

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable
from contextlib import suppress
from contextvars import Context

import structlog
from opentelemetry import metrics

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_LOOP_FAILED, EVENT_LOOP_RECOVERED
from services.platform.observability.names import METRIC_LOOP_FAILURES, SCOPE
from services.platform.runtime.retry_policy import Backoff

__all__ = ["BEAT_S", "IDLE_S", "LATE_S", "STALE_AFTER_S", "Background", "Finished", "to_beat_s"]

STALE_AFTER_S = 60.0
"""A step under way for longer than this hangs: no call in one waits for half as long."""
IDLE_S = 20.0
"""A step that waits for work comes back this often, to show that it does no more than wait."""
BACKOFF = Backoff(base_s=0.1, cap_s=5.0)
"""After steps that failed: what is back is used within 10 s. Without jitter, as each loop is alone
in what it does."""
BEAT_S = 1.0
"""Pauses of this length and more end at beats of the process, those of a multiple of two beats at
every other one: its loops wake it together, and not each by itself. What a process costs when idle
is the number of its wake-ups more than what is done in them."""
LATE_S = 0.05
"""A pause is at most so much longer for that; else it is shorter, by less than one or two beats,
and only the first of a loop that keeps its pace."""
_PHASE_S = random.uniform(0, 2 * BEAT_S)  # noqa: S311 - processes of a machine must not beat in step

_log = structlog.get_logger()


class Finished(Exception):  # noqa: N818 - no error
    """Raised by a step that has nothing more to do: the loop ends, as if it had been stopped."""


class Background:
    """Runs `step` again and again in a task of its own, `every_s` seconds after the last ended.

    A step that returns a number sets the pause after it, in seconds. A pause of a second or more is
    about that long: it ends at a beat, see `BEAT_S`. One that raises is logged,
    counted (`loop.failures`) and tried again, with a backoff: only `stop`, `finish` or `Finished`
    end the loop. `holds` says whether that is so: false when the task has ended all the same, or
    when a step is under way for more than `stale_after_s` without a `beat`.
    """

    def __init__(  # noqa: PLR0913 - one value each, all named by the caller
        self,
        name: str,
        step: Callable[[], Awaitable[float | None]],
        *,
        every_s: float = 0.0,
        stale_after_s: float = STALE_AFTER_S,
        clock: Callable[[], float] = time.monotonic,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._name = name
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._failed_steps = meter.create_counter(METRIC_LOOP_FAILURES, unit="{step}")
        # The series is there before the first: who looks at it looks at how it rises.
        self._failed_steps.add(0, {"loop": name})
        self._step = step
        self._every_s = every_s
        self._stale_after_s = stale_after_s
        self._clock = clock
        self._task: asyncio.Task[None] | None = None
        self._ending = False
        self._woken = asyncio.Event()
        self._due = 0.0
        """When the next step should have begun, or the one under way gave its last sign."""

    def start(self, *, after_s: float = 0.0) -> None:
        """Begin in `after_s` seconds. Needs a running loop; does nothing when it has begun."""
        if self._task is None:
            self._due = self._clock() + after_s
            self._ending = False
            self._woken.clear()
            # It outlives whoever starts it: no caller's deadline or trace is the loop's.
            self._task = asyncio.create_task(self._run(after_s), name=self._name, context=Context())

    async def stop(self) -> None:
        """End it, wherever it is, and wait for that. From then on `holds` is true."""
        task, self._task = self._task, None
        if task is not None:
            # A library may lose a cancellation (see `cancellation`): no step follows then.
            self._ending = True
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def finish(self) -> None:
        """End it when the step under way has ended, and wait for that."""
        self._ending = True
        self._woken.set()
        task, self._task = self._task, None
        if task is not None:
            await task

    def beat(self) -> None:
        """Say from within a step which takes long that it goes on."""
        self._due = self._clock()

    def holds(self) -> bool:
        """Whether it runs as it should, or is not meant to run."""
        if self._task is None:
            return True
        return not self._task.done() and self._clock() - self._due <= self._stale_after_s

    async def _run(self, pause_s: float) -> None:
        failures = 0
        while await self._goes_on(pause_s):
            try:
                wanted_s = await self._step()
            except Finished:
                self._task = None
                return
            except (Exception, asyncio.CancelledError) as error:
                if _is_cancelled(error):
                    raise
                failures += 1
                pause_s = self._failed(error, failures)
                continue
            if failures:
                with suppress(Exception):
                    _log.info(EVENT_LOOP_RECOVERED, loop=self._name, failures=failures)
            failures = 0
            wanted_s = self._every_s if wanted_s is None else wanted_s
            pause_s = to_beat_s(wanted_s, asyncio.get_running_loop().time())

    async def _goes_on(self, pause_s: float) -> bool:
        """Pause; give whether another step is wanted."""
        self._due = self._clock() + pause_s
        if pause_s <= 0:
            # Others get their turn, whatever the step does.
            await asyncio.sleep(0)
        elif not self._ending:
            # Without `asyncio.timeout`, which ends by an exception: an idle process does little but
            # this.
            waking = asyncio.get_running_loop().call_later(pause_s, self._woken.set)
            try:
                await self._woken.wait()
            finally:
                waking.cancel()
                self._woken.clear()
        return not self._ending

    def _failed(self, error: BaseException, failures: int) -> float:
        # Whatever becomes of the line, the loop goes on.
        with suppress(Exception):
            self._failed_steps.add(1, {"loop": self._name})
            foreseen = isinstance(error, UnavailableError)
            _log.warning(
                EVENT_LOOP_FAILED,
                loop=self._name,
                failures=failures,
                error=f"{type(error).__name__}: {error}",
                exc_info=None if foreseen else error,
            )
        return BACKOFF.longest_s(failures)


def to_beat_s(pause_s: float, now_s: float) -> float:
    """Return the seconds from now, by the loop's clock, to the beat at which a pause is to end."""
    if pause_s < BEAT_S:
        return pause_s
    beat_s = BEAT_S if pause_s % (2 * BEAT_S) else 2 * BEAT_S
    since_beat_s = (now_s - _PHASE_S) % beat_s
    return math.floor((since_beat_s + pause_s + LATE_S) / beat_s) * beat_s - since_beat_s


def _is_cancelled(error: BaseException) -> bool:
    """Whether it was this task that was cancelled, and not what a step has waited for."""
    task = asyncio.current_task()
    return isinstance(error, asyncio.CancelledError) and (task is None or task.cancelling() > 0)
