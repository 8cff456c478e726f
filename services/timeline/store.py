"""Persistent home timelines and viewers' states, on the wide-column port."""

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from services.platform.ids.snowflake_time import time_ms
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import log_unreadable
from services.platform.runtime.clock import Clock
from services.platform.runtime.gathering import Gathering
from services.timeline import keys
from services.timeline.model import ViewerState
from services.timeline.spec import HOME, VIEWERS

__all__ = ["RowHomeTimelines"]


SEEN = b"seen"
BUILT = b"built"
# Floors are columns of their own: of two writers at once the higher floor wins, whoever is later.
FLOOR = b"floor#"
YES, NO = b"1", b"0"
DAYS_PER_SCAN = 8  # rows; a page rarely spans more
CELLS_PER_CALL = 5_000  # enough that cells of a page of the store meet, some milliseconds of it
VIEWERS_PER_CALL = 16  # whose days are read together: a page each is some thousand cells


class RowHomeTimelines:
    """One row a day and viewer, one column a tweet: a cold page is one short scan."""

    def __init__(self, store: RowStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._reads = Gathering(self._scan_with_states, most=VIEWERS_PER_CALL)

    async def read(self, viewer: int, before: int | None, floor: int, count: int) -> list[int]:
        """Newest ids below `before` and not below `floor`; fewer than `count` means all."""
        scan = _days(viewer, before, count)
        (days,) = await self._store.scan_many([scan])
        return await self._ids(scan, days, floor, count)

    async def read_with_state(
        self, viewer: int, before: int | None, count: int
    ) -> tuple[ViewerState | None, list[int]]:
        """(What is known of the viewer, the newest ids below `before`): one read for nearly all.

        Who reads in the same moment shares it with others.
        """
        scan = _days(viewer, before, count)
        known, days = await self._reads.get((viewer, scan))
        ids = await self._ids(scan, days, 0, count)
        return (_state(known[0]) if known else None), ids

    async def _scan_with_states(
        self, wanted: Sequence[tuple[int, Scan]]
    ) -> list[tuple[list[Row], list[Row]]]:
        """Read (the viewer's row, the first days) of many viewers."""
        keys = [user_row_key(viewer) for viewer, _ in wanted]
        states = [Scan(VIEWERS.name, key, key + b"\0", limit=1) for key in keys]
        found = await self._store.scan_many([*states, *(scan for _, scan in wanted)], in_order=True)
        return list(zip(found[: len(keys)], found[len(keys) :], strict=True))

    async def _ids(self, scan: Scan, days: Sequence[Row], floor: int, count: int) -> list[int]:
        """Read ids from the days found, and go on behind these for as long as some are missing."""
        ids: list[int] = []
        async with aclosing(self._slices(scan, days)) as slices:
            async for row in slices:
                ids += _tweets(row)
                if len(ids) >= count or (ids and ids[-1] < floor):
                    break
        return [one for one in ids[:count] if one >= floor]

    async def _slices(self, scan: Scan, days: Sequence[Row]) -> AsyncGenerator[Row, None]:
        """Days, newest first, in slices of as many columns as `scan` takes of one."""
        while True:
            for row in days:
                yield row
                async for rest in self._rest_of_day(row, scan.cells_per_row or 1):
                    yield rest
            if len(days) < scan.limit and sum(len(row.cells) for row in days) < (
                scan.enough_cells or 1
            ):
                return
            scan = replace(scan, start=days[-1].key + b"\0")
            (days,) = await self._store.scan_many([scan])

    async def _rest_of_day(self, row: Row, cells: int) -> AsyncGenerator[Row, None]:
        """Go on where a slice ended; only wanted where some of its columns were no tweets."""
        while len(row.cells) == cells:
            rows = await self._store.scan(
                HOME.name,
                row.key,
                row.key + b"\0",
                limit=1,
                columns_from=max(row.cells) + b"\0",
                cells_per_row=cells,
            )
            if not rows:
                return
            (row,) = rows
            yield row

    async def add(self, viewer: int, tweet_ids: Sequence[int]) -> None:
        """Add ids to one timeline; those there already change nothing."""
        await self.push({viewer: tweet_ids})

    async def push(self, tweets: Mapping[int, Sequence[int]]) -> None:
        """Add ids to the timelines of many viewers, each its own."""
        cells = keys.home_cells(tweets)
        if not cells:
            return
        # None is dated earlier than its tweet, or a clock that is behind would have retention drop
        # ids that the timeline's floor says are there. The dates order nothing: writers agree.
        newest = max(map(max, filter(None, tweets.values())))
        dated_ms = max(self._clock.now_ms(), time_ms(newest))
        for start in range(0, len(cells), CELLS_PER_CALL):
            chunk = cells[start : start + CELLS_PER_CALL]
            await self._store.set_cells(HOME.name, chunk, b"", dated_ms)

    async def state(self, viewer: int) -> ViewerState | None:
        """What is known of the viewer; None if they never read."""
        return (await self.states([viewer])).get(viewer)

    async def states(self, viewers: Sequence[int]) -> dict[int, ViewerState]:
        """What is known of many viewers, without those who never read."""
        rows = await self._rows_of(viewers)
        return {viewer: state for viewer, row in rows.items() if (state := _state(row)) is not None}

    async def active(self, viewers: Sequence[int], since_ms: int) -> list[int]:
        """Those of `viewers` who read at or after `since_ms`."""
        viewer_of = {user_row_key(viewer): viewer for viewer in viewers}
        names = [CellName(VIEWERS.name, key, SEEN) for key in viewer_of]
        active = []
        for (_, key, _), cell in (await self._store.read_cells(names)).items():
            try:
                if int(cell.value) >= since_ms:
                    active.append(viewer_of[key])
            except ValueError as error:
                log_unreadable(VIEWERS.name, Row(key, {SEEN: cell.value}), error)
        return active

    async def begin_build(self, viewer: int, now_ms: int) -> None:
        """Mark active and not yet built, in one step."""
        await self._set(viewer, {SEEN: b"%d" % now_ms, BUILT: NO})

    async def finish_build(self, viewer: int, floor: int) -> None:
        """Mark built, complete from `floor`."""
        await self._set(viewer, {BUILT: YES, FLOOR + keys.home_qualifier(floor): b""})

    async def raise_floors(self, floors: Mapping[int, int]) -> None:
        """Give up completeness below floors, each by one column in place of all that are lower.

        A lower one changes nothing. Two writers at once may each leave theirs, and the next removes
        the lower. None ever removes the highest, so that a floor that was raised stays raised.
        """
        rows = await self._rows_of(list(floors))
        changes = (_raising(viewer, floor, rows.get(viewer)) for viewer, floor in floors.items())
        await self._store.mutate([change for change in changes if change.sets or change.deletes])

    async def touch(self, viewer: int, now_ms: int) -> None:
        """Record that the viewer read now."""
        await self._set(viewer, {SEEN: b"%d" % now_ms})

    async def _rows_of(self, viewers: Sequence[int]) -> dict[int, Row]:
        viewer_of = {user_row_key(viewer): viewer for viewer in viewers}
        rows = await self._store.read_rows(VIEWERS.name, list(viewer_of)) if viewer_of else {}
        return {viewer_of[key]: row for key, row in rows.items()}

    async def _set(self, viewer: int, cells: dict[bytes, bytes]) -> None:
        await self._store.mutate([RowMutation(VIEWERS.name, user_row_key(viewer), cells)])


def _raising(viewer: int, floor: int, row: Row | None) -> RowMutation:
    floors = {} if row is None else _floors(row)
    highest = max((floor, *floors.values()))
    lower = tuple(column for column, each in floors.items() if each < highest)
    sets = {FLOOR + keys.home_qualifier(floor): b""} if floor == highest else {}
    return RowMutation(VIEWERS.name, user_row_key(viewer), sets, deletes=lower)


def _days(viewer: int, before: int | None, count: int) -> Scan:
    """Ask for the newest days of a home timeline, of each as much as all that is wanted."""
    rows, columns_from = keys.home_range(viewer, before)
    return Scan(HOME.name, rows.start, rows.end, DAYS_PER_SCAN, columns_from, count, count)


def _tweets(row: Row) -> list[int]:
    """Tweets of a slice of a day, newest first; columns that name none are left out."""
    try:
        return keys.parse_home_qualifiers(row.cells)
    except ValueError:
        tweets = []
    for qualifier in row.cells:
        try:
            tweets.append(keys.parse_home_qualifier(qualifier))
        except ValueError as error:
            log_unreadable(HOME.name, row, error)
    return tweets


def _state(row: Row) -> ViewerState | None:
    seen_ms = _seen_ms(row)
    if seen_ms is None:
        return None
    return ViewerState(seen_ms, row.cells.get(BUILT) == YES, max(_floors(row).values(), default=0))


def _seen_ms(row: Row) -> int | None:
    """When the viewer read last; None, as for one who never did, where that cannot be read."""
    try:
        return int(row.cells[SEEN])
    except (KeyError, ValueError) as error:
        log_unreadable(VIEWERS.name, row, error)
        return None


def _floors(row: Row) -> dict[bytes, int]:
    """Floors by their columns; one that cannot be read is left out."""
    floors = {}
    for column in row.cells:
        if column.startswith(FLOOR):
            try:
                floors[column] = keys.parse_home_qualifier(column.removeprefix(FLOOR))
            except ValueError as error:
                log_unreadable(VIEWERS.name, row, error)
    return floors
