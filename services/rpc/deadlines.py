"""The current call's deadline, passed down the task so that calls to siblings inherit it."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

__all__ = ["deadline_in", "remaining_s"]

# Monotonic seconds; None outside a call.
_deadline: ContextVar[float | None] = ContextVar("aviary_deadline", default=None)


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Set the deadline `seconds` from now; inside another deadline, the earlier one holds."""
    outer = _deadline.get()
    due = time.monotonic() + seconds
    token = _deadline.set(due if outer is None else min(due, outer))
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining_s() -> float | None:
    """Return the seconds left, 0 if none are, or None outside any deadline."""
    due = _deadline.get()
    return None if due is None else max(0.0, due - time.monotonic())
