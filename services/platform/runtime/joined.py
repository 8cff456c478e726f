"""Callers for whom something is done together: each waits for itself, and hears for itself."""

import asyncio
from typing import Any, TypeVar

from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import SHARE, allowed_s

__all__ = ["answered", "fail", "give"]

Answer = TypeVar("Answer")


async def answered(
    waiting: asyncio.Future[Answer], longest_s: float, late: str, *, share: float = SHARE
) -> Answer:
    """Wait for the answer, for `longest_s` or that share of what the caller's deadline leaves.

    Raises what `fail` gave, and `UnavailableError(late)` after that time. A caller who has gone
    leaves the future done.
    """
    try:
        async with asyncio.timeout(allowed_s(longest_s, share)):
            return await waiting
    except TimeoutError as error:
        raise UnavailableError(late) from error


def give(waiting: asyncio.Future[Answer], answer: Answer) -> None:
    """Answer a caller, who may have given up."""
    if not waiting.done():
        waiting.set_result(answer)


def fail(waiting: asyncio.Future[Any], error: Exception) -> None:
    """Have a caller, who may have given up, raise the error, which is that of others too.

    `UnavailableError` as one of its own: a traceback grows where an error is raised.
    """
    if waiting.done():
        return
    if isinstance(error, UnavailableError):
        own = UnavailableError(str(error), retry_after_s=error.retry_after_s)
        own.__cause__ = error
        error = own
    waiting.set_exception(error)
