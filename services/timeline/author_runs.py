"""Ids of authors, newest first: from their hot lists, else from the tweet service.

A list that is missing is filled on the way, from the same ids that answer the read.
"""

import asyncio
import secrets
from collections.abc import Mapping, Sequence
from typing import Final

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.timeline.model import WINDOW_IDS, IdRun
from services.timeline.ports import AuthorLists, HotTimelines

__all__ = ["WARMED_AT_ONCE", "author_runs", "listed_runs"]

_TOKEN_BYTES: Final = 8
"""Random: no two warmers ever share one."""
WARMED_AT_ONCE: Final = 64
"""Lists that one read fills: 50,000 ids in one call of the tweet service. Where more are missing,
later reads fill them, and this one takes no more of their ids than it needs."""
_log = structlog.get_logger()


async def author_runs(  # noqa: PLR0913 - two sources, and what is wanted of them
    hot: HotTimelines,
    lists: AuthorLists,
    authors: Sequence[int],
    before: int | None,
    count: int,
    *,
    since_s: float | None = None,
) -> list[IdRun]:
    """Read `count` ids of each author below `before` (None: the newest), or all that there are.

    With `since_s` as `HotTimelines.authors` has it there may be more.
    """
    try:
        found = await hot.authors(authors, before, count, since_s)
    except UnavailableError:
        _log.warning(EVENT_CACHE_UNAVAILABLE, cache="author", authors=len(authors))
        return await listed_runs(lists, authors, before, count)
    runs = {each: run for each, run in zip(authors, found, strict=True) if run is not None}
    cold = [author for author in authors if author not in runs]
    windows = await _warm(hot, lists, cold[:WARMED_AT_ONCE])
    runs |= {author: _below(window, before, count) for author, window in windows.items()}
    short = [each for each in authors if each not in runs or _is_short(runs[each], count)]
    runs |= dict(zip(short, await listed_runs(lists, short, before, count), strict=True))
    return [runs[author] for author in authors]


async def listed_runs(
    lists: AuthorLists, authors: Sequence[int], before: int | None, count: int
) -> list[IdRun]:
    """Read the ids of each author as the tweet service has them."""
    if not authors:
        return []
    found = await lists.list_by_authors(authors, before, count)
    return [IdRun(found[author], ended=len(found[author]) < count) for author in authors]


async def _warm(
    hot: HotTimelines, lists: AuthorLists, authors: Sequence[int]
) -> Mapping[int, IdRun]:
    """Fill the lists that nobody else is filling: the newest ids of each, by author."""
    tokens = {author: secrets.token_bytes(_TOKEN_BYTES) for author in authors}
    try:
        claims = await asyncio.gather(
            *(hot.begin_warm_author(author, token) for author, token in tokens.items())
        )
    except UnavailableError:
        _log.warning(EVENT_CACHE_UNAVAILABLE, cache="author", authors=len(authors))
        return {}
    claimed = [author for author, claim in zip(authors, claims, strict=True) if claim]
    runs = await listed_runs(lists, claimed, None, WINDOW_IDS)
    windows = dict(zip(claimed, runs, strict=True))
    try:
        await asyncio.gather(
            *(hot.finish_warm_author(each, tokens[each], run) for each, run in windows.items())
        )
    except UnavailableError:
        _log.warning(EVENT_CACHE_UNAVAILABLE, cache="author", authors=len(authors))
    return windows


def _below(window: IdRun, before: int | None, count: int) -> IdRun:
    ids = [one for one in window.ids if before is None or one < before]
    return IdRun(ids[:count], window.ended and len(ids) <= count)


def _is_short(run: IdRun, count: int) -> bool:
    return len(run.ids) < count and not run.ended
