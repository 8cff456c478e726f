"""Calls about many ids: so many at a time, and fewer where an answer does not fit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import TypeVar

import grpc
import grpc.aio

__all__ = ["in_parts", "is_too_large", "paged"]

Answer = TypeVar("Answer")


async def in_parts(
    ask: Callable[[Sequence[int]], Awaitable[Answer]], ids: Sequence[int], *, most: int, fits: int
) -> AsyncIterator[Answer]:
    """Ask about `most` ids at a time, one call after the other; the answers come in that order.

    What the channel does not take an answer about is asked for again, `fits` ids at a time.
    """
    for page in paged(ids, most):
        try:
            answer = await ask(page)
        except grpc.aio.AioRpcError as error:
            if not is_too_large(error) or len(page) <= fits:
                raise
        else:
            yield answer
            continue
        for part in paged(page, fits):
            yield await ask(part)


def is_too_large(error: grpc.aio.AioRpcError) -> bool:
    """Whether the channel does not take the answer; who asks too often gets a domain error."""
    return bool(error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED)


def paged(ids: Sequence[int], size: int) -> Iterator[Sequence[int]]:
    """Cut ids into pages of a size; the last may be shorter."""
    return (ids[start : start + size] for start in range(0, len(ids), size))
