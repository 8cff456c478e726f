"""What streams read from, and from where on."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from services.live.model import Place
from services.live.ports import Figures, Homes, Tweets
from services.platform.runtime.clock import Clock

__all__ = ["Start", "StreamSources"]


@dataclass(frozen=True, slots=True)
class StreamSources:
    """What a stream reads from; the bound is of all the streams of a process together."""

    homes: Homes
    tweets: Tweets
    figures: Figures
    clock: Clock
    room: asyncio.Semaphore
    now_s: Callable[[], float] = field(default=time.monotonic)


@dataclass(frozen=True, slots=True)
class Start:
    """From where on to stream: a place, the newest entry that the client has read, or from now."""

    place: Place | None = None
    since: int = 0
