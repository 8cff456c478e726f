"""Which replies a page of a conversation has: the first of its steps, and all that it scans.

A page costs a bounded number of reads whatever was answered how often: one for the direct replies,
a few more where many of them are deleted, and one for each level below.
"""

from collections.abc import Mapping, Sequence
from typing import Final

from services.tweet.model import Branch, RepliesPosition, Reply, ReplySlice
from services.tweet.ports import Replies

__all__ = ["MAX_REPLIES", "NESTED_LEVELS", "NESTED_REPLIES", "ReplyTrees"]

NESTED_LEVELS: Final = 2
"""Levels of replies below direct ones."""
NESTED_REPLIES: Final = 3
"""Replies shown of each reply."""
MAX_REPLIES: Final = 900
"""Of a page, on all levels: their tweets are read at once. The last level is cut short first."""
FEW_ROWS: Final = 100
"""Replies that the second scan of direct ones looks at besides a page, where some are deleted."""
FURTHER_ROWS: Final = 1_000
"""Replies that a scan looks at where that was not enough, some milliseconds: most are deleted."""
FURTHER_SCANS: Final = 3
"""Of direct replies, where the first one did not fill a page."""


class ReplyTrees:
    """Reads replies, and those under them."""

    def __init__(self, replies: Replies) -> None:
        self._replies = replies

    async def read(
        self, tweet_id: int, before: int | None, limit: int
    ) -> tuple[tuple[Branch, ...], int | None]:
        """Read at most `limit` direct replies with ids below `before` (None: all), newest first.

        Gives also what to go on below, None at the end. More may follow a page that is not full.
        """
        direct, resume = await self._direct(tweet_id, before, limit)
        under: dict[int, ReplySlice] = {}
        level, room = direct, MAX_REPLIES - len(direct)
        for _ in range(NESTED_LEVELS):
            parents = level[: room // NESTED_REPLIES]
            positions = [RepliesPosition(each.tweet_id) for each in parents]
            # One more than is shown says that there are more.
            slices = await self._replies.slices(positions, NESTED_REPLIES + 1)
            under |= zip((each.tweet_id for each in parents), slices, strict=True)
            level = [reply for each in slices for reply in each.replies[:NESTED_REPLIES]]
            room -= len(level)
        return _branches(direct, under), resume

    async def _direct(
        self, tweet_id: int, before: int | None, limit: int
    ) -> tuple[list[Reply], int | None]:
        found: list[Reply] = []
        # One more than is shown says that there are more.
        further = (limit + FEW_ROWS, *[FURTHER_ROWS] * (FURTHER_SCANS - 1))
        for rows in (limit + 1, *further):
            (part,) = await self._replies.slices([RepliesPosition(tweet_id, before)], rows)
            found += part.replies
            before = part.resume_before
            if len(found) > limit:
                return found[:limit], found[limit - 1].tweet_id
            if before is None:
                break
        return found, before


def _branches(replies: Sequence[Reply], under: Mapping[int, ReplySlice]) -> tuple[Branch, ...]:
    return tuple(_branch(each, under) for each in replies)


def _branch(reply: Reply, under: Mapping[int, ReplySlice]) -> Branch:
    found = under.get(reply.tweet_id)
    if found is None:
        return Branch(reply)
    shown = found.replies[:NESTED_REPLIES]
    has_more = len(found.replies) > len(shown) or found.resume_before is not None
    return Branch(reply, _branches(shown, under), has_more)
