"""Retweets as entries of timelines: one for a user and a tweet, whatever is repeated or cut off."""

import asyncio
import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
import pytest_asyncio

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import SystemClock
from services.tweet.events import TweetChanged, TweetEvents, decode_tweet_changed
from services.tweet.model import Delivery, Quarantine, Retweet, RetweetClaim, RetweetPair, Tweet
from services.tweet.quarantine_ports import PublishedAs
from services.tweet.quarantine_store import RowQuarantines
from services.tweet.retweet_store import RowRetweetStore
from services.tweet.retweets import MAX_PLACED, Retweets
from services.tweet.spec import OUTBOX, TABLES
from services.tweet.store import RowTweetStore
from tests.contract import row_engines
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

ADA, BOB, EVE = 11, 12, 13
BASE = first_id_at(SystemClock().now_ms() - 60_000)
TWEET, OTHER, GONE = BASE + 1, BASE + 2, BASE + 3
PAIR = RetweetPair(BOB, TWEET)


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


class World:
    """The use case on rows; ids and own timelines are the test's."""

    def __init__(self, rows: RowStore) -> None:
        clock = SystemClock()
        self.rows = rows
        self.outbox = Outbox(rows, clock, OUTBOX)
        self.tweets = RowTweetStore(rows, self.outbox)
        self.store = RowRetweetStore(rows, self.outbox)
        self.shown: set[int] = set()
        self._ids = itertools.count(BASE + 100)
        self.retweets = Retweets(
            store=self.store,
            tweets=self.tweets,
            ids=self,
            own_timeline=self,
            events=TweetEvents(),
            clock=clock,
        )

    async def next_id(self) -> int:
        return next(self._ids)

    async def posted(self, _user_id: int, tweet_id: int) -> None:
        self.shown.add(tweet_id)

    async def deleted(self, tweet_id: int, _user_id: int) -> None:
        self.shown.discard(tweet_id)

    async def events(self) -> list[TweetChanged]:
        """What is to be published since the last look, after what a crash left out was done."""
        entries = await self.outbox.pending(-60_000, 1_000)
        for entry in entries:
            await self.outbox.roll_forward(entry)
        await self.outbox.settle([entry.id for entry in entries])
        return [decode_tweet_changed(entry.data) for entry in entries]

    async def listed(self, user: int = BOB) -> Sequence[int]:
        return await self.tweets.list_by_author(user, None, 10)


@pytest_asyncio.fixture
async def world(store: RowStore) -> World:
    made = World(store)
    for tweet_id in (TWEET, OTHER, GONE):
        await made.tweets.create(Tweet(tweet_id, ADA, "hi", 1, 0, 0), b"")
    gone = Tweet(GONE, ADA, "hi", 1, 0, 0)
    await made.tweets.delete(gone, SystemClock().now_ms(), b"")
    await made.outbox.settle([entry.id for entry in await made.outbox.pending(-60_000, 100)])
    return made


async def test_it_stands_once_and_is_published_once(world: World) -> None:
    for _ in range(3):
        await world.retweets.place({PAIR: True})
    (retweet_id,) = await world.listed()
    assert await world.events() == [
        TweetChanged(retweet_id, BOB, deleted=False, retweet_of=TWEET, retweet_of_user=ADA)
    ]
    assert await world.retweets.lookup([retweet_id, TWEET]) == [
        Retweet(retweet_id, BOB, TWEET, ADA)
    ]
    assert world.shown == {retweet_id}
    assert await world.tweets.get_many([retweet_id]) == {}, "it is no tweet"
    stored = (await world.tweets.read_slice(None, 100)).tweets
    assert {each.tweet_id: each for each in stored} == await world.tweets.get_many([TWEET, OTHER])


async def test_it_stands_while_its_tweet_is_in_quarantine(world: World) -> None:
    await world.retweets.place({PAIR: True})
    standing = await world.listed()
    await world.events()
    tweet = (await world.tweets.get_many([TWEET]))[TWEET]
    why = Quarantine("bad", SystemClock().now_ms())
    quarantines = RowQuarantines(world.rows, world.outbox)
    await quarantines.hide(tweet, why, why.at_ms, PublishedAs(BASE + 90, b""))
    await world.outbox.settle([BASE + 90])
    other = RetweetPair(EVE, TWEET)
    await world.retweets.place({PAIR: True, other: True})
    assert (await world.listed(), len(await world.listed(EVE))) == (standing, 1)
    assert not any(each.deleted for each in await world.events())


async def test_it_is_taken_back_and_comes_anew(world: World) -> None:
    await world.retweets.place({PAIR: True})
    (first,) = await world.listed()
    for _ in range(2):
        await world.retweets.place({PAIR: False})
        assert (await world.listed(), world.shown) == ([], set())
    changed = [(each.tweet_id, each.deleted) for each in await world.events()]
    assert sorted(changed) == [(first, False), (first, True)]
    await world.retweets.place({PAIR: True})
    (second,) = await world.listed()
    assert second > first
    assert await world.retweets.lookup([first, second]) == [Retweet(second, BOB, TWEET, ADA)]


async def test_many_of_many_are_placed_by_one_call(world: World) -> None:
    pairs = [RetweetPair(user, tweet) for user in (BOB, EVE) for tweet in (TWEET, OTHER)]
    await world.retweets.place(dict.fromkeys(pairs, True))
    assert [len(await world.listed(user)) for user in (BOB, EVE)] == [2, 2]
    await world.retweets.place({pairs[0]: False, pairs[1]: True, pairs[2]: False})
    assert [len(await world.listed(user)) for user in (BOB, EVE)] == [1, 1]
    assert len(await world.events()) == 6


