"""Which authors are celebrities, on the wide-column port."""

import asyncio
import math
import time
from collections.abc import Callable
from contextvars import Context

import structlog

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_CELEBRITIES_STALE
from services.platform.rows.keys import parse_user_row_key, user_row_key
from services.platform.rows.port import RowMutation, RowStore
from services.platform.rows.reading import log_unreadable
from services.timeline.spec import CELEBRITIES

__all__ = ["RowCelebrities"]

SEEN = b"seen"
YES = b"1"
CELEBRITIES_PER_SCAN = 1_000
REFRESH_S = 0.25  # age at which the list of celebrities is read anew
STALE_S = 0.5  # how late a new celebrity's first unpushed tweet may show
REFRESH_WAIT_S = 0.5  # then an old list is better than a late page

_log = structlog.get_logger()


class RowCelebrities:
    """Authors who have had a tweet that was not pushed; nobody ever leaves.

    Staying is what makes a change of the threshold harmless: their tweets are merged at read
    whether pushed or not, and the merge drops doubles.
    """

    def __init__(self, store: RowStore, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._store = store
        self._monotonic = monotonic
        self._known: frozenset[int] | None = None
        self._read_at_s = -math.inf
        self._reading: asyncio.Task[None] | None = None

    async def add(self, author: int) -> None:
        """Remember, durably."""
        await self._store.mutate([RowMutation(CELEBRITIES.name, user_row_key(author), {SEEN: YES})])

    async def among(self, authors: frozenset[int]) -> list[int]:
        """Those of `authors` who are celebrities, as of at most `STALE_S` ago.

        The list is read anew beside its readers; only after a quiet time do they wait for it. While
        the store is gone the old list serves.
        """
        age_s = self._monotonic() - self._read_at_s
        if age_s >= REFRESH_S and self._reading is None:
            # It serves all readers, and outlives the one who begins it, and that one's deadline.
            self._reading = asyncio.create_task(
                self._refresh(), name="celebrities", context=Context()
            )
        if self._known is None and self._reading is not None:
            await asyncio.shield(self._reading)
            if self._known is None:
                raise UnavailableError("the list of celebrities cannot be read now")
        elif age_s >= STALE_S and self._reading is not None:
            await asyncio.wait([self._reading], timeout=REFRESH_WAIT_S)
        return sorted(authors & (self._known or frozenset()))

    async def _refresh(self) -> None:
        began_s = self._monotonic()
        try:
            self._known = frozenset(await self._read_all())
        except UnavailableError:
            _log.warning(EVENT_CELEBRITIES_STALE)
        else:
            self._read_at_s = began_s
        finally:
            self._reading = None

    async def _read_all(self) -> list[int]:
        found: list[int] = []
        start = b""
        while True:
            rows = await self._store.scan(CELEBRITIES.name, start, b"g", limit=CELEBRITIES_PER_SCAN)
            for row in rows:
                try:
                    found.append(parse_user_row_key(row.key))
                except ValueError as error:
                    log_unreadable(CELEBRITIES.name, row, error)
            if len(rows) < CELEBRITIES_PER_SCAN:
                return found
            start = rows[-1].key + b"\0"
