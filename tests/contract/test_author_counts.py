"""How many tweets authors have: exact whatever is repeated, reordered or raced, on every engine."""

import asyncio
import itertools
import random
from collections.abc import Awaitable, Callable, Collection, Sequence
from typing import Any

import pytest

from services.platform.errors import UnavailableError
from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at
from services.platform.rows.keys import user_row_key
from services.platform.rows.port import Row, RowMutation, RowStore
from services.tweet import author_counts, count_store
from services.tweet.author_counts import (
    KEPT_AFTER_MS,
    MANY,
    RECOUNT_AFTER_MS,
    YOUNG_MS,
    AuthorCounting,
)
from services.tweet.count_store import NEW_PLACES, SLICE_BITS, RowAuthorCounts
from services.tweet.keys import DELETED, LISTED, author_row_key
from services.tweet.spec import TABLES, TWEETS_BY_AUTHOR
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ADA, BOB, EVE = 11, 12, 13
NOW_MS = EPOCH_MS + (100 << (SLICE_BITS - 22))
NOW = first_id_at(NOW_MS)
OLD = NOW - (5 << SLICE_BITS)
WAIT_S = 30.0


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)
    monkeypatch.setattr(count_store, "ROWS_PER_SCAN", 3)
    # A busy machine takes long for what is no test of that.
    monkeypatch.setattr(author_counts, "WAIT_S", WAIT_S)


class MovableClock:
    def __init__(self) -> None:
        self.ms = NOW_MS

    def now_ms(self) -> int:
        return self.ms


class Observed:
    """Rows that say which of their methods were called; the next scan can be held, once made."""

    def __init__(self, rows: RowStore, *, held: bool = False) -> None:
        self._rows = rows
        self.called = list[str]()
        self.scanned, self.go_on = asyncio.Event(), asyncio.Event()
        if not held:
            self.scanned.set()

    def __getattr__(self, name: str) -> Any:
        self.called.append(name)
        inner = getattr(self._rows, name)
        if name not in {"scan", "scan_many"}:
            return inner

        async def scan(*args: Any, **options: Any) -> Sequence[Row]:
            found: Sequence[Row] = await inner(*args, **options)
            if not self.scanned.is_set():
                self.scanned.set()
                await self.go_on.wait()
            return found

        return scan


async def put(rows: RowStore, author: int, tweet_ids: Collection[int], cell: bytes) -> None:
    await rows.mutate(
        [
            RowMutation(TWEETS_BY_AUTHOR.name, author_row_key(author, each), {cell: b"1"})
            for each in tweet_ids
        ]
    )


async def totals(counts: RowAuthorCounts, *user_ids: int) -> dict[int, int]:
    return {each: found.count for each, found in (await counts.totals(user_ids)).items()}


async def count(counts: RowAuthorCounts, user_id: int, end: int = NOW) -> int:
    return await counts.count(user_id, end=end, now_ms=NOW_MS, relist_before_ms=1)


async def until_it_says(counting: AuthorCounting, exact: dict[int, int]) -> None:
    async with asyncio.timeout(WAIT_S):
        while await counting.lookup(list(exact)) != exact:  # noqa: ASYNC110 - a count, not an event
            await asyncio.sleep(0.01)


async def test_lists_are_counted_once_somebody_asks(store: RowStore) -> None:
    counts = RowAuthorCounts(store)
    old = [(n << SLICE_BITS) + k for n in (3, 50) for k in range(5)]
    await put(store, ADA, old, LISTED)
    await counts.settle({ADA: old, BOB: [OLD]})
    assert await totals(counts, ADA, BOB, EVE) == {}
    counting = AuthorCounting(counts, MovableClock())
    assert await counting.lookup([BOB, ADA, EVE]) == {ADA: 10, BOB: 0, EVE: 0}
    assert await totals(counts, ADA, BOB, EVE) == {ADA: 10, BOB: 0, EVE: 0}
    # What comes late, and below what is counted.
    late = [OLD, OLD + 1, OLD + (1 << SLICE_BITS)]
    await put(store, ADA, late, LISTED)
    await counts.settle({ADA: late})
    assert await totals(counts, ADA) == {ADA: 13}
    # What is told again, and what never was, changes nothing.
    await counts.settle({ADA: [*late, *old, OLD + 5]})
    assert await totals(counts, ADA) == {ADA: 13}
    await put(store, ADA, [old[0], old[7], *late], DELETED)
    # One that is taken back before it was ever made.
    await put(store, ADA, [OLD + 2], DELETED)
    await counts.settle({ADA: [old[0], old[7], *late, OLD + 2]})
    assert await totals(counts, ADA) == {ADA: 8}
    assert await count(counts, ADA) == 8


