"""Authors' hot lists in this process, for as long as Valkey says that they are as they were.

Who follows fifty celebrities would have fifty lists read at each visit. So the newest ids of each
are kept here, and the node that has the list watches it (`CLIENT TRACKING`): whoever changes it, a
push, a deletion, a new warming, the node reports that to each process that has a copy, on the line
that the copy came by. Reports and answers come in order. So a copy is right as of the moment at
which a command was sent that has been answered on its line since, and a read that has asked there
for anything else, such as its home list, needs to ask nothing more.
"""

import time
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from operator import neg
from typing import Final

from services.platform.valkey.line import Line
from services.timeline.hot_lists import HotLists
from services.timeline.keys import author_list_key, parse_author_list_key
from services.timeline.model import IdRun

__all__ = ["AuthorCopies"]

COPY_IDS: Final = 64
"""Newest ids of a list that are kept at least: a page of fifty, and what is read beside it."""
COPY_S: Final = 30.0
"""Life of a copy: reading the list again keeps it alive in Valkey, too."""
ALL_IDS: Final = 200_000
"""Ids in all copies: about 8 MB."""


@dataclass(frozen=True, slots=True)
class _Copy:
    run: IdRun
    line: Line
    """Which reports what makes it wrong."""
    until_s: float


class AuthorCopies:
    """Reads authors' hot lists, out of copies where these are right."""

    def __init__(
        self,
        lists: HotLists,
        capacity: int = ALL_IDS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._lists = lists
        self._capacity = capacity
        self._now = now
        self._copies: dict[int, _Copy] = {}
        self._ids = 0
        self._claims: dict[int, object] = {}
        """Who reads an author's list for a copy; gone when that was changed meanwhile."""

    async def read(
        self, authors: Sequence[int], before: int | None, count: int, since_s: float
    ) -> list[IdRun | None]:
        """The newest ids of each author below `before`, as of `since_s` or later.

        There are at least `count`, or all that the list has; None where there is no list.
        `since_s` is of `time.monotonic()`. Raises `UnavailableError`.
        """
        runs, unheard = self._right(authors, before, count, since_s)
        if unheard:
            # Of a node that was asked for nothing since. Any answer for a slot of its own will do.
            await self._lists.hear([author_list_key(author) for author in unheard.values()])
            runs, _ = self._right(authors, before, count, since_s)
        if len(runs) < len(authors):
            missing = [author for author in authors if author not in runs]
            runs |= await self._fetch(missing, before, count)
        return [runs.get(author) for author in authors]

    def _right(
        self, authors: Sequence[int], before: int | None, count: int, since_s: float
    ) -> tuple[dict[int, IdRun | None], dict[Line, int]]:
        """(runs of copies that are right, lines that have not been heard of since, by author)."""
        now_s, copies = self._now(), self._copies
        runs: dict[int, IdRun | None] = {}
        unheard: dict[Line, int] = {}
        for author in authors:
            copy = copies.get(author)
            if copy is None or copy.until_s <= now_s or not copy.line.is_open:
                continue
            if copy.line.heard_s < since_s:
                unheard[copy.line] = author
                continue
            run = copy.run if before is None else _below(copy.run, before)
            if run.ended or len(run.ids) >= count:
                runs[author] = run
        return runs, unheard

    async def _fetch(
        self, authors: Sequence[int], before: int | None, count: int
    ) -> dict[int, IdRun | None]:
        keys = [author_list_key(author) for author in authors]
        if before is not None:
            runs = await self._lists.read_many(keys, before, count)
            return dict(zip(authors, runs, strict=True))
        claim = object()
        self._claims.update(dict.fromkeys(authors, claim))
        try:
            found = await self._lists.read_watched(keys, max(count, COPY_IDS), self._changed)
            for author, (run, line) in zip(authors, found, strict=True):
                if run and line and self._claims.get(author) is claim:
                    self._put(author, _Copy(run, line, self._now() + COPY_S))
        finally:
            for author in authors:
                if self._claims.get(author) is claim:
                    del self._claims[author]
        return {author: run for author, (run, _) in zip(authors, found, strict=True)}

    def _changed(self, keys: Sequence[bytes] | None) -> None:
        """Forget copies of these lists, or of all, and what is being read for them."""
        if keys is None:
            self._copies.clear()
            self._claims.clear()
            self._ids = 0
            return
        for key in keys:
            with suppress(ValueError):
                author = parse_author_list_key(key)
                self._claims.pop(author, None)
                self._drop(author)

    def _put(self, author: int, copy: _Copy) -> None:
        self._drop(author)
        self._copies[author] = copy
        self._ids += _size(copy)
        while self._ids > self._capacity and len(self._copies) > 1:
            self._drop(next(iter(self._copies)))

    def _drop(self, author: int) -> None:
        copy = self._copies.pop(author, None)
        if copy is not None:
            self._ids -= _size(copy)


def _size(copy: _Copy) -> int:
    # One more, so that authors who have no tweets are counted too.
    return 1 + len(copy.run.ids)


def _below(run: IdRun, before: int) -> IdRun:
    return IdRun(run.ids[bisect_right(run.ids, -before, key=neg) :], run.ended)
