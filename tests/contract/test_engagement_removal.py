"""What is deleted takes with it all that was done, in whatever order messages come."""

from collections.abc import Sequence

import pytest
import pytest_asyncio
from aviary.event.v1 import event_pb2

from services.engagement import tweet_changes
from services.engagement.backfill import MAX_BACKFILLED, ReferencesBackfill
from services.engagement.erasure import SETTLE_MS
from services.engagement.model import Kind
from services.engagement.spec import ENGAGED, ENGAGERS, TABLES, TWEET_COUNTS
from services.platform.errors import (
    CallAgain,
    FailedPreconditionError,
    InvalidArgumentError,
    UnavailableError,
)
from services.platform.rows.port import RowStore
from services.tweet.events import TweetEvents
from services.user.events import UserEvents
from tests import tweet_messages
from tests.contract import row_engines
from tests.contract.engagement_world import TWEET, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ANSWER, QUOTE = 3_000, 4_000
AUTHOR = 1


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    world = World(store)
    world.tweets.about = {ANSWER: (TWEET, 0), QUOTE: (TWEET, TWEET)}
    return world


async def rows_left(store: RowStore) -> int:
    tables = (ENGAGED, ENGAGERS, TWEET_COUNTS)
    return sum([len(await store.scan(table.name, b"", b"\xff", limit=100)) for table in tables])


def created(*tweet_ids: int) -> list[bytes]:
    return [tweet_messages.created(tweet_id, AUTHOR) for tweet_id in tweet_ids]


def deleted(*tweet_ids: int) -> list[bytes]:
    return [TweetEvents().deleted(tweet_id, AUTHOR) for tweet_id in tweet_ids]


async def test_answers_and_quotes_are_counted_once(one: World) -> None:
    for bodies in (created(TWEET, ANSWER, QUOTE), created(ANSWER), created(QUOTE, QUOTE)):
        await one.consumers.tweets_changed(bodies)
    assert (await one.count(Kind.REPLY), await one.count(Kind.QUOTE)) == (2, 1)
    one.tweets.deleted.add(QUOTE)
    for bodies in (deleted(QUOTE), deleted(QUOTE), created(QUOTE)):
        await one.consumers.tweets_changed(bodies)
    assert (await one.count(Kind.REPLY), await one.count(Kind.QUOTE)) == (1, 0)
    assert await one.reconciling.reconcile([TWEET]) == []


async def test_a_deletion_that_is_heard_of_before_the_tweet(one: World) -> None:
    one.tweets.deleted.add(ANSWER)
    await one.consumers.tweets_changed(deleted(ANSWER))
    await one.consumers.tweets_changed(created(ANSWER))
    assert await one.count(Kind.REPLY) == 0


async def test_an_answer_that_is_deleted_while_it_is_counted(one: World) -> None:
    """The deletion was handled before the edge was written: nobody will come for it."""
    referred = one.tweets.references

    async def references(tweet_ids: Sequence[int]) -> object:
        found = await referred(tweet_ids)
        one.tweets.deleted.add(ANSWER)
        await one.consumers.tweets_changed(deleted(ANSWER))
        return found

    one.tweets.references = references  # type: ignore[method-assign,assignment]
    await one.consumers.tweets_changed(created(ANSWER))
    assert await one.count(Kind.REPLY) == 0


async def test_a_deleted_tweet_leaves_nothing(one: World, store: RowStore) -> None:
    await one.like(*range(1, 40))
    await one.engaging.engage(Kind.BOOKMARK, 7, TWEET)
    await one.consumers.tweets_changed(created(ANSWER, QUOTE))
    await one.publish()
    one.tweets.deleted |= {TWEET, ANSWER, QUOTE}
    for _ in range(2):
        await one.consumers.tweets_changed(deleted(TWEET, ANSWER, QUOTE))
        assert await one.likes(7) == []
        assert (await one.count(), await one.count(Kind.REPLY)) == (0, 0)
    await one.consumers.tweets_changed(deleted(TWEET))
    assert await rows_left(store) == 0
    assert one.cache.forgotten >= {TWEET, ANSWER, QUOTE}


