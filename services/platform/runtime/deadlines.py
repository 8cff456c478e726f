"""The current call's deadline, passed down the task: calls to siblings and stores inherit it.

So do tasks that are made in the call. One that outlives it must be made with a `Context` of its
own, or all its calls fail once the deadline is up.
"""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import Context, ContextVar, Token, copy_context

__all__ = [
    "SHARE",
    "allowed_s",
    "begin_deadline",
    "deadline_in",
    "end_deadline",
    "remaining_s",
    "without_deadline",
]

SHARE = 0.9
"""Of what is left, for one call: the rest is for the answer that it failed, and why."""

# Monotonic seconds; None outside a call.
_deadline: ContextVar[float | None] = ContextVar("aviary_deadline", default=None)


@contextmanager
def deadline_in(seconds: float) -> Iterator[None]:
    """Set the deadline `seconds` from now; inside another deadline, the earlier one holds."""
    token = begin_deadline(seconds)
    try:
        yield
    finally:
        end_deadline(token)


def begin_deadline(seconds: float) -> Token[float | None]:
    """Do what `deadline_in` does, where a context manager is too dear, until `end_deadline`."""
    outer = _deadline.get()
    due = time.monotonic() + seconds
    return _deadline.set(due if outer is None else min(due, outer))


def end_deadline(token: Token[float | None]) -> None:
    """Bring back the deadline before this one."""
    _deadline.reset(token)


def without_deadline() -> Context:
    """Return a copy of the context that has no deadline, for what is done for others as well."""
    context = copy_context()
    context.run(_deadline.set, None)
    return context


def remaining_s() -> float | None:
    """Return the seconds left, 0 if none are, or None outside any deadline."""
    due = _deadline.get()
    return None if due is None else max(0.0, due - time.monotonic())


def allowed_s(longest_s: float, share: float = SHARE) -> float:
    """Return how long one call to a store or sibling may take.

    That is `longest_s` seconds, or `share` of what the deadline leaves if that is less.
    """
    left_s = remaining_s()
    return longest_s if left_s is None else min(longest_s, share * left_s)
