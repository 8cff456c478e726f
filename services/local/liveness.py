"""Who of the children hangs: looks in a row without a sign of life, while this one was awake."""

import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Protocol

from pydantic.dataclasses import dataclass

from services.local.errors import StartError
from services.platform.config.environment import CONFIG, read
from services.platform.config.errors import SettingsError
from services.platform.config.values import On
from services.platform.runtime.background import Background
from services.platform.runtime.liveness import FAILURES, PERIOD_S, STARTING, TIMEOUT_S

__all__ = ["Looks", "Sign", "is_wanted", "watching"]

LATE_S = 1.0
"""A look that comes, or ends, this much late counts for nothing: this process stood still too, with
its machine or for want of a core, and so most likely did whom it looks at."""


@dataclass(frozen=True, slots=True, config=CONFIG)
class _Variables:
    """The switch, as whoever starts everything gives it."""

    liveness: On = True


def is_wanted(environment: Mapping[str, str]) -> bool:
    """Read `AVIARY_LIVENESS`; raises `StartError`."""
    try:
        return read(_Variables, environment).liveness
    except SettingsError as error:
        raise StartError(str(error)) from error


class Sign(Protocol):
    """What a kind of process does while it lives, and not while it hangs."""

    def begins(self) -> None:
        """Note that a process is about to be started: what was seen before was another's."""
        ...

    async def seen(self, pid: int) -> bool:
        """Whether it was seen since the last look, or since the process began.

        Answers within `TIMEOUT_S`, and never raises.

        `pid` is the process that was started.
        """
        ...


class Looks:
    """Counts looks at one process in which it gave no sign of life."""

    def __init__(self) -> None:
        self._up = False
        self.failed = 0
        """Looks in a row without a sign."""

    def hangs(self, *, seen: bool, awake: bool) -> bool:
        """Take in one look; whether the process is to be taken for hung.

        Until its first sign it starts, which may take longer. A look during which the looker was
        not `awake` all the time says nothing against it.
        """
        if seen:
            self._up, self.failed = True, 0
        elif awake:
            self.failed += 1
        return self.failed >= (FAILURES if self._up else STARTING)


def watching(
    look: Callable[[Callable[[], bool]], Awaitable[None]],
    clock: Callable[[], float] = lambda: time.clock_gettime(time.CLOCK_BOOTTIME),
) -> Background:
    """Make the loop that calls `look` every `PERIOD_S`.

    Its argument says, once the look has ended, whether this process was awake since the look
    before. `clock` goes on while the machine is suspended.
    """
    began = clock()

    async def step() -> float:
        nonlocal began
        before, began = began, clock()
        on_time = began - before <= PERIOD_S + LATE_S
        await look(lambda: on_time and clock() - began <= TIMEOUT_S + LATE_S)
        return max(0.0, PERIOD_S - (clock() - began))

    return Background("liveness", step, every_s=PERIOD_S)