async def test_a_like_that_is_committed_while_its_tweet_is_deleted(
    one: World, store: RowStore
) -> None:
    await one.like(7)
    one.tweets.deleted.add(TWEET)
    await one.consumers.tweets_changed(deleted(TWEET))
    one.tweets.deleted.clear()
    # It had found the tweet there, and was slow.
    await one.like(8)
    one.tweets.deleted.add(TWEET)
    await one.publish()
    assert await one.likes(8) == []
    assert await rows_left(store) == 0


async def test_nothing_is_removed_of_a_tweet_that_is_there(one: World) -> None:
    await one.like(7)
    with pytest.raises(FailedPreconditionError, match="is said to be deleted, and is there"):
        await one.consumers.tweets_changed(deleted(TWEET))
    assert await one.likers() == [7]


async def test_a_deleted_user_leaves_nothing_once_it_has_settled(
    one: World, store: RowStore
) -> None:
    for user_id in (7, 8):
        for kind in (Kind.LIKE, Kind.RETWEET, Kind.BOOKMARK):
            await one.engaging.engage(kind, user_id, TWEET)
    await one.publish()
    one.users.deleted.add(7)
    body = UserEvents().deleted(7, one.clock.ms)
    with pytest.raises(CallAgain):
        await one.consumers.user_deleted(body)
    assert await one.publish() == 3
    assert (await one.likers(), await one.count(), await one.count(Kind.RETWEET)) == ([8], 1, 1)
    one.clock.ms += SETTLE_MS
    await one.consumers.user_deleted(body)
    left = await store.scan(ENGAGED.name, b"", b"\xff", limit=100)
    assert [row.key[-1:] for row in left] == [b"8"] * 3


async def test_a_message_that_is_none_is_refused(one: World) -> None:
    with pytest.raises(ValueError, match="unknown engagement event"):
        await one.consumers.engaged([event_pb2.EngagementEvent().SerializeToString()])


async def test_a_tweet_that_cannot_be_read_keeps_what_was_done_with_it(one: World) -> None:
    await one.like(7)
    one.tweets.unreadable |= {TWEET, ANSWER}
    await one.consumers.tweets_changed(created(TWEET, ANSWER))
    await one.publish()
    assert (await one.likers(), await one.count()) == ([7], 1)


@pytest.mark.parametrize("limit", [1, 2, 10])
async def test_answers_and_quotes_of_before_are_counted_once(one: World, limit: int) -> None:
    gone = QUOTE + 1
    one.tweets.about[gone] = (TWEET, 0)
    one.tweets.deleted.add(gone)
    await one.consumers.tweets_changed(created(QUOTE))
    backfill = ReferencesBackfill(one.tweets, one.tweet_changes)
    for _ in range(2):
        found, after = 0, 0
        while True:
            part = await backfill.backfill(after, limit)
            found += part.references
            if part.resume_after is None:
                break
            after = part.resume_after
        assert found == 2
        assert (await one.count(Kind.REPLY), await one.count(Kind.QUOTE)) == (2, 1)
    assert await one.reconciling.reconcile([TWEET]) == []
    for bad in (0, MAX_BACKFILLED + 1):
        with pytest.raises(InvalidArgumentError, match="limit"):
            await backfill.backfill(0, bad)


async def test_a_backfill_that_meets_too_much_to_remove_is_repeated(
    one: World, store: RowStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    for user_id in (7, 8, 9):
        await one.like(user_id)
    one.tweets.deleted.add(TWEET)
    backfill = ReferencesBackfill(one.tweets, one.tweet_changes)
    with monkeypatch.context() as slow:
        slow.setattr(tweet_changes, "EDGES_PER_STEP", 1)
        slow.setattr(tweet_changes, "WORK_S", 0.0)
        with pytest.raises(UnavailableError, match="goes on"):
            await backfill.backfill(0, 10)
    await backfill.backfill(0, 10)
    assert await rows_left(store) == 0