async def test_at_once_it_is_made_once(world: World) -> None:
    """One of them at the least; the others are told to ask again, and change nothing then."""
    at_once = (world.retweets.place({PAIR: True}) for _ in range(5))
    ended = await asyncio.gather(*at_once, return_exceptions=True)
    assert all(each is None or isinstance(each, UnavailableError) for each in ended)
    assert len(await world.listed()) == 1
    await world.retweets.place({PAIR: True})
    assert len(await world.listed()) == 1
    assert len(await world.events()) == 1


async def test_what_was_cut_off_is_done_by_the_repeat(world: World) -> None:
    """After the id was claimed; before and after the retweet was marked as taken back."""
    claim = RetweetClaim(BASE + 50)
    assert await world.store.replace(PAIR, None, claim)
    await world.retweets.place({PAIR: True})
    assert await world.listed() == [BASE + 50]
    assert await world.store.replace(PAIR, claim.again(), claim.gone())
    await world.retweets.place({PAIR: True})
    (anew,) = await world.listed()
    assert anew != BASE + 50
    (claim,) = (await world.store.claims([PAIR])).values()
    assert await world.store.replace(PAIR, claim, claim.gone())
    await world.store.take_back({anew: (PAIR, b"")}, SystemClock().now_ms())
    for _ in range(2):
        await world.retweets.place({PAIR: False})
        assert (await world.listed(), await world.store.claims([PAIR])) == ([], {})
    await world.retweets.place({PAIR: True})
    assert anew not in await world.listed()
    await world.retweets.place({PAIR: False})
    assert await world.listed() == []


async def test_a_claim_that_ended_as_nothing_is_given_up(world: World) -> None:
    assert await world.store.replace(PAIR, None, RetweetClaim(BASE + 50))
    await world.retweets.place({PAIR: False})
    assert await world.store.claims([PAIR]) == {}
    late = Retweet(BASE + 50, *PAIR, ADA)
    await world.store.create({late.retweet_id: (late, b"")})
    assert (await world.listed(), await world.retweets.lookup([late.retweet_id])) == ([], [])


async def test_of_a_tweet_that_is_gone_none_stands(world: World) -> None:
    gone = RetweetPair(BOB, GONE)
    await world.retweets.place({gone: True})
    assert (await world.listed(), await world.events()) == ([], [])
    await world.retweets.place({PAIR: True})
    tweet = (await world.tweets.get_many([TWEET]))[TWEET]
    await world.tweets.delete(tweet, SystemClock().now_ms(), b"")
    await world.retweets.place({PAIR: True})
    assert await world.listed() == []


async def test_its_delivery_is_decided_once(world: World) -> None:
    await world.retweets.place({PAIR: True})
    (retweet_id,) = await world.listed()
    for wanted in (Delivery.PULL, Delivery.PUSH):
        assert await world.tweets.decide_delivery(retweet_id, wanted) is Delivery.PULL
    await world.retweets.place({PAIR: False})
    assert await world.tweets.decide_delivery(retweet_id, Delivery.PULL) is None


@pytest.mark.parametrize(
    "wanted",
    [
        {},
        {RetweetPair(0, TWEET): True},
        {RetweetPair(BOB, -1): True},
        {RetweetPair(BOB, each): True for each in range(1, MAX_PLACED + 2)},
    ],
)
async def test_bad_input_leaves_nothing(world: World, wanted: dict[RetweetPair, bool]) -> None:
    with pytest.raises(InvalidArgumentError):
        await world.retweets.place(wanted)
    assert await world.events() == []


async def test_who_comes_late_takes_nothing_back(world: World) -> None:
    """A process that stood still since it was asked goes on after the retweet was made again."""
    await world.retweets.place({PAIR: True})
    marking, go_on = asyncio.Event(), asyncio.Event()
    take_back = world.store.take_back

    async def slow(retweets: Mapping[int, tuple[RetweetPair, bytes]], at_ms: int) -> None:
        marking.set()
        await go_on.wait()
        await take_back(retweets, at_ms)

    world.store.take_back = slow  # type: ignore[method-assign]
    late = asyncio.create_task(world.retweets.place({PAIR: False}))
    await marking.wait()
    world.store.take_back = take_back  # type: ignore[method-assign]
    await world.retweets.place({PAIR: True})
    go_on.set()
    await late
    (anew,) = await world.listed()
    assert await world.retweets.lookup([anew]) == [Retweet(anew, BOB, TWEET, ADA)]


@pytest.mark.parametrize(("stands", "asked"), [(False, True), (True, False)])
async def test_who_is_overtaken_asks_again(world: World, *, stands: bool, asked: bool) -> None:
    """Whoever was faster may have died before the rest, and then nobody else would do it."""
    await world.retweets.place({PAIR: stands})
    replace = world.store.replace
    overtaking = RetweetClaim(BASE + 50)

    async def overtaken(*change: Any) -> bool:
        world.store.replace = replace  # type: ignore[method-assign]
        before = (await world.store.claims([PAIR])).get(PAIR)
        assert await replace(PAIR, before, before.again() if before else overtaking)
        return await replace(*change)

    world.store.replace = overtaken  # type: ignore[method-assign]
    with pytest.raises(UnavailableError):
        await world.retweets.place({PAIR: asked})
    await world.retweets.place({PAIR: asked})
    assert await world.listed() == ([BASE + 50] if asked else [])
