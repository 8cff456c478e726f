"""Pages of what is newer than a page, of any list that is read from its newest id down."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from services.platform.ids.upwards import Below, Upwards

__all__ = ["NewerPage", "empty_page_after", "newer_page"]

OVER_READ: Final = 8
"""Ids read beyond a page, so that a few that are not shown cost no second round."""
ROUND_IDS: Final = 200
"""Ids that a further round looks at, at most: as many as the longest page has."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class NewerPage(Generic[Item]):
    """The items next above an id, newest first, and where pages beside them begin."""

    items: Sequence[Item]
    next_before: int | None
    """Older ones are those below; None where there can be none."""
    previous_after: int
    """Newer ones are those above."""


def empty_page_after(before: int | None) -> int:
    """Give the id above which newer ones are than an empty page of those below `before`."""
    return 0 if before is None else before - 1


async def newer_page(  # noqa: PLR0913 - what lists differ in
    below: Below,
    show: Callable[[Sequence[int]], Awaitable[Sequence[Item]]],
    after: int,
    limit: int,
    *,
    id_of: Callable[[Item], int],
    fitting: Callable[[Sequence[Item]], int],
    most_hidden: int,
    end: int = 0,
) -> NewerPage[Item]:
    """Make the page of the `limit` items next above `after`, or of all where there are fewer.

    `show` gives the items of some ids that are to be seen, newest first; it is asked for ids from
    `after` upwards, in rounds, for as long as some are missing, and at least once. `fitting` says
    how many of some items one answer holds, counted from their end. A page for which `most_hidden`
    ids were passed over ends as it is, and newer ones are above these. The list begins above `end`.
    """
    upwards = Upwards(below)
    shown: list[Item] = []
    low, wanted, read = after, limit + OVER_READ, 0
    while True:
        ids, ended = await upwards.above(low, wanted)
        shown = [*await show(ids), *shown]
        low = ids[0] if ids else low
        read += len(ids)
        is_whole = len(shown) >= limit or ended
        if is_whole or not ids or read - len(shown) >= most_hidden:
            break
        likely = (limit - len(shown)) * (1 + read // max(1, len(shown)))
        wanted = min(likely + OVER_READ, 2 * wanted, ROUND_IDS)
    room = min(limit, fitting(shown[-limit:]))
    page = shown[-room:] if room else []
    previous_after = low
    if is_whole or room < len(shown):
        previous_after = id_of(page[0]) if page else after
    next_before = id_of(page[-1]) if page else after + 1
    return NewerPage(page, next_before if after > end else None, previous_after)
