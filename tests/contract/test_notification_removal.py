"""What is not to be told is not, also where that is known later; and what is read stays so."""

import asyncio

import pytest
import pytest_asyncio

from services.graph.events import GraphEvents
from services.notification.ages import DAY_MS
from services.notification.model import Kind, Unread
from services.notification.reading import MAX_UNREAD
from services.notification.spec import ENTRIES, GROUPS, READ, TABLES, TOLD
from services.platform.errors import FailedPreconditionError, InvalidArgumentError, NotFoundError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.rows.port import RowStore
from services.tweet.events import TweetEvents
from tests.contract import row_engines
from tests.contract.notification_world import (
    ADA,
    BOB,
    CYD,
    DAN,
    LIKE,
    World,
    engaged,
    user_deleted,
)
from tests.contract.row_engines import bigtable_emulator, store
from tests.tweet_messages import created

__all__ = ["bigtable_emulator", "store"]


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    """A process of the notification service."""
    return World(store)


@pytest_asyncio.fixture
async def other(store: RowStore, one: World) -> World:
    """Another process on the same rows."""
    return World(store, one.siblings)


async def stored(rows: RowStore) -> list[str]:
    """The tables that have anything."""
    return [table.name for table in TABLES if await rows.scan(table.name, b"", b"\xff", limit=1)]


def exactly(count: int) -> Unread:
    return Unread(count, has_more=False)


async def test_follows_are_told_as_they_stand(one: World, other: World) -> None:
    follow = one.follows(BOB, ADA)
    await asyncio.gather(*(each.consumers.graph_changed([follow]) for each in (one, other)))
    one.clock.ms += 5
    one.siblings.follows[ADA, CYD] = (True, one.clock.now_ms())
    await one.consumers.graph_changed([GraphEvents().follows_added(CYD, [ADA, DAN])])
    assert await one.shown(ADA) == [(Kind.FOLLOW, 0, (CYD, BOB), 2)]
    one.clock.ms += 5
    await one.consumers.graph_changed([one.follows(BOB, ADA, standing=False), follow])
    assert await one.shown(ADA) == [(Kind.FOLLOW, 0, (CYD,), 1)]
    one.clock.ms += 2 * DAY_MS
    await one.consumers.graph_changed([one.follows(BOB, ADA), one.follows(DAN, ADA)])
    # Bob is where he was: following anew rings no second time.
    assert await one.shown(ADA) == [
        (Kind.FOLLOW, 0, (DAN,), 1),
        (Kind.FOLLOW, 0, (CYD, BOB), 2),
    ]


async def test_a_block_and_a_deleted_account_end_follows(one: World) -> None:
    for follower in (BOB, CYD, DAN):
        await one.consumers.graph_changed([one.follows(follower, ADA)])
        one.clock.ms += 1
    one.follows(BOB, ADA, standing=False)
    await one.consumers.graph_changed([GraphEvents().relations_changed([ADA, BOB])])
    one.follows(CYD, ADA, standing=False)
    one.siblings.gone.add(CYD)
    await one.consumers.graph_changed([GraphEvents().relations_changed([ADA, CYD, DAN])])
    assert await one.shown(ADA) == [(Kind.FOLLOW, 0, (DAN,), 1)]
    # A mute ends none.
    one.siblings.hidden.add((ADA, DAN))
    await one.consumers.graph_changed([GraphEvents().relations_changed([ADA])])
    assert await one.shown(ADA) == []
    one.siblings.hidden.clear()
    assert await one.shown(ADA) == [(Kind.FOLLOW, 0, (DAN,), 1)]