async def test_what_is_new_counts_at_once_and_costs_nothing(store: RowStore) -> None:
    rows: Any = Observed(store)
    clock = MovableClock()
    counting = AuthorCounting(RowAuthorCounts(rows), clock)
    assert await counting.lookup([ADA]) == {ADA: 0}
    new = [first_id_at(NOW_MS - YOUNG_MS), NOW, NOW + 1]
    await put(store, ADA, new, LISTED)
    rows.called.clear()
    await counting.changed({ADA: new})
    assert rows.called == []
    assert await counting.lookup([ADA]) == {ADA: 3}
    # Two reads, of however many authors.
    assert await counting.lookup([ADA, *range(100, 150)]) is not None
    rows.called.clear()
    await counting.lookup([ADA, *range(100, 150)])
    assert rows.called == ["read_cells", "scan_many"]
    await put(store, ADA, [NOW], DELETED)
    rows.called.clear()
    await counting.changed({ADA: [NOW]})
    assert rows.called == []
    assert await counting.lookup([ADA]) == {ADA: 2}
    # What is told late is counted, as somebody may have counted before it was there.
    clock.ms += KEPT_AFTER_MS
    await counting.changed({ADA: [NOW]})
    assert "check_and_mutate" in rows.called


@pytest.mark.parametrize("many", [MANY, NEW_PLACES + 5])
async def test_new_tweets_are_kept_before_readers_look_at_too_many(
    store: RowStore, many: int
) -> None:
    counts, clock = RowAuthorCounts(store), MovableClock()
    counting = AuthorCounting(counts, clock)
    await put(store, ADA, [OLD], LISTED)
    assert await counting.lookup([ADA]) == {ADA: 1}
    new = [NOW + n for n in range(many)]
    await put(store, ADA, new, LISTED)
    await put(store, ADA, new[:3], DELETED)
    assert await counting.lookup([ADA]) == {ADA: many - 2}
    clock.ms += 3 * KEPT_AFTER_MS
    await put(store, ADA, [NOW + many], LISTED)
    async with asyncio.timeout(WAIT_S):
        while (found := (await counts.totals([ADA])).get(ADA)) is None or found.unkept:
            assert await counting.lookup([ADA]) == {ADA: many - 1}
            await asyncio.sleep(0.01)
    assert found.end == first_id_at(clock.ms - KEPT_AFTER_MS)
    assert await counting.lookup([ADA]) == {ADA: many - 1}
    await put(store, ADA, [NOW + many, OLD], DELETED)
    await counting.changed({ADA: [NOW + many, OLD]})
    assert await counting.lookup([ADA]) == {ADA: many - 3}


async def settled(counts: RowAuthorCounts) -> None:
    await counts.settle({ADA: [OLD]})


async def counted(counts: RowAuthorCounts) -> None:
    await count(counts, ADA)


@pytest.mark.parametrize("slow_one", [settled, counted])
@pytest.mark.parametrize("first", [None, OLD, NOW])
async def test_what_was_read_before_a_change_never_comes_after_it(
    store: RowStore, slow_one: Callable[[RowAuthorCounts], Awaitable[None]], first: int | None
) -> None:
    """Also where the number is the same again: a tweet came, was seen by one, and went."""
    counts = RowAuthorCounts(store)
    if first is not None or slow_one is settled:
        await count(counts, ADA, first or NOW)
    await put(store, ADA, [OLD], LISTED)
    held: Any = Observed(store, held=True)
    slow = asyncio.create_task(slow_one(RowAuthorCounts(held)))
    async with asyncio.timeout(WAIT_S):
        if not (slow_one is settled and first == OLD):  # it scans nothing then
            await held.scanned.wait()
        await put(store, ADA, [OLD], DELETED)
        await counts.settle({ADA: [OLD]})
        held.go_on.set()
        await slow
    assert await totals(counts, ADA) == {ADA: 0}


