"""Readers are told of each thing once, as it stands, whatever is repeated, reordered or raced."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
import pytest_asyncio

from services.notification.ages import DAY_MS
from services.notification.model import NEWEST_SHOWN, Kind
from services.notification.recording import MAX_MENTIONS
from services.notification.spec import TABLES
from services.platform.muting.words import muted_words
from services.platform.rows.port import RowStore
from tests.contract import row_engines
from tests.contract.notification_world import ADA, BOB, CYD, DAN, LIKE, RETWEET, World, engaged
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


async def test_likes_of_one_tweet_and_day_are_one_notification(one: World) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    likes = [engaged(LIKE, actor, tweet, now + actor) for actor in (BOB, CYD, DAN)]
    await one.consumers.engaged(likes)
    await one.consumers.engaged([engaged(RETWEET, BOB, tweet, now + 10)])
    await one.consumers.engaged(likes)
    assert await one.shown(ADA) == [
        (Kind.RETWEET, tweet, (BOB,), 1),
        (Kind.LIKE, tweet, (DAN, CYD, BOB), 3),
    ]
    later = one.clock.ms = now + DAY_MS
    await one.consumers.engaged([engaged(LIKE, 5, tweet, later)])
    assert (await one.shown(ADA))[0] == (Kind.LIKE, tweet, (5,), 1)
    assert len(await one.shown(ADA, limit=1)) == 3


async def test_a_group_comes_first_again_and_only_once(one: World) -> None:
    first, second = one.siblings.tweet(ADA), one.siblings.tweet(ADA)
    now = one.clock.now_ms()
    for at, (actor, tweet) in enumerate([(BOB, first), (BOB, second), (CYD, first), (DAN, first)]):
        await one.consumers.engaged([engaged(LIKE, actor, tweet, now + at)])
    expected = [(Kind.LIKE, first, (DAN, CYD, BOB), 3), (Kind.LIKE, second, (BOB,), 1)]
    assert await one.shown(ADA) == await one.shown(ADA, limit=1) == expected
    _, entries = await one.entries.newest(ADA, None, 100)
    assert len(entries) == 2, "nothing is left of where the group was"


async def test_any_order_and_any_repeats_from_two_processes(one: World, other: World) -> None:
    rng = random.Random(7)  # noqa: S311 - the same each time
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    bodies, liking = [], set()
    for actor in range(10, 40):
        changes = rng.randint(1, 4)
        bodies += [
            engaged(LIKE, actor, tweet, now + actor * 10 + at, standing=at % 2 == 0)
            for at in range(changes)
        ]
        if changes % 2:
            liking.add(actor)
    mixed = [*bodies, *rng.sample(bodies, 30)]
    rng.shuffle(mixed)
    halves = [mixed[start::2] for start in range(2)]
    async with asyncio.TaskGroup() as running:
        for world, half in zip((one, other), halves, strict=True):
            for start in range(0, len(half), 5):
                running.create_task(world.consumers.engaged(half[start : start + 5]))
    ((kind, about, newest, count),) = await other.shown(ADA)
    assert (kind, about, count) == (Kind.LIKE, tweet, len(liking))
    assert list(newest) == sorted(liking, reverse=True)[:NEWEST_SHOWN]
    _, entries = await one.entries.newest(ADA, None, 100)
    assert len(entries) == 1


async def test_what_is_taken_back_is_gone_and_rings_once(one: World) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    for at in range(3):
        await one.consumers.engaged([engaged(LIKE, BOB, tweet, now + 2 * at)])
        ((_, _, actors, _),) = await one.shown(ADA)
        assert actors == (BOB,)
        if at == 0:
            page = await one.reading.page(ADA, None, 1)
            await one.reading.mark_read(ADA, page.notifications[0].position)
        assert (await one.reading.page(ADA, None, 1)).notifications[0].at_ms == now
        await one.consumers.engaged([engaged(LIKE, BOB, tweet, now + 2 * at + 1, standing=False)])
        assert await one.shown(ADA) == []
    assert (await one.reading.unread(ADA)).count == 0
    # Taken back before it was heard of.
    await one.consumers.engaged([engaged(LIKE, CYD, tweet, now + 9, standing=False)])
    await one.consumers.engaged([engaged(LIKE, CYD, tweet, now + 8)])
    assert await one.shown(ADA) == []


class Interrupted:
    """Rows to which something happens before the first compare-and-set."""

    def __init__(self, rows: RowStore, happens: Callable[[], Awaitable[None]]) -> None:
        self._rows = rows
        self._happens: Callable[[], Awaitable[None]] | None = happens

    async def check_and_mutate(self, *arguments: Any) -> bytes | None:
        if self._happens is not None:
            happens, self._happens = self._happens, None
            await happens()
        return await self._rows.check_and_mutate(*arguments)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._rows, name)


async def test_of_two_that_read_the_same_the_later_change_counts(
    one: World, store: RowStore
) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    await one.consumers.engaged([engaged(LIKE, CYD, tweet, now)])

    async def unlike() -> None:
        # It changes no group: nobody has been told of this like yet.
        await one.consumers.engaged([engaged(LIKE, BOB, tweet, now + 2, standing=False)])

    rows: Any = Interrupted(store, unlike)
    await World(rows, one.siblings).consumers.engaged([engaged(LIKE, BOB, tweet, now + 1)])
    assert await one.shown(ADA) == [(Kind.LIKE, tweet, (CYD,), 1)]


async def test_the_newest_are_found_again_when_those_kept_are_gone(one: World) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    actors = range(10, 10 + 3 * NEWEST_SHOWN)
    await one.consumers.engaged([engaged(LIKE, each, tweet, now + each) for each in actors])
    taken_back = list(actors)[NEWEST_SHOWN + 5 :]
    await one.consumers.engaged(
        [engaged(LIKE, each, tweet, now + 100, standing=False) for each in taken_back]
    )
    left = sorted(set(actors) - {*taken_back}, reverse=True)
    expected = (Kind.LIKE, tweet, tuple(left[:NEWEST_SHOWN]), len(left))
    assert await one.shown(ADA) == [expected]


async def test_answers_quotes_and_mentions_are_told_once_each(one: World, other: World) -> None:
    one.siblings.handles |= {"ada": ADA, "cyd": CYD, "bob": BOB}
    tweet = one.siblings.tweet(ADA)
    reply = await one.post(BOB, "Ada", "Cyd", "cyd", "nobody", "bob", reply_to=tweet)
    quote = await one.post(CYD, quote=tweet)
    both = await one.post(DAN, "bob", reply_to=reply, quote=tweet)
    again = [created(each, 0) for each in (reply, quote, both)]
    await asyncio.gather(*(each.consumers.tweets_changed(again) for each in (one, other)))
    assert await one.shown(ADA) == [
        (Kind.QUOTE, both, (DAN,), 1),
        (Kind.QUOTE, quote, (CYD,), 1),
        (Kind.REPLY, reply, (BOB,), 1),
    ]
    assert await one.shown(BOB) == [(Kind.REPLY, both, (DAN,), 1)]
    assert await one.shown(CYD) == [(Kind.MENTION, reply, (BOB,), 1)]


async def test_nobody_is_told_of_what_they_did_themselves(one: World) -> None:
    one.siblings.handles["ada"] = ADA
    tweet = await one.post(ADA, "ada")
    await one.post(ADA, "ada", reply_to=tweet, quote=tweet)
    await one.consumers.engaged([engaged(LIKE, ADA, tweet, one.clock.now_ms())])
    assert await one.shown(ADA) == []


async def test_a_tweet_rings_at_so_many_at_most(one: World) -> None:
    named = {f"u{each}": 100 + each for each in range(MAX_MENTIONS + 5)}
    one.siblings.handles |= named
    tweet = await one.post(BOB, *named)
    told = [user_id for user_id in named.values() if await one.shown(user_id)]
    assert told == list(named.values())[:MAX_MENTIONS]
    await one.delete(tweet)
    assert [user_id for user_id in named.values() if await one.shown(user_id)] == []


async def test_thousands_of_likes_are_one_entry_and_one_cell_to_read(one: World) -> None:
    tweet, now = one.siblings.tweet(ADA), one.clock.now_ms()
    likes = [engaged(LIKE, each, tweet, now + each) for each in range(1_000, 3_500)]
    # The bus makes smaller batches; one of a thousand takes a busy emulator longer than a call may.
    for start in range(0, len(likes), 250):
        await one.consumers.engaged(likes[start : start + 250])
    ((_, _, newest, count),) = await one.shown(ADA)
    assert (len(newest), count) == (NEWEST_SHOWN, len(likes))
    _, entries = await one.entries.newest(ADA, None, 200)
    assert len(entries) == 1


async def test_a_batch_costs_few_calls(one: World) -> None:
    now = one.clock.now_ms()
    tweets = [one.siblings.tweet(ADA) for _ in range(50)]
    one.siblings.asked = 0
    await one.consumers.engaged([engaged(LIKE, BOB, each, now) for each in tweets])
    # Whose tweets they are, whether they see each other, and whether they are there still.
    assert one.siblings.asked == 3
    one.siblings.asked = 0
    await one.consumers.tweets_changed([created(each, ADA) for each in tweets])
    assert one.siblings.asked == 1, "most tweets are about nobody"


async def test_muted_words_hide_what_others_say_and_count_no_more(one: World) -> None:
    siblings = one.siblings
    siblings.handles["ada"] = ADA
    mine = siblings.tweet(ADA)
    named, answer = siblings.tweet(BOB, "ada"), siblings.tweet(CYD, reply_to=mine)
    plain, other = siblings.tweet(BOB, "ada"), siblings.tweet(DAN)
    quote = siblings.tweet(DAN, "ada", quote=other)
    siblings.texts = {
        mine: "a fox",
        named: "@ada a FOX!",
        answer: "two words",
        plain: "@ada an owl",
        other: "a fox",
        quote: "@ada look",
    }
    for tweet in (named, answer, plain, quote):
        await one.consumers.tweets_changed([created(tweet, ADA)])
    await one.consumers.engaged([engaged(LIKE, BOB, mine, one.clock.now_ms())])
    everything = await one.shown(ADA)
    assert {entry[1] for entry in everything} == {mine, named, answer, plain, quote}
    assert (await one.reading.unread(ADA)).count == 5
    siblings.words[ADA] = muted_words(["fox", "two words"])
    left = [entry for entry in everything if entry[1] in {mine, plain}]
    assert await one.shown(ADA) == left
    assert await one.shown(ADA, limit=1) == left, "pages are full"
    assert (await one.reading.unread(ADA)).count == 2
    siblings.words.clear()
    assert await one.shown(ADA) == everything
