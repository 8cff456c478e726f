"""Each user likes a tweet once, and is counted once, whatever is repeated or raced."""

import asyncio
import random

import pytest
import pytest_asyncio
from structlog.testing import capture_logs

from services.engagement.model import Kind
from services.engagement.reconciling import PASS_EVERY_S
from services.engagement.spec import ENGAGERS, TABLES
from services.platform.errors import NotFoundError, UnavailableError
from services.platform.rows.port import RowMutation, RowStore
from services.tweet.events import TweetEvents
from tests.contract import row_engines
from tests.contract.engagement_world import TWEET, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the engagement service."""
    return World(store)


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, worker=2, clock=one.clock)


async def test_a_repeat_changes_nothing_and_publishes_nothing(one: World) -> None:
    await one.like(7, 8, 7)
    await one.like(7)
    await one.unlike(9)
    assert await one.publish() == 2
    assert (await one.likers(), await one.count()) == ([7, 8], 2)
    await one.unlike(7)
    await one.unlike(7)
    assert await one.publish() == 1
    assert (await one.likers(), await one.likes(7), await one.count()) == ([8], [], 1)


async def test_what_comes_again_is_counted_once(one: World, other: World) -> None:
    await one.like(*range(1, 30))
    bodies = await one.bodies()
    await asyncio.gather(*(each.consumers.engaged(bodies) for each in (one, other, one)))
    assert await one.count() == 29
    await one.unlike(*range(1, 10))
    # The messages of the likes come once more, mixed with those of what took them back.
    mixed = bodies + await one.bodies()
    random.Random(1).shuffle(mixed)  # noqa: S311 - drawn, and the same each time
    await asyncio.gather(*(each.consumers.engaged(mixed) for each in (one, other)))
    assert await other.count() == 20
    assert await one.reconciling.reconcile([TWEET]) == []


async def test_two_processes_at_once_agree_in_the_end(one: World, other: World) -> None:
    """Likes and what takes them back, of the same users at the same time, counted meanwhile."""
    chance = random.Random(2)  # noqa: S311 - drawn, and the same each time

    async def change(world: World) -> None:
        for _ in range(5):
            users = chance.sample(range(1, 12), 6)
            await asyncio.gather(world.like(*users[:3]), world.unlike(*users[3:]))
            await world.publish()

    await asyncio.gather(change(one), change(other))
    await one.publish()
    liking = await one.likers()
    assert liking == [user for user in range(1, 12) if await other.likes(user) == [TWEET]]
    assert await one.count() == len(liking)
    assert await one.reconciling.reconcile([TWEET]) == []


async def test_a_change_counts_though_the_clock_was_ahead(one: World, other: World) -> None:
    one.clock.ms += HOUR_MS
    await one.like(7)
    one.clock.ms -= HOUR_MS
    await other.unlike(7)
    assert await one.likers() == []
    await one.like(7)
    assert await one.likers() == [7]


async def test_a_like_of_what_is_gone_is_refused_and_leaves_nothing(one: World) -> None:
    one.tweets.deleted.add(TWEET)
    one.users.deleted.add(8)
    with pytest.raises(NotFoundError, match="tweet 1000"):
        await one.like(7)
    with pytest.raises(NotFoundError, match="user 8"):
        await one.like(8, tweet_id=2_000)
    await one.like(7, tweet_id=2_000)
    await one.unlike(7)
    assert await one.publish() == 1
    assert (await one.likes(7), await one.likes(8)) == ([2_000], [])


async def test_one_that_is_refused_keeps_no_other_from_being_made(one: World) -> None:
    one.users.deleted.add(8)
    made = await asyncio.gather(one.like(7), one.like(8), one.like(9), return_exceptions=True)
    assert [type(each) for each in made] == [type(None), NotFoundError, type(None)]
    assert await one.likers() == [7, 9]


async def test_while_the_tweet_service_is_gone_no_like_is_made_and_any_is_taken_back(
    one: World,
) -> None:
    await one.like(7)
    one.tweets.fails = True
    with pytest.raises(UnavailableError):
        await one.like(8)
    await one.unlike(7)
    one.tweets.fails = False
    assert await one.likers() == []


async def test_thousands_of_likes_of_one_tweet(one: World, other: World, store: RowStore) -> None:
    """Counted in batches, over several rows of the count; no other tweet is."""
    # The emulator of the other engine takes a millisecond for each row.
    users = range(1, 10_001) if store.atomic_batches else range(1, 1_001)
    for start in range(0, len(users), 5_000):
        some = users[start : start + 5_000]
        await asyncio.gather(one.like(*some[::2]), other.like(*some[1::2]))
        # Of one millisecond a process can make some thousand ids.
        one.clock.ms += 1
    await one.like(7, tweet_id=2_000)
    bodies = await one.bodies()
    assert len(bodies) == len(users) + 1
    batches = [bodies[at : at + 100] for at in range(0, len(bodies), 100)]
    for batch in batches:
        await one.consumers.engaged(batch)
    assert (await one.count(), await one.count(tweet_id=2_000)) == (len(users), 1)
    spread = await one.count_store.count_cells([TWEET, 2_000])
    assert (len(spread[TWEET]) > 1, len(spread[2_000])) == (True, 1)
    assert await one.reconciling.reconcile([TWEET, 2_000]) == []


async def test_pages_of_likers_and_of_likes(one: World) -> None:
    await one.like(*range(1, 301))
    await one.unlike(*range(50, 290))
    one.users.deleted |= {3, 4}
    page = await one.reads.users_of(Kind.LIKE, TWEET, 0, None, 46)
    assert [user.user_id for user in page.users] == [1, 2, *range(5, 49)]
    rest = await one.reads.users_of(Kind.LIKE, TWEET, 0, page.next_after, 46)
    assert [user.user_id for user in rest.users] == [49, *range(290, 301)]
    assert rest.next_after is None
    for tweet_id in range(2_000, 2_010):
        await one.like(7, tweet_id=tweet_id)
    one.tweets.deleted.add(2_005)
    found = await one.reads.tweets_of(Kind.LIKE, 7, None, 5)
    assert [tweet.tweet_id for tweet in found.tweets] == [2_009, 2_008, 2_007, 2_006, 2_004]
    last = await one.reads.tweets_of(Kind.LIKE, 7, found.next_after, 5)
    assert [tweet.tweet_id for tweet in last.tweets] == [2_003, 2_002, 2_001, 2_000, TWEET]
    assert last.next_after is None
    back = await one.reads.tweets_of(Kind.LIKE, 7, None, 5, above=last.previous_after)
    assert back.tweets == found.tweets
    assert (back.next_after, back.previous_after) == (found.next_after, found.previous_after)
    assert (await one.reads.tweets_of(Kind.LIKE, 7, None, 2, above=2_004)).tweets == (
        *found.tweets[2:4],
    )
    top = await one.reads.tweets_of(Kind.LIKE, 7, None, 5, above=back.previous_after)
    assert (top.tweets, top.previous_after) == ((), back.previous_after)


async def test_nobody_has_no_list(one: World) -> None:
    await one.like(7)
    one.users.deleted.add(7)
    for kind in (Kind.LIKE, Kind.BOOKMARK):
        with pytest.raises(NotFoundError, match="no user 7"):
            await one.reads.tweets_of(kind, 7, None, 5)


async def test_a_page_ends_where_an_answer_can_hold_no_more(one: World) -> None:
    for tweet_id in range(2_000, 2_030):
        await one.like(7, tweet_id=tweet_id)
    one.tweets.body = b"x" * 270_000
    pages: list[list[int]] = []
    before: int | None = None
    while before is not None or not pages:
        page = await one.reads.tweets_of(Kind.LIKE, 7, before, 25)
        pages.append([tweet.tweet_id for tweet in page.tweets])
        before = page.next_after
    assert [len(page) for page in pages] == [11, 11, 8]
    assert [each for page in pages for each in page] == list(range(2_029, 1_999, -1))


async def test_a_crash_between_the_commit_and_the_message(one: World, store: RowStore) -> None:
    """The cells of the edge never came, or not all: whoever sweeps the outbox writes them."""
    await one.like(7)
    (entry,) = await one.outbox.pending(-60_000, 10)
    if not store.atomic_batches:
        # As if the process had ended after the first of its writes.
        await store.mutate(
            [RowMutation(each.table, each.key, delete_row=True) for each in entry.mutations]
        )
        assert await one.likers() == []
    assert await one.publish() == 1
    assert (await one.likers(), await one.likes(7), await one.count()) == ([7], [TWEET], 1)


async def test_a_row_that_cannot_be_read_spoils_no_other(one: World, store: RowStore) -> None:
    await one.like(7, 8)
    await one.publish()
    first = (await store.scan(ENGAGERS.name, b"", b"g", limit=1))[0].key
    for key in (first[:-3], first[:-2] + b"zz", first.replace(b"#l#", b"#x#")):
        await store.mutate([RowMutation(ENGAGERS.name, key, {b"state": b"1"})])
    with capture_logs() as logs:
        assert await one.likers() == [7, 8]
        assert await one.reconciling.reconcile([TWEET]) == []
        assert await one.reconciling.step() == PASS_EVERY_S
    assert {log["event"] for log in logs} == {"rows.unreadable"}
    one.tweets.deleted.add(TWEET)
    await one.consumers.tweets_changed([TweetEvents().deleted(TWEET, 1)])
    assert await store.scan(ENGAGERS.name, b"", b"g", limit=10) == []


async def test_one_that_cannot_be_made_now_keeps_no_other_from_being_taken_back(
    one: World,
) -> None:
    await one.like(7)
    one.tweets.fails = True
    made = await asyncio.gather(one.like(8), one.unlike(7), return_exceptions=True)
    assert [type(each) for each in made] == [UnavailableError, type(None)]
    assert (await one.likes(7), await one.likes(8)) == ([], [])


async def test_a_tweet_that_all_like_at_once_holds_up_no_other(one: World) -> None:
    all_at_once = asyncio.gather(one.like(*range(1, 2_000)))
    await asyncio.sleep(0)
    await one.like(7, tweet_id=2_000)
    assert not all_at_once.done()
    await all_at_once
    assert len(await one.bodies()) == 2_000


async def test_nobody_takes_nothing_back(one: World) -> None:
    await one.like(7)
    await one.publish()
    one.users.deleted.add(7)
    made = await asyncio.gather(one.unlike(7), one.unlike(8), return_exceptions=True)
    assert [type(each) for each in made] == [NotFoundError, type(None)]
    assert (await one.publish(), await one.likers(), await one.count()) == (0, [], 1)
    # A tweet that is gone, or that nobody can say anything of, keeps nobody.
    one.users.deleted.clear()
    one.tweets.fails = True
    await one.unlike(7)
    assert await one.likes(7) == []
