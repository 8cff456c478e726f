"""The end of tweets, one by one or with their author, on real rows."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from services.platform.erasure import Settling
from services.platform.errors import (
    CallAgain,
    InvalidArgumentError,
    NotFoundError,
    PermissionDeniedError,
    UnavailableError,
)
from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.tweet import erasure
from services.tweet.consumers import TweetConsumers
from services.tweet.deletion import Deletion
from services.tweet.erasure import LATE_TWEETS_MS, TweetErasure
from services.tweet.events import TweetEvents, decode_tweet_changed
from services.tweet.keys import tweet_row_key
from services.tweet.model import Tweet
from services.tweet.service import TweetService
from services.tweet.spec import OUTBOX, TABLES
from services.tweet.store import RowTweetStore
from services.user.events import UserEvents

START_MS = 1_800_000_000_000
ALICE, BOB = 11, 12


class MovableClock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


class Users:
    def __init__(self) -> None:
        self.known = {ALICE, BOB}

    async def missing(self, ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in ids if user_id not in self.known]


class Ids:
    def __init__(self) -> None:
        self._milliseconds = itertools.count(START_MS - 1_704_067_200_000)

    async def next_id(self) -> int:
        return next(self._milliseconds) << 22


class OwnLists:
    def __init__(self) -> None:
        self.hidden: set[int] = set()

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Nothing is looked at here."""

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        assert user_id == ALICE
        self.hidden.add(tweet_id)


class World:
    def __init__(self, rows: SqliteRowStore, clock: MovableClock) -> None:
        self.rows, self.clock = rows, clock
        self.users = Users()
        self.own = OwnLists()
        self.outbox = Outbox(rows, clock, OUTBOX)
        self.store = RowTweetStore(rows, self.outbox)
        self.deletion = Deletion(self.store, self.own, TweetEvents(), clock)
        self.tweets = TweetService(
            store=self.store,
            users=self.users,
            ids=Ids(),
            own_timeline=self.own,
            events=TweetEvents(),
            clock=clock,
        )

    async def post(self, author: int, count: int) -> set[int]:
        made = await asyncio.gather(*(self.tweets.create(author, "hi") for _ in range(count)))
        return {tweet.tweet_id for tweet in made}

    async def post_of_before(self, author: int) -> set[int]:
        """One that passed the author check just before the deletion."""
        self.users.known.add(author)
        return await self.post(author, 1)

    async def erase(self, *, work_s: float = 60.0, deleted_at_ms: int = 0) -> None:
        """One delivery, as the bus brings it once the user is gone."""
        self.users.known = {BOB}
        settling = Settling(LATE_TWEETS_MS, self.clock)
        erasure = TweetErasure(self.store, self.deletion, settling, work_s=work_s)
        handlers = TweetConsumers(erasure, self.users)
        await handlers.user_deleted(UserEvents().deleted(ALICE, deleted_at_ms))

    async def left(self, author: int = ALICE) -> set[int]:
        return set(await self.store.list_by_author(author, None, 1_000))

    async def announced(self) -> set[int]:
        pending = await self.outbox.pending(0, 10_000)
        events = [decode_tweet_changed(entry.data) for entry in pending]
        return {event.tweet_id for event in events if event.deleted}


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    clock = MovableClock()
    rows = SqliteRowStore(tmp_path / "rows.db", [*TABLES, OUTBOX], clock)
    await rows.open()
    yield World(rows, clock)
    await rows.close()


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(erasure, "PAGE_TWEETS", 4)
    return 4


async def test_all_tweets_of_the_author_go_and_nobody_elses(world: World, small_pages: int) -> None:
    gone = await world.post(ALICE, 2 * small_pages + 1)
    kept = await world.post(BOB, 2)
    await world.erase()
    assert await world.left() == set()
    assert await world.tweets.lookup(sorted(gone)) == ([], sorted(gone))
    assert await world.announced() == gone
    assert world.own.hidden == gone
    assert await world.left(BOB) == kept
    assert len((await world.tweets.lookup(sorted(kept)))[0]) == 2


async def test_a_second_delivery_changes_nothing(world: World) -> None:
    await world.post(ALICE, 3)
    await world.erase()
    await world.outbox.settle([entry.id for entry in await world.outbox.pending(0, 100)])
    await world.erase()
    assert await world.announced() == set()


async def test_a_pass_ends_in_time_and_the_next_goes_on(world: World, small_pages: int) -> None:
    gone = await world.post(ALICE, 3 * small_pages)
    for done in (1, 2, 3):
        with pytest.raises(CallAgain):
            await world.erase(work_s=0)
        assert len(await world.left()) == (3 - done) * small_pages
    await world.erase(work_s=0)
    assert await world.announced() == gone


