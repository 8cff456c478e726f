"""Valkeys that hang, fill up, or forget."""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from redis import Redis

from tests.observability.faults.processes import posting
from tests.observability.faults.repeating import repeating
from tests.observability.watching import Watched, until

__all__ = ["evicting_cache", "flushed_cache", "full_bus", "hung_bus", "hung_cache"]

KB: Final = 1_024
MB: Final = 1_024 * KB
ROOM: Final = 64 * MB
"""For the bus: what is left of it when it is almost full is enough for whatever else goes on."""
FULL: Final = 0.9
LITTLE_ROOM: Final = 2 * MB
OTHERS: Final = "others:"
A_FIFTH_S: Final = 0.2
MANY: Final = 200
OFTEN_S: Final = 0.01
HISTORY: Final = (
    'time() - min_over_time(timestamp(cache:hits:ratio_rate10m{cache="home"} > 0.8)[1d:5s])'
)
"""Seconds since the first good share of hits: what the alert compares with is an average."""
HISTORY_S: Final = 60.0
FORGOTTEN_S: Final = 60


@contextmanager
def _hung(valkey: Redis) -> Iterator[None]:
    with valkey:
        info: Any = valkey.info("server")
    os.kill(info["process_id"], signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(info["process_id"], signal.SIGCONT)


@contextmanager
def hung_cache(watched: Watched) -> Iterator[None]:
    """It takes connections and answers nothing."""
    with _hung(watched.mesh.valkey("cache")):
        yield


@contextmanager
def hung_bus(watched: Watched) -> Iterator[None]:
    """It answers nothing, and people post."""
    with _hung(watched.mesh.valkey("bus")), posting(watched):
        yield


@contextmanager
def full_bus(watched: Watched) -> Iterator[None]:
    """It has a bound, and messages pile up to it."""
    with watched.mesh.valkey("bus") as bus:
        bound = _used(bus) + ROOM
        bus.config_set("maxmemory", bound)
        try:
            # Not at once: what is on its way takes memory too.
            while _used(bus) < FULL * bound:
                bus.rpush(OTHERS, bytes(MB))
            yield
        finally:
            bus.delete(OTHERS)
            bus.config_set("maxmemory", 0)


@contextmanager
def evicting_cache(watched: Watched) -> Iterator[None]:
    """It is smaller than what is put into it."""
    with watched.mesh.valkey("cache") as cache:
        bound: Any = cache.config_get("maxmemory")
        cache.config_set("maxmemory", _used(cache) + LITTLE_ROOM)
        numbers = iter(range(1_000_000))

        def put() -> None:
            with cache.pipeline(transaction=False) as pipeline:
                for _ in range(MANY):
                    pipeline.set(f"{OTHERS}{next(numbers)}", bytes(KB), ex=FORGOTTEN_S)
                pipeline.execute()

        try:
            with repeating(put, A_FIFTH_S):
                yield
        finally:
            cache.config_set("maxmemory", bound["maxmemory"])


@contextmanager
def flushed_cache(watched: Watched) -> Iterator[None]:
    """Somebody empties it all the time, after a while in which homes were found there."""
    until(lambda: watched.prometheus.values(HISTORY) >= [HISTORY_S])
    with watched.mesh.valkey("cache") as cache, repeating(cache.flushall, OFTEN_S):
        yield


def _used(valkey: Redis) -> int:
    info: Any = valkey.info("memory")
    return int(info["used_memory"])
