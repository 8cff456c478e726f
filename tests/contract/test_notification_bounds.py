"""What many do, or many who are hidden did, costs a bounded number of reads of bounded size."""

from collections import Counter
from collections.abc import Collection, Sequence
from typing import Any

import pytest
import pytest_asyncio

from services.graph.events import GraphEvents
from services.notification import group_store
from services.notification.entry_rows import entry_mutation
from services.notification.keys import entry_row_key
from services.notification.model import NEWEST_SHOWN, Entry, Kind
from services.notification.reading import MAX_PAGE_BYTES
from services.notification.spec import ENTRIES, GROUPS, TABLES, TOLD
from services.platform.rows.bigtable.requests import FILTER_MAX_COLUMNS
from services.platform.rows.port import CellName, RowMutation, RowStore
from tests.contract import row_engines
from tests.contract.notification_world import ADA, BOB, CYD, LIKE, World, engaged
from tests.contract.row_engines import bigtable_emulator, store
from tests.tweet_messages import created

__all__ = ["bigtable_emulator", "store"]


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


class Watched:
    """Rows that remember how much was read of them."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows
        self.most_named = 0
        """Cells of a row that one read named."""
        self.scans = Counter[str]()

    async def read_cells(self, names: Collection[CellName]) -> Any:
        self.most_named = max([self.most_named, *Counter(each.key for each in names).values()])
        return await self._rows.read_cells(names)

    async def scan(self, table: str, *arguments: Any, **more: Any) -> Any:
        self.scans[table] += 1
        return await self._rows.scan(table, *arguments, **more)

    async def scan_many(self, scans: Sequence[Any], **more: Any) -> Any:
        self.scans.update(each.table for each in scans)
        return await self._rows.scan_many(scans, **more)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


@pytest.fixture
def watched(store: RowStore) -> Watched:
    return Watched(store)


@pytest_asyncio.fixture
async def one(watched: Watched) -> World:
    """A process of the notification service."""
    rows: Any = watched
    return World(rows)


async def test_likes_of_one_tweet_never_read_all_who_like_it(one: World, watched: Watched) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    fans = range(10, 110)
    likes = [engaged(LIKE, each, tweet, now + each) for each in fans]
    unlikes = [engaged(LIKE, each, tweet, now + 500, standing=False) for each in fans[::2]]
    for batch in (likes, unlikes, [*likes, *unlikes]):
        await one.consumers.engaged(batch)
    left = sorted(fans[1::2], reverse=True)
    assert await one.shown(ADA) == [(Kind.LIKE, tweet, tuple(left[:NEWEST_SHOWN]), len(left))]
    # Of more an engine reads the whole row, however many have liked the tweet before.
    assert 1 < watched.most_named <= FILTER_MAX_COLUMNS


async def test_the_newest_are_looked_for_among_so_many(
    one: World, watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_store, "MEMBERS_PER_SCAN", 10)
    monkeypatch.setattr(group_store, "MAX_SCANNED", 20)
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    fans = range(10, 70)
    await one.consumers.engaged([engaged(LIKE, each, tweet, now + each) for each in fans])
    # Twenty are kept, of whom five are left.
    await one.consumers.engaged(
        [engaged(LIKE, each, tweet, now + 500, standing=False) for each in fans[-15:]]
    )
    assert watched.scans[GROUPS.name] == 2
    ((_, _, newest, count),) = await one.shown(ADA)
    assert newest == (54, 53, 52, 51, 50, *range(29, 24, -1))
    assert count == len(fans) - 15


async def test_a_page_of_one_has_few_rounds(one: World, watched: Watched) -> None:
    one.siblings.handles["ada"] = ADA
    first = await one.post(CYD, "ada")
    one.clock.ms += 1
    for _ in range(5):
        ids = [one.siblings.tweet(BOB, "ada") for _ in range(100)]
        await one.consumers.tweets_changed([created(each, BOB) for each in ids])
    one.siblings.hidden.add((ADA, BOB))
    watched.scans.clear()
    page = await one.reading.page(ADA, None, 1)
    assert [each.tweet_id for each in page.notifications] == [first]
    assert watched.scans[ENTRIES.name] <= 7


async def test_a_page_whose_users_are_large_ends_early(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    one.siblings.user = b"u" * (MAX_PAGE_BYTES // 30)
    mentions = [await one.post(100 + each, "ada") for each in range(50)]
    found, before = list[int](), None
    while True:
        page = await one.reading.page(ADA, before, 50)
        assert sum(map(len, (*page.users.values(), *page.tweets.values()))) <= MAX_PAGE_BYTES
        found += [each.tweet_id for each in page.notifications]
        before = page.next_before
        if before is None:
            break
        assert len(page.notifications) >= 29
    assert found == mentions[::-1]


async def test_what_cannot_be_read_hides_nothing_behind_it(one: World, store: RowStore) -> None:
    one.siblings.handles["ada"] = ADA
    first = await one.post(CYD, "ada")
    last = first + 1_000
    (column,) = entry_mutation(ADA, Entry(last, Kind.MENTION, last, CYD)).sets
    # As a later release writes a kind that this one does not know.
    unknown = [column[:8] + b"z" + at.to_bytes(8, "big") for at in range(60)]
    key = entry_row_key(ADA, last)
    await store.mutate([RowMutation(ENTRIES.name, key, dict.fromkeys(unknown, b""))])
    for limit in (1, 8, 100):
        _, entries = await one.entries.newest(ADA, None, limit)
        assert [each.tweet_id for each in entries] == [first]


async def test_a_batch_of_blocks_is_a_few_calls(one: World) -> None:
    bodies = [GraphEvents().relations_changed([ADA, 100 + each]) for each in range(50)]
    one.siblings.asked = 0
    await one.consumers.graph_changed(bodies)
    assert one.siblings.asked <= 3


async def test_of_two_that_forget_neither_leaves_what_the_other_led_to(
    one: World, store: RowStore
) -> None:
    one.siblings.handles["ada"] = ADA
    mention = one.siblings.tweet(BOB, "ada")
    add = one.entries.add

    async def late_add(news: Any) -> None:
        del one.siblings.tweets[mention]
        await add(news)
        # Another process has read who was told before that was written, and removes it after.
        rows = await store.scan(TOLD.name, b"", b"\xff", limit=10)
        await store.mutate([RowMutation(TOLD.name, row.key, delete_row=True) for row in rows])

    one.entries.add = late_add  # type: ignore[method-assign]
    await one.consumers.tweets_changed([created(mention, BOB)])
    assert await store.scan(ENTRIES.name, b"", b"\xff", limit=1) == []