async def test_a_pass_that_failed_half_way_is_finished_by_the_next(
    world: World, small_pages: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = await world.post(ALICE, 2 * small_pages)
    delete = world.store.delete
    unlucky = sorted(gone)[small_pages // 2]

    async def fail_once(tweet: Tweet, at_ms: int, event: bytes) -> None:
        if tweet.tweet_id == unlucky:
            raise UnavailableError("the store is away")
        await delete(tweet, at_ms, event)

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "delete", fail_once)
        with pytest.raises(UnavailableError):
            await world.erase()
    assert unlucky in await world.left()
    await world.erase()
    assert await world.left() == set()
    assert await world.announced() == gone


async def test_a_tweet_that_comes_to_be_just_after_is_met_by_a_later_pass(world: World) -> None:
    early = await world.post(ALICE, 1)
    deleted_at_ms = world.clock.ms
    with pytest.raises(CallAgain) as caught:
        await world.erase(deleted_at_ms=deleted_at_ms)
    assert caught.value.after_s == LATE_TWEETS_MS / 1_000
    assert await world.announced() == early
    late = await world.post_of_before(ALICE)
    world.clock.ms += LATE_TWEETS_MS - 1
    with pytest.raises(CallAgain):
        await world.erase(deleted_at_ms=deleted_at_ms)
    later = await world.post_of_before(ALICE)
    world.clock.ms += 1
    await world.erase(deleted_at_ms=deleted_at_ms)
    assert await world.left() == set()
    assert await world.announced() == early | late | later


async def test_a_deletion_dated_ahead_by_a_wrong_clock_ends_as_soon_as_others(
    world: World,
) -> None:
    watch_s, deleted_at_ms = [0.0], world.clock.ms + 3_600_000
    settling = Settling(LATE_TWEETS_MS, world.clock, lambda: watch_s[0])
    erases = TweetErasure(world.store, world.deletion, settling)
    with pytest.raises(CallAgain) as caught:
        await erases.author_deleted(ALICE, deleted_at_ms)
    assert caught.value.after_s == LATE_TWEETS_MS / 1_000
    await world.post(ALICE, 1)
    watch_s[0] += LATE_TWEETS_MS / 1_000
    await erases.author_deleted(ALICE, deleted_at_ms)
    assert await world.left() == set()


async def test_a_request_that_died_makes_no_tweet_once_its_author_is_gone(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(_tweet: Tweet, _event: bytes) -> None:
        raise UnavailableError("the store is away")

    made = await world.tweets.create(ALICE, "before", request_id="done")
    with monkeypatch.context() as broken:
        broken.setattr(world.store, "create", crash)
        with pytest.raises(UnavailableError):
            await world.tweets.create(ALICE, "hi", request_id="r")
    world.users.known = {BOB}
    await world.erase()
    with pytest.raises(NotFoundError):
        await world.tweets.create(ALICE, "hi", request_id="r")
    assert await world.left() == set()
    assert await world.tweets.create(ALICE, "before", request_id="done") == made


async def test_a_repeated_deletion_succeeds(world: World) -> None:
    one, other = sorted(await world.post(ALICE, 2))
    await world.tweets.delete(one, request_id="r")
    await world.tweets.delete(one, request_id="r")
    with pytest.raises(NotFoundError):
        await world.tweets.delete(one)
    with pytest.raises(NotFoundError):
        await world.tweets.delete(one, request_id="s")
    assert await world.left() == {other}
    # The id is the tweet's own.
    await world.tweets.delete(other, request_id="r")
    assert await world.left() == set()
    with pytest.raises(NotFoundError):
        await world.tweets.delete(12345, request_id="r")


async def test_a_repeat_finishes_a_deletion_that_died(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tweet_id,) = await world.post(ALICE, 1)

    async def crash(_tweet: Tweet, _at_ms: int, _event: bytes) -> None:
        raise UnavailableError("the store is away")

    with monkeypatch.context() as broken:
        broken.setattr(world.store, "delete", crash)
        with pytest.raises(UnavailableError):
            await world.tweets.delete(tweet_id, request_id="r")
    await world.tweets.delete(tweet_id, request_id="r")
    assert await world.announced() == {tweet_id}


async def test_a_bad_request_id_deletes_nothing(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    with pytest.raises(InvalidArgumentError) as caught:
        await world.tweets.delete(tweet_id, request_id="r" * 65)
    assert caught.value.field == "request_id"
    assert await world.left() == {tweet_id}


async def test_only_the_author_deletes_a_tweet(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    with pytest.raises(PermissionDeniedError) as refused:
        await world.tweets.delete(tweet_id, user_id=BOB, request_id="r")
    assert refused.value.reason == "NOT_THE_AUTHOR"
    assert await world.left() == {tweet_id}
    # The refused request left nothing that would make its repeat look done.
    await world.tweets.delete(tweet_id, user_id=ALICE)
    with pytest.raises(NotFoundError):
        await world.tweets.delete(tweet_id, user_id=BOB, request_id="r")


async def test_a_sibling_deletes_without_saying_for_whom(world: World) -> None:
    (tweet_id,) = await world.post(ALICE, 1)
    await world.tweets.delete(tweet_id)
    assert await world.left() == set()
    with pytest.raises(InvalidArgumentError, match="user_id"):
        await world.tweets.delete(tweet_id, user_id=-1)


@pytest.mark.parametrize("ahead_ms", [-3_600_000, 3_600_000])
async def test_a_tweet_stays_deleted_whatever_the_clock_was_when_it_was_made(
    world: World, ahead_ms: int
) -> None:
    made_at_ms = world.clock.ms + ahead_ms
    tweet = Tweet(first_id_at(made_at_ms) | 1, ALICE, "Secret", made_at_ms, 0, 0)
    await world.store.create(tweet, b"")
    await world.tweets.delete(tweet.tweet_id)
    # A crash may have left the entry of its creation in an outbox.
    await world.store.create(tweet, b"")
    assert await world.left() == set()
    assert await world.tweets.lookup([tweet.tweet_id]) == ([], [tweet.tweet_id])
    row = await world.rows.read_rows("tweets", [tweet_row_key(tweet.tweet_id)])
    assert b"Secret" not in row[tweet_row_key(tweet.tweet_id)].cells[b"body"]
