"""The lists of readers on rows, and who has been told of which tweet."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from services.notification.entry_rows import entries_of, entry_mutation
from services.notification.group_cells import DAYS
from services.notification.group_store import DAYS_COLUMN
from services.notification.keys import (
    entry_range,
    group_range,
    group_row_key,
    reader_column,
    reader_of,
    told_row_key,
)
from services.notification.model import Entry, GroupKey, Kind, TweetNews
from services.notification.spec import ENTRIES, GROUPS, READ, TOLD
from services.platform.rows.keys import prefix_range, user_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import UNREADABLE, log_unreadable

__all__ = ["RowEntries"]

OF_TWEETS: Final = (Kind.LIKE, Kind.RETWEET)
"""Groups that are about a tweet of the reader's."""
DAYS_PER_SCAN: Final = 8
"""Rows; a page rarely spans more."""

_READ = b"read"


class RowEntries:
    """`Entries` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def add(self, news: Sequence[TweetNews]) -> None:
        """Write who is told, and then what they are told: a deletion finds all that it must."""
        told = [
            RowMutation(
                TOLD.name,
                told_row_key(each.tweet_id),
                {reader_column(each.user_id): each.kind.value.encode()},
            )
            for each in news
        ]
        await self._rows.mutate([*told, *(_mutation(each) for each in news)])

    async def told(self, tweet_ids: Sequence[int]) -> dict[int, list[TweetNews]]:
        """Read the rows of tweets."""
        tweets = {told_row_key(tweet_id): tweet_id for tweet_id in tweet_ids}
        rows = await self._rows.read_rows(TOLD.name, list(tweets))
        return {tweets[key]: _news(tweets[key], row) for key, row in rows.items()}

    async def forget(self, tweets: Mapping[int, int], news: Sequence[TweetNews] = ()) -> None:
        """Delete entries, then the rows that lead to them."""
        keys = [
            GroupKey(author_id, kind, tweet_id)
            for tweet_id, author_id in tweets.items()
            for kind in OF_TWEETS
        ]
        names = {key: CellName(GROUPS.name, group_row_key(key), DAYS_COLUMN) for key in keys}
        told, cells = await self.told(list(tweets)), await self._rows.read_cells(names.values())
        all_news = [*news, *(each for own in told.values() for each in own)]
        gone = [_mutation(each, gone=True) for each in all_news]
        for key, name in names.items():
            for position in _positions(cells[name].value) if name in cells else ():
                entry = Entry(position, key.kind, key.tweet_id)
                gone.append(entry_mutation(key.user_id, entry, gone=True))
        gone += [RowMutation(name.table, name.key, delete_row=True) for name in cells]
        gone += [
            RowMutation(TOLD.name, told_row_key(tweet_id), delete_row=True) for tweet_id in told
        ]
        if gone:
            await self._rows.mutate(gone)

    async def erase(self, user_id: int, *, limit: int) -> bool:
        """Delete the reader's rows, some at a time."""
        ranges = {ENTRIES.name: prefix_range(user_id), GROUPS.name: group_range(user_id)}
        scans = [
            Scan(table, keys.start, keys.end, limit, cells_per_row=1)
            for table, keys in ranges.items()
        ]
        found = await self._rows.scan_many(scans)
        gone = [
            RowMutation(table, row.key, delete_row=True)
            for table, rows in zip(ranges, found, strict=True)
            for row in rows
        ]
        gone.append(RowMutation(READ.name, user_row_key(user_id), delete_row=True))
        await self._rows.mutate(gone)
        return all(len(rows) < limit for rows in found)

    async def newest(self, user_id: int, before: int | None, limit: int) -> tuple[int, list[Entry]]:
        """Read the mark and the first days together."""
        keys, columns_from = entry_range(user_id, before)
        key = user_row_key(user_id)
        mark = Scan(READ.name, key, key + b"\x00", 1)
        scan = Scan(ENTRIES.name, keys.start, keys.end, DAYS_PER_SCAN, columns_from, limit, limit)
        marked, days = await self._rows.scan_many([mark, scan])
        entries = entries_of(days)
        # Also where some are left out that cannot be read, as of a kind of a later release.
        while len(entries) < limit and _may_go_on(days, limit):
            # The days after the last have later columns alone.
            scan = replace(scan, start=days[-1].key, columns_from=max(days[-1].cells) + b"\x00")
            (days,) = await self._rows.scan_many([scan])
            entries += entries_of(days)
        return max(map(_read_up_to, marked), default=0), entries[:limit]

    async def mark_read(self, user_id: int, position: int) -> int:
        """Raise the mark by compare-and-set."""
        key = user_row_key(user_id)
        write = RowMutation(READ.name, key, {_READ: str(position).encode()})
        cells = await self._rows.read_cells([CellName(READ.name, key, _READ)])
        expected = next((cell.value for cell in cells.values()), None)
        while (marked := _position(expected)) < position:
            found = await self._rows.check_and_mutate(READ.name, key, _READ, expected, write)
            if found == expected:
                return position
            expected = found
        return marked


def _may_go_on(days: Sequence[Row], limit: int) -> bool:
    """Whether a scan that gave these days may have ended before the last entry."""
    return len(days) == DAYS_PER_SCAN or sum(len(day.cells) for day in days) >= limit


def _mutation(news: TweetNews, *, gone: bool = False) -> RowMutation:
    """Write or delete the entry of a tweet, whose place is the tweet's id."""
    entry = Entry(news.tweet_id, news.kind, news.tweet_id, news.author_id)
    return entry_mutation(news.user_id, entry, gone=gone)


def _news(tweet_id: int, row: Row) -> list[TweetNews]:
    news: list[TweetNews] = []
    for column, value in row.cells.items():
        try:
            news.append(TweetNews(reader_of(column), Kind(value.decode()), tweet_id, 0))
        except UNREADABLE as error:
            log_unreadable(TOLD.name, row, error)
    return news


def _positions(days: bytes) -> list[int]:
    """Read where a group is in its reader's list, or may be; nowhere, if that cannot be read."""
    try:
        known = DAYS.loads(days)
    except UNREADABLE:
        return []
    return [*known.positions, *known.left]


def _read_up_to(row: Row) -> int:
    return _position(row.cells.get(_READ))


def _position(mark: bytes | None) -> int:
    """Read a mark; one that cannot be read marks nothing."""
    return int(mark) if mark is not None and mark.isdigit() else 0
