"""Comparing counts with the edges that they count, and putting right what is off."""

from collections import Counter
from typing import Final

import structlog
from opentelemetry import metrics

from services.engagement.count_store import RowCounts, first_cell, totals
from services.engagement.edge_rows import edge_of, is_active, is_settled
from services.engagement.keys import engagers_range
from services.engagement.model import Drift, Kind, Placed
from services.engagement.ports import ChangingTooFastError
from services.engagement.spec import ENGAGERS
from services.platform.observability.log_events import EVENT_ENGAGEMENT_DRIFT
from services.platform.observability.names import (
    METRIC_ENGAGEMENT_DRIFT,
    METRIC_ENGAGEMENT_RECONCILED,
    SCOPE,
)
from services.platform.rows.port import RowStore

__all__ = ["RowRecount"]

EDGES_PER_SCAN: Final = 1_000
"""Rows of edges read at once: some milliseconds of the engine."""
MAX_LOOKS: Final = 4
"""Scans of a tweet with edges that are not counted yet; each settles those it finds."""

_log = structlog.get_logger()


class RowRecount:
    """Compares counts with edges on a `RowStore`, and reports what was off."""

    def __init__(
        self,
        rows: RowStore,
        counts: RowCounts,
        *,
        meter_provider: metrics.MeterProvider | None = None,
    ) -> None:
        self._rows = rows
        self._counts = counts
        meter = metrics.get_meter(SCOPE, meter_provider=meter_provider)
        self._drifts = meter.create_counter(METRIC_ENGAGEMENT_DRIFT, unit="{count}")
        for kind in Kind:
            # The series is there before the first: who looks at it looks at how it rises.
            self._drifts.add(0, {"kind": kind.name.lower()})
        self._compared = meter.create_counter(METRIC_ENGAGEMENT_RECONCILED, unit="{tweet}")
        # The series are there before the first: an alert looks at how they rise.
        for kind in Kind:
            self._drifts.add(0, {"kind": kind.name.lower()})
        self._compared.add(0)

    async def reconcile(self, tweet_id: int) -> list[Drift]:
        """Compare the counts of one tweet, and put right what is off."""
        for _ in range(MAX_LOOKS):
            # Before the edges, so that a count which changes meanwhile is noticed and left alone.
            before = (await self._counts.count_cells([tweet_id]))[tweet_id]
            exact, settled = await self._count(tweet_id)
            if settled:
                break
        else:
            raise ChangingTooFastError(f"Tweet {tweet_id} is changing too fast to be reconciled.")
        self._compared.add(1)
        after = (await self._counts.count_cells([tweet_id]))[tweet_id]
        counted = totals(before.items())
        found: list[Drift] = []
        for kind in Kind:
            off = exact[kind] - counted.get(kind, 0)
            if not off or totals(after.items()).get(kind, 0) != counted.get(kind, 0):
                continue
            seen = before.get(first_cell(tweet_id, kind))
            if await self._counts.correct(tweet_id, kind, seen, off):
                found.append(Drift(tweet_id, kind, counted.get(kind, 0), exact[kind]))
        self._report(found)
        return found

    async def tweets_after(self, place: bytes, limit: int) -> tuple[list[Placed], bytes | None]:
        """Give the tweets of a page of edges, and where the edges of the next tweet begin."""
        # Keys are hex digits first, and `g` comes after them all.
        rows = await self._rows.scan(ENGAGERS.name, place, b"g", limit=limit)
        edges = [edge for row in rows if (edge := edge_of(row))]
        tweets = [
            (tweet_id, engagers_range(tweet_id).end)
            for tweet_id in dict.fromkeys(edge.tweet_id for edge in edges)
        ]
        if len(rows) < limit:
            return tweets, None
        return tweets, tweets[-1][1] if tweets else rows[-1].key + b"\x00"

    async def _count(self, tweet_id: int) -> tuple[Counter[Kind], bool]:
        """Count edges, and whether all were settled; those that were not are so then."""
        keys = engagers_range(tweet_id)
        exact: Counter[Kind] = Counter()
        start, settled = keys.start, True
        while True:
            rows = await self._rows.scan(ENGAGERS.name, start, keys.end, limit=EDGES_PER_SCAN)
            edges = [(edge, row) for row in rows if (edge := edge_of(row))]
            exact.update(edge.kind for edge, row in edges if is_active(row))
            if off := [edge for edge, row in edges if not is_settled(row)]:
                settled = False
                await self._counts.settle(off)
            if len(rows) < EDGES_PER_SCAN:
                return exact, settled
            start = rows[-1].key + b"\x00"

    def _report(self, found: list[Drift]) -> None:
        for drift in found:
            kind = drift.kind.name.lower()
            self._drifts.add(1, {"kind": kind})
            _log.warning(
                EVENT_ENGAGEMENT_DRIFT,
                tweet_id=drift.tweet_id,
                kind=kind,
                counted=drift.counted,
                exact=drift.exact,
            )
