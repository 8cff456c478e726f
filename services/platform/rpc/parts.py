"""Calls about many ids: so many at a time, and fewer where an answer does not fit."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from typing import Final, TypeVar

import grpc
import grpc.aio

__all__ = ["LARGEST_TWEETS_PER_ANSWER", "in_parts", "is_too_large", "paged"]

Answer = TypeVar("Answer")
Item = TypeVar("Item")

LARGEST_TWEETS_PER_ANSWER: Final = 14
"""As many tweets of any size as one answer holds: the longest URLs, each in the text and among the
entities, and four pictures make a tweet of 290 kB, and 4 MB is what a channel takes."""


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


def paged(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Cut items into pages of a size; the last may be shorter."""
    return (items[start : start + size] for start in range(0, len(items), size))