async def test_nobody_hears_of_whom_they_do_not_see(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    one.siblings.hidden.add((ADA, BOB))
    await one.consumers.engaged([engaged(LIKE, BOB, tweet, now)])
    await one.post(BOB, "ada", reply_to=tweet)
    await one.consumers.graph_changed([one.follows(BOB, ADA)])
    await one.consumers.engaged([engaged(LIKE, each, tweet, now + each) for each in (CYD, DAN)])
    reply = await one.post(CYD, reply_to=tweet)
    one.siblings.hidden.add((ADA, CYD))
    assert await one.shown(ADA) == [(Kind.LIKE, tweet, (DAN,), 1)]
    assert (await one.reading.unread(ADA)).count == 1
    one.siblings.hidden.clear()
    # What was hidden when it happened is not made up for.
    assert await one.shown(ADA) == [
        (Kind.LIKE, tweet, (DAN, CYD), 2),
        (Kind.REPLY, reply, (CYD,), 1),
    ]


async def test_what_is_gone_is_not_counted_before_its_message_comes(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    mention = await one.post(BOB, "ada")
    await one.consumers.engaged([engaged(LIKE, BOB, tweet, now)])
    await one.consumers.graph_changed([one.follows(BOB, ADA)])
    assert (await one.reading.unread(ADA)).count == 3
    for each in (mention, tweet):
        one.siblings.tweets.pop(each)
    assert (len(await one.shown(ADA)), (await one.reading.unread(ADA)).count) == (1, 1)


async def test_a_deleted_tweet_takes_all_with_it(one: World, store: RowStore) -> None:
    one.siblings.handles["ada"] = ADA
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    reply = await one.post(BOB, reply_to=tweet)
    mention = await one.post(BOB, "ada")
    await one.consumers.engaged([engaged(LIKE, BOB, tweet, now)])
    for each in (mention, tweet, reply):
        await one.delete(each)
    assert (await one.shown(ADA), await one.reading.unread(ADA)) == ([], exactly(0))
    assert await stored(store) == []
    # What was under way meanwhile finds the tweet gone.
    await one.consumers.engaged([engaged(LIKE, CYD, tweet, now)])
    await one.consumers.tweets_changed([created(mention, BOB)])
    assert await stored(store) == []


async def test_a_tweet_that_is_deleted_while_it_is_told_of(one: World, store: RowStore) -> None:
    one.siblings.handles["ada"] = ADA
    tweet = one.siblings.tweet(ADA)
    mention = one.siblings.tweet(BOB, "ada")
    add, apply = one.entries.add, one.groups.apply

    async def late_add(news: object) -> None:
        del one.siblings.tweets[mention]
        await add(news)  # type: ignore[arg-type]

    async def late_apply(deeds: object) -> None:
        del one.siblings.tweets[tweet]
        await apply(deeds)  # type: ignore[arg-type]

    one.entries.add, one.groups.apply = late_add, late_apply  # type: ignore[assignment, method-assign]
    await one.consumers.tweets_changed([created(mention, BOB)])
    await one.consumers.engaged([engaged(LIKE, BOB, tweet, one.clock.now_ms())])
    assert await stored(store) == []


async def test_what_is_said_to_be_gone_must_be_gone(one: World) -> None:
    tweet = await one.post(BOB)
    with pytest.raises(FailedPreconditionError):
        await one.consumers.tweets_changed([TweetEvents().deleted(tweet, BOB)])
    with pytest.raises(FailedPreconditionError):
        await one.consumers.user_deleted(user_deleted(ADA, one.clock.now_ms()))


async def test_a_deleted_user_leaves_nothing(one: World, store: RowStore) -> None:
    one.siblings.handles |= {"ada": ADA}
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    await one.consumers.engaged([engaged(LIKE, BOB, tweet, now)])
    await one.consumers.graph_changed([one.follows(BOB, ADA)])
    await one.reading.mark_read(ADA, first_id_at(now))
    one.siblings.gone.add(ADA)
    await one.consumers.user_deleted(user_deleted(ADA, now))
    assert not {ENTRIES.name, GROUPS.name, READ.name} & {*await stored(store)}
    with pytest.raises(NotFoundError):
        await one.reading.page(ADA, None, 50)
    # A mention that was resolved before.
    await one.post(BOB, "ada")
    assert ENTRIES.name not in await stored(store)
    assert TOLD.name in await stored(store), "it names a tweet, and who was told; it ends by itself"


async def test_reading_stands_where_it_was_furthest(one: World, other: World) -> None:
    one.siblings.handles["ada"] = ADA
    mentions = []
    for _ in range(5):
        mentions.append(await one.post(BOB, "ada"))
        one.clock.ms += 1
    assert (await other.reading.unread(ADA)).count == 5
    marked = await asyncio.gather(
        *(each.reading.mark_read(ADA, at) for at in mentions[:4] for each in (one, other))
    )
    assert max(marked) == mentions[3]
    assert await other.reading.mark_read(ADA, mentions[0]) == mentions[3]
    page = await other.reading.page(ADA, None, 50)
    unread = [each.position for each in page.notifications if each.position > page.read_up_to]
    assert unread == mentions[4:]
    for bad in (0, -1):
        with pytest.raises(InvalidArgumentError):
            await one.reading.mark_read(ADA, bad)
    assert (await one.reading.unread(ADA)).count == 1


async def test_a_time_to_come_means_until_now(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    await one.post(BOB, "ada")
    ahead = first_id_at(one.clock.now_ms() + DAY_MS)
    assert await one.reading.mark_read(ADA, ahead) < ahead
    assert await one.reading.unread(ADA) == exactly(0)
    one.clock.ms += DAY_MS
    await one.post(BOB, "ada")
    assert (await one.reading.unread(ADA)).count == 1


async def test_unread_is_exact_up_to_a_bound(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    for _ in range(MAX_UNREAD):
        await one.post(BOB, "ada")
    assert await one.reading.unread(ADA) == exactly(MAX_UNREAD)
    await one.post(BOB, "ada")
    unread = await one.reading.unread(ADA)
    assert (unread.count, unread.has_more) == (MAX_UNREAD, True)
    one.siblings.asked = 0
    newest = (await one.reading.page(ADA, None, 1)).notifications[0].position
    await one.reading.mark_read(ADA, newest)
    one.siblings.asked = 0
    assert await one.reading.unread(ADA) == exactly(0)
    assert one.siblings.asked == 1, "where nothing is unread, only whether the reader exists"


async def test_a_thousand_that_are_hidden_end_a_page_early(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    first = await one.post(CYD, "ada")
    one.clock.ms += 1
    for _ in range(14):
        ids = [one.siblings.tweet(BOB, "ada") for _ in range(100)]
        await one.consumers.tweets_changed([created(each, BOB) for each in ids])
    one.siblings.hidden.add((ADA, BOB))
    page = await one.reading.page(ADA, None, 200)
    assert (page.notifications, page.next_before is None) == ((), False)
    page = await one.reading.page(ADA, page.next_before, 200)
    assert [each.tweet_id for each in page.notifications] == [first]
