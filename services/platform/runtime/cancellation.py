"""Cancellations that a library loses, kept."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["cancellation_kept"]


@contextmanager
def cancellation_kept() -> Iterator[None]:
    """Raise `CancelledError` at the end if the task was cancelled meanwhile, and nobody said so.

    Valkey's client sends under `asyncio.wait_for`, which up to Python 3.11 may lose a cancellation
    that comes just as the send ends: a loop that polls could then not be stopped.
    """
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        yield
    finally:
        if task and task.cancelling() > before:
            raise asyncio.CancelledError
