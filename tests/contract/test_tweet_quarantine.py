"""Tweets in quarantine, on both engines: who is shown them, and what decides about them."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import pytest

from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.rows.port import RowStore
from services.tweet.author_counts import AuthorCounting
from services.tweet.consumers import TweetConsumers
from services.tweet.events import (
    TweetEvents,
    decode_tweet_changed,
)
from services.tweet.model import Quarantine, RecentTweets
from services.tweet.quarantine import MAX_LISTED, MAX_LISTED_CHARS
from services.tweet.quarantine_ports import PublishedAs
from services.tweet.scan_metrics import ScanMetrics
from services.tweet.scanning import (
    AGAIN_AFTER_MS,
    LEAST_BETWEEN_MS,
    RECENT_MS,
    Rescanning,
    Scanning,
)
from services.tweet.spec import TABLES
from tests.contract.quarantine_world import AUTHOR, MovedClock, QuarantineWorld
from tests.contract.row_engines import bigtable_emulator, open_rows
from tests.tweet_messages import created

__all__ = ["bigtable_emulator"]

HOUR_MS = 3_600_000


class World(QuarantineWorld):
    def __init__(self, rows: RowStore) -> None:
        self.clock = MovedClock()
        super().__init__(rows, self.clock, "bad")


@pytest.fixture(params=["sqlite", "bigtable"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with open_rows(request, tmp_path, TABLES) as opened:
        yield World(opened)


async def test_what_is_found_is_withheld_and_not_missing(world: World) -> None:
    bad, good = await world.post("so bad"), await world.post("fine")
    await world.scanning.created([bad, good, 12345])
    assert await world.shown(bad, good) == {good}
    found, withheld = await world.store.read_many([bad, good, 12345])
    assert (found.keys(), withheld) == ({good}, {bad})
    assert [each.tweet_id for each in (await world.store.read_slice(None, 10)).tweets] == [good]
    assert world.copies.hidden == {bad}
    (listed,) = await world.quarantine.listed(0, MAX_LISTED)
    assert listed.quarantine is not None
    assert (listed.tweet_id, listed.text, listed.quarantine.reason) == (bad, "so bad", "bad")
    # Lists of ids name it: it may be shown again.
    assert set(await world.store.list_by_author(AUTHOR, None, 10)) == {bad, good}


async def test_what_is_decided_is_announced_once(world: World) -> None:
    bad = await world.post("so bad")
    before = {entry.id for entry in await world.outbox.pending(0, 10_000)}

    async def announced() -> list[bool]:
        changes = [
            decode_tweet_changed(entry.data)
            for entry in await world.outbox.pending(0, 10_000)
            if entry.id not in before
        ]
        assert {each.tweet_id for each in changes} <= {bad}
        return [each.again for each in changes]

    await world.scanning.created([bad])
    await world.scanning.created([bad])
    assert await announced() == [True]
    await world.quarantine.clear(bad)
    await world.quarantine.clear(bad)
    assert await announced() == [True, True]


async def test_what_people_cleared_no_scan_hides(world: World) -> None:
    bad = await world.post("so bad")
    as_posted = await world.read(bad)
    await world.scanning.created([bad])
    await world.quarantine.clear(bad)
    assert await world.shown(bad) == {bad}
    assert world.copies.hidden == set()
    await world.scanning.created([bad])
    # One that read it before all of this, and was slow.
    assert not await world.quarantine.found(as_posted, "bad")
    assert await world.shown(bad) == {bad}
    assert world.copies.hidden == set()
    assert await world.quarantine.listed(0, 10) == []
    await world.quarantine.hide(bad, "all the same")
    assert await world.shown(bad) == set()
    assert [each.tweet_id for each in await world.quarantine.listed(0, 10)] == [bad]


async def test_what_is_hidden_can_be_deleted_and_stays_so(world: World) -> None:
    bad = await world.post("so bad")
    await world.scanning.created([bad])
    await world.store.delete(await world.read(bad), world.clock.now_ms(), b"")
    for call in (world.quarantine.clear(bad), world.quarantine.hide(bad, "why")):
        with pytest.raises(NotFoundError):
            await call
    assert await world.quarantine.listed(0, 10) == []
    assert await world.store.read_many([bad]) == ({}, frozenset())


async def test_a_deletion_during_a_clearing_wins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await world.post("so bad")
    await world.scanning.created([bad])
    show = world.copies.show

    async def shown_too_late(tweet_id: int) -> None:
        await world.store.delete(await world.read(bad), world.clock.now_ms(), b"")
        await world.copies.hide(tweet_id)
        await show(tweet_id)

    monkeypatch.setattr(world.copies, "show", shown_too_late)
    await world.quarantine.clear(bad)
    assert world.copies.hidden == {bad}


async def test_a_clearing_while_what_was_found_is_passed_on_wins(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = await world.post("so bad")
    await world.scanning.created([bad])
    hide = world.copies.hide

    async def hidden_too_late(tweet_id: int) -> None:
        monkeypatch.undo()
        await world.quarantine.clear(bad)
        await hide(tweet_id)

    monkeypatch.setattr(world.copies, "hide", hidden_too_late)
    await world.quarantine.settle(await world.read(bad))
    assert world.copies.hidden == set()


async def test_decisions_hold_in_their_order_whatever_clocks_say(world: World) -> None:
    tweet = await world.post("fine")
    world.clock.ahead_ms = HOUR_MS
    await world.quarantine.hide(tweet, "one")
    await world.quarantine.clear(tweet)
    world.clock.ahead_ms = 0
    await world.quarantine.hide(tweet, "another")
    assert await world.shown(tweet) == set()
    await world.quarantine.clear(tweet)
    assert await world.shown(tweet) == {tweet}


async def test_where_nothing_is_scanned_a_decision_reaches_readers_by_its_message(
    world: World,
) -> None:
    tweet = await world.post("fine")
    none = cast("Any", None)
    scanning = Scanning(world.store, world.quarantine, None, ScanMetrics(world.clock))
    counting = AuthorCounting(none, world.clock)
    consumers = TweetConsumers(
        none,
        none,
        scanning,
        counting,
        decode_tweet_changed,
    )
    # Whoever hid it died before readers' copies were told.
    why = Quarantine("reported", world.clock.now_ms())
    event = PublishedAs(tweet + 1, TweetEvents().reviewed(tweet, AUTHOR))
    await world.rows.hide(await world.read(tweet), why, why.at_ms, event)
    await consumers.tweets_changed([created(tweet, AUTHOR)])
    assert world.copies.hidden == set()
    await consumers.tweets_changed([event.event, event.event])
    assert world.copies.hidden == {tweet}


async def test_a_list_of_what_was_cleared_is_passed_in_few_reads(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    cleared = [await world.post("bad" + "x" * 500, 60_000 - each) for each in range(4)]
    await world.scanning.created(cleared)
    for each in cleared[:3]:
        await world.quarantine.clear(each)
    read, reads = world.rows.listed, list[int]()

    async def counted(after: int, limit: int) -> list[int]:
        reads.append(after)
        return await read(after, limit)

    monkeypatch.setattr(world.rows, "listed", counted)
    (found,) = await world.quarantine.listed(0, 1)
    assert (found.tweet_id, reads) == (cleared[3], [0])
    assert found.text == "bad" + "x" * (MAX_LISTED_CHARS - 3), "a thousand must fit an answer"


async def test_recent_tweets_are_read_in_small_parts(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.tweet.scanning.ROWS_PER_STEP", 4)
    monkeypatch.setattr("services.tweet.scanning.ROWS_PER_READ", 2)
    for _ in range(6):
        # All of one shard, and deleted: the marks are rows to look at, too.
        tweet = await world.read(await world.post_in_shard("gone", 5))
        await world.store.delete(tweet, world.clock.now_ms(), b"")
    read, sizes = world.rows.recent, list[int]()

    async def counted(shard: int, after: int, limit: int) -> RecentTweets:
        found = await read(shard, after, limit)
        sizes.append(limit)
        return found

    monkeypatch.setattr(world.rows, "recent", counted)
    await world.replica("worse").step()
    assert set(sizes) == {2}
    progress = await world.rows.progress()
    assert progress is not None
    assert progress.shard == 5


async def test_lists_are_read_in_parts(world: World) -> None:
    ids = sorted([await world.post(f"bad {number}", 60_000 - number) for number in range(5)])
    await world.scanning.created(ids)
    for each in ids[:3]:
        await world.quarantine.clear(each)
    assert await listed(world, 0, 1) == ids[3:4]
    assert await listed(world, ids[3], 5) == ids[4:]
    assert await listed(world, ids[4], 5) == []
    for after, limit in ((-1, 1), (0, 0), (0, MAX_LISTED + 1)):
        with pytest.raises(InvalidArgumentError):
            await world.quarantine.listed(after, limit)
    for reason in ("", "x" * 501):
        with pytest.raises(InvalidArgumentError):
            await world.quarantine.hide(ids[0], reason)


async def listed(world: World, after: int, limit: int) -> list[int]:
    return [each.tweet_id for each in await world.quarantine.listed(after, limit)]


async def done(replicas: Sequence[Rescanning]) -> None:
    """Let replicas go on in turn until none has anything to do."""
    for _ in range(100):
        if not any([await each.step() <= 1.0 for each in replicas]):
            return
    raise AssertionError("it never ends")


async def test_a_new_list_is_held_against_recent_tweets_by_any_replica(world: World) -> None:
    ids = [await world.post(f"worse {number}", number * HOUR_MS) for number in range(3)]
    old = await world.post("worse, and old", RECENT_MS + HOUR_MS)
    cleared = await world.post("worse, and known")
    await world.quarantine.hide(cleared, "why")
    await world.quarantine.clear(cleared)
    await done([world.replica("bad")])
    assert await world.shown(*ids, old, cleared) == {*ids, old, cleared}
    first, second = world.replica("worse"), world.replica("worse")
    assert await first.step() > 1.0, "it waits for a moment, should replicas disagree"
    world.clock.ahead_ms += LEAST_BETWEEN_MS
    await done([first, second])
    assert await world.shown(*ids, old, cleared) == {old, cleared}
    assert len(await world.outbox.pending(0, 10_000)) == 5 + 2 + len(ids)


async def test_what_came_while_lists_differed_is_looked_at_again(world: World) -> None:
    replica = world.replica("worse")
    await done([replica])
    missed = await world.post("worse, by one that did not know", 0)
    await done([replica])
    assert await world.shown(missed) == {missed}
    world.clock.ahead_ms += AGAIN_AFTER_MS
    await done([replica])
    assert await world.shown(missed) == set()
    progress = await world.rows.progress()
    assert progress is not None
    assert not await world.rows.advance(replace(progress, shard=3), progress)
