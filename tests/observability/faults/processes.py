"""Processes that hang or are slow, and callers enough to notice."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpx

from tests.e2e import acting
from tests.observability.watching import Watched

__all__ = ["calling", "hung", "hung_while_posting", "posting", "slow"]

CALLERS: Final = 12
CALL_PAUSE_S: Final = 0.1
HELD_S, LET_GO_S = 0.5, 0.1
"""A service that is stopped for longer than any objective, again and again, and never for so long
that it is taken for dead."""


@contextmanager
def hung(watched: Watched, service: str) -> Iterator[None]:
    """It neither answers nor ends; at the end another may still hang."""
    process = acting.halt(watched.mesh, service)
    try:
        yield
    finally:
        os.kill(process, signal.SIGCONT)


@contextmanager
def hung_while_posting(watched: Watched, service: str) -> Iterator[None]:
    """It neither answers nor ends, and people post."""
    with posting(watched), hung(watched, service):
        yield


@contextmanager
def slow(watched: Watched, service: str) -> Iterator[None]:
    """It works a seventh of the time."""
    process, ending = watched.mesh.children()[service], threading.Event()

    def hold() -> None:
        while not ending.is_set():
            os.kill(process, signal.SIGSTOP)
            ending.wait(HELD_S)
            os.kill(process, signal.SIGCONT)
            ending.wait(LET_GO_S)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ending.set()
        thread.join()
        os.kill(process, signal.SIGCONT)


@contextmanager
def posting(watched: Watched, callers: int = CALLERS) -> Iterator[None]:
    """People post, who do not wait for each other."""
    body = {"user_id": watched.load.author, "text": "hello"}
    with calling(watched, "/v1/tweets", callers=callers, json=body):
        yield


@contextmanager
def calling(
    watched: Watched, path: str, *, method: str = "POST", callers: int = CALLERS, **arguments: Any
) -> Iterator[None]:
    """Callers enough for the good requests of before to be few, who do not wait for each other."""
    ending, rest = threading.Event(), watched.mesh.rest

    def call() -> None:
        with httpx.Client(base_url=rest.base_url, headers=rest.headers, timeout=10) as client:
            while not ending.is_set():
                with contextlib.suppress(httpx.TransportError):
                    client.request(method, path, **arguments)
                ending.wait(CALL_PAUSE_S)

    threads = [threading.Thread(target=call, daemon=True) for _ in range(callers)]
    for each in threads:
        each.start()
    try:
        yield
    finally:
        ending.set()
        for each in threads:
            each.join()