async def test_any_order_of_what_is_told_to_many_processes_gives_what_there_is(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(count_store, "MAX_ROUNDS", 1_000)
    rng = random.Random(7)  # noqa: S311 - a test
    processes = [RowAuthorCounts(store) for _ in range(3)]
    ids = [OLD + (rng.randrange(4) << SLICE_BITS) + n for n in range(40)]
    ids += [(rng.randrange(90) << SLICE_BITS) + n for n in range(20)]
    authors = dict(zip(ids, itertools.cycle([ADA, BOB]), strict=False))
    there: set[int] = set()

    async def one(tweet_id: int) -> None:
        author = authors[tweet_id]
        await put(store, author, [tweet_id], LISTED)
        await rng.choice(processes).settle({author: [tweet_id]})
        if rng.random() < 0.4:
            await put(store, author, [tweet_id], DELETED)
            await rng.choice(processes).settle({author: [tweet_id]})
        else:
            there.add(tweet_id)
        if rng.random() < 0.3:
            await rng.choice(processes).settle({author: [tweet_id]})
        if rng.random() < 0.4:
            await count(rng.choice(processes), author, OLD + (rng.randrange(5) << SLICE_BITS))

    async with asyncio.timeout(4 * WAIT_S):
        await asyncio.gather(*map(one, ids))
    exact = {who: sum(authors[each] == who for each in there) for who in (ADA, BOB)}
    for each in processes:
        assert await AuthorCounting(each, MovableClock()).lookup([ADA, BOB]) == exact
    await asyncio.gather(*(count(processes[0], who) for who in (ADA, BOB)))
    assert await totals(processes[1], ADA, BOB) == exact


@pytest.mark.parametrize("column", [b"total", b"%x" % (OLD >> SLICE_BITS), b"no number"])
async def test_a_damaged_count_is_counted_anew(store: RowStore, column: bytes) -> None:
    counts = RowAuthorCounts(store)
    await put(store, ADA, [OLD, OLD + 1], LISTED)
    await count(counts, ADA)
    await store.mutate([RowMutation("author_counts", user_row_key(ADA), {column: b"many"})])
    await put(store, ADA, [OLD + 2], LISTED)
    await counts.settle({ADA: [OLD + 2]})
    assert await totals(counts, ADA) == {}
    assert await AuthorCounting(counts, MovableClock()).lookup([ADA]) == {ADA: 3}
    assert await totals(counts, ADA) == {ADA: 3}


async def test_a_list_that_takes_long_is_counted_for_a_later_call(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(author_counts, "WAIT_S", 0.05)
    await put(store, ADA, [NOW, NOW + 1], LISTED)
    held: Any = Observed(store, held=True)
    counting = AuthorCounting(RowAuthorCounts(held), MovableClock())
    assert await counting.lookup([ADA]) == {}
    held.go_on.set()
    await until_it_says(counting, {ADA: 2})


async def test_too_much_changing_at_once_is_to_be_repeated(
    store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = RowAuthorCounts(store)
    await count(counts, ADA)
    await put(store, ADA, [OLD], LISTED)

    async def taken(*_: object) -> bytes:
        return b"somebody's"

    with monkeypatch.context() as patched:
        patched.setattr(type(store), "check_and_mutate", taken)
        with pytest.raises(UnavailableError):
            await counts.settle({ADA: [OLD]})
    await counts.settle({ADA: [OLD]})
    assert await totals(counts, ADA) == {ADA: 1}


async def test_what_nobody_was_told_of_is_counted_on_another_day(store: RowStore) -> None:
    """Messages may have been taken by a process of the release before."""
    counts, clock = RowAuthorCounts(store), MovableClock()
    counting = AuthorCounting(counts, clock)
    await put(store, ADA, [OLD, OLD + 1], LISTED)
    assert await counting.lookup([ADA]) == {ADA: 2}
    await put(store, ADA, [OLD + 1], DELETED)
    clock.ms += RECOUNT_AFTER_MS
    assert await counting.lookup([ADA]) == {ADA: 2}
    clock.ms += 1
    await until_it_says(counting, {ADA: 1})
    assert (await counts.totals([ADA]))[ADA].listed_ms == clock.ms
