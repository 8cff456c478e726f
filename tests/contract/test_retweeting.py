"""Retweets in timelines follow the edges, whatever is repeated, raced or reordered."""

import itertools
from collections.abc import Mapping

import pytest
import pytest_asyncio
from aviary.event.v1 import event_pb2

from services.engagement.model import Edge, Kind
from services.engagement.spec import TABLES
from services.platform.errors import CallAgain
from services.platform.rows.port import RowStore
from services.tweet.events import TweetEvents
from tests.contract import row_engines
from tests.contract.engagement_world import TWEET, World
from tests.contract.row_engines import bigtable_emulator, store

__all__ = ["bigtable_emulator", "store"]

BOB, EVE = 12, 13


@pytest.fixture(autouse=True)
def _tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_engines, "TABLES", TABLES)


@pytest_asyncio.fixture
async def one(store: RowStore) -> World:
    return World(store)


def edge(user: int) -> Edge:
    return Edge(Kind.RETWEET, user, TWEET)


def changed(user: int, *, retweeted: bool) -> bytes:
    retweet = event_pb2.RetweetChanged(user_id=user, tweet_id=TWEET, retweeted=retweeted)
    return event_pb2.EngagementEvent(retweet_changed=retweet).SerializeToString()


async def retweet(world: World, user: int = BOB) -> None:
    await world.engaging.engage(Kind.RETWEET, user, TWEET)


async def unretweet(world: World, user: int = BOB) -> None:
    await world.engaging.disengage(Kind.RETWEET, user, TWEET)


async def test_many_are_placed_by_one_call_and_likes_by_none(one: World) -> None:
    await one.like(BOB, EVE)
    await one.publish()
    assert one.placed.calls == 0
    await retweet(one, BOB)
    await retweet(one, EVE)
    await one.publish()
    assert (one.placed.edges, one.placed.calls) == ({edge(BOB), edge(EVE)}, 1)


async def test_old_messages_say_nothing(one: World) -> None:
    await retweet(one)
    await unretweet(one)
    await one.consumers.engaged([changed(BOB, retweeted=True)])
    assert not one.placed.edges
    await retweet(one)
    await one.consumers.engaged([changed(BOB, retweeted=False)])
    assert one.placed.edges == {edge(BOB)}


@pytest.mark.parametrize("times", [1, 2])
async def test_what_changes_meanwhile_is_passed_on_too(one: World, times: int) -> None:
    await retweet(one)
    one.placed.before_each = [lambda: unretweet(one), lambda: retweet(one)][:times]
    await one.publish()
    assert one.placed.edges == ({edge(BOB)} if times == 2 else set())


async def test_what_changes_too_fast_waits(one: World) -> None:
    await retweet(one)

    calm = one.placed.place
    turns = itertools.cycle([unretweet, retweet])

    async def place(standing: Mapping[Edge, bool]) -> None:
        await calm(standing)
        await next(turns)(one)

    one.placed.place = place  # type: ignore[method-assign,assignment]
    with pytest.raises(CallAgain):
        await one.consumers.engaged([changed(BOB, retweeted=True)])
    one.placed.place = calm  # type: ignore[method-assign]
    await one.consumers.engaged([changed(BOB, retweeted=True)])
    assert one.placed.edges == (await standing(one))


async def standing(world: World) -> set[Edge]:
    states = await world.store.states([edge(BOB)])
    return {each for each, state in states.items() if state.standing}


async def test_a_deleted_tweet_takes_its_retweets_along(one: World) -> None:
    await retweet(one, BOB)
    await retweet(one, EVE)
    await one.publish()
    one.tweets.deleted.add(TWEET)
    await one.consumers.tweets_changed([TweetEvents().deleted(TWEET, 1)])
    assert not one.placed.edges
    await one.consumers.engaged([changed(BOB, retweeted=True)])
    assert not one.placed.edges


async def test_a_retweet_is_no_tweet_to_count(one: World) -> None:
    """Its entry in timelines is announced as a tweet is; nobody asks for it."""
    event = event_pb2.TweetCreated(tweet_id=5, user_id=BOB, retweet_of_tweet_id=TWEET)
    gone = event_pb2.TweetDeleted(tweet_id=5, user_id=BOB, retweet_of_tweet_id=TWEET)
    one.tweets.fails = True
    await one.consumers.tweets_changed(
        [
            event_pb2.TweetEvent(created=event).SerializeToString(),
            event_pb2.TweetEvent(deleted=gone).SerializeToString(),
        ]
    )
