"""What is quarantined, as rows: a cell of the tweet's own row, and one in a list for operators.

Both are dated. What a scanner found is as old as the tweet, so it never undoes what an operator
decided, which is dated when that was: so repeats and races end the same, in any order.
"""

from dataclasses import asdict
from typing import Any, Final

from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.port import CellName, RowMutation, RowStore
from services.tweet.body_cells import encode_quarantine
from services.tweet.keys import (
    LISTED,
    parse_quarantined_row_key,
    quarantined_after,
    quarantined_row_key,
    tweet_row_key,
    tweets_of_shard,
)
from services.tweet.model import Quarantine, RecentTweets, Rescan, Tweet
from services.tweet.quarantine_ports import PublishedAs
from services.tweet.spec import QUARANTINED, SCANS, TWEET_EVENTS, TWEETS
from services.tweet.tweet_rows import QUARANTINE, readable, tweet_id_of

__all__ = ["RowQuarantines"]

_YES: Final = b"1"
_RESCAN: Final = b"rescan"
_PROGRESS: Final = b"progress"


class RowQuarantines:
    """A `Quarantines` and a `Scans` on a `RowStore` and its outbox."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def hide(self, tweet: Tweet, why: Quarantine, dated_ms: int, event: PublishedAs) -> None:
        """Write both cells, with the event."""
        await self._decide(tweet, why, dated_ms, event)

    async def clear(self, tweet: Tweet, why: Quarantine, event: PublishedAs) -> None:
        """Write both cells, with the event; readers of the list look at the tweet's own."""
        await self._decide(tweet, why, why.at_ms, event)

    async def _decide(
        self, tweet: Tweet, why: Quarantine, dated_ms: int, event: PublishedAs
    ) -> None:
        key = quarantined_row_key(tweet.tweet_id)
        await self._outbox.commit(
            [
                RowMutation(
                    TWEETS.name,
                    tweet_row_key(tweet.tweet_id),
                    {QUARANTINE: encode_quarantine(why)},
                    timestamp_ms=dated_ms,
                ),
                RowMutation(QUARANTINED.name, key, {LISTED: _YES}, timestamp_ms=dated_ms),
            ],
            OutboxEntry(event.entry_id, TWEET_EVENTS, event.event),
        )

    async def listed(self, after: int, limit: int) -> list[int]:
        """Scan the list."""
        keys = quarantined_after(after)
        rows = await self._rows.scan(QUARANTINED.name, keys.start, keys.end, limit=limit)
        return [parse_quarantined_row_key(row.key) for row in rows]

    async def recent(self, shard: int, after: int, limit: int) -> RecentTweets:
        """Scan the rows of a shard."""
        keys = tweets_of_shard(shard, after)
        rows = await self._rows.scan(TWEETS.name, keys.start, keys.end, limit=limit)
        tweets = tuple(filter(None, map(readable, rows)))
        last = tweet_id_of(rows[-1]) if len(rows) == limit else None
        return RecentTweets(tweets, last)

    async def progress(self) -> Rescan | None:
        """Read the cell of the look."""
        row = (await self._rows.read_rows(SCANS.name, [_RESCAN])).get(_RESCAN)
        return None if row is None else _RESCANS.loads(row.cells[_PROGRESS])

    async def advance(self, known: Rescan | None, to: Rescan) -> bool:
        """Compare and set that cell."""
        cell = CellName(SCANS.name, _RESCAN, _PROGRESS)
        if known is None:
            return await _RESCANS.add(self._rows, cell, to) is None
        return await _RESCANS.replace(self._rows, cell, known, to)


def _read_rescan(said: dict[str, Any]) -> Rescan:
    # A newer version may have written more.
    return Rescan(**{name: said[name] for name in Rescan.__dataclass_fields__})


_RESCANS: Final = JsonCells[Rescan](asdict, _read_rescan)
