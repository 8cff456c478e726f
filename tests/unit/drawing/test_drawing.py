"""What goes with the tweets of an answer, and what of it is left out when a source fails."""

import json
from typing import Any

import pytest
from aviary.tweet.v1.includes_pb2 import Includes
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.platform.drawing.drawing import Drawn
from services.platform.drawing.expansions import Expansion
from services.platform.drawing.pieces import LIKED
from services.platform.rpc.json_answers import json_writer
from tests.unit.drawing.world import World, a_tweet

ADA, BOB, CYD, VIEWER = 1, 2, 3, 9
ALL = frozenset(Expansion)
write = json_writer(Includes.DESCRIPTOR)


@pytest.fixture
def world() -> World:
    return World()


def included(drawn: Drawn) -> Includes:
    """Both encodings say the same."""
    read: Includes = Includes.FromString(drawn.includes)
    if drawn.includes or drawn.includes_json:
        assert drawn.includes_json == write(read).encode()
    return read


def ids(drawn: Drawn) -> tuple[list[int], list[int]]:
    """(users, tweets) that are included."""
    read = included(drawn)
    return [one.user_id for one in read.users], [one.tweet_id for one in read.tweets]


def shown(drawn: Drawn) -> list[Any]:
    """What is added to each tweet: (its count of likes, whether the viewer likes it)."""
    read = [Tweet.FromString(piece.encoded) for piece in drawn.pieces]
    return [
        (
            tweet.like_count if tweet.HasField("like_count") else None,
            tweet.viewer.liked if tweet.HasField("viewer") else None,
        )
        for tweet in read
    ]


async def test_a_warm_page_asks_nobody(world: World) -> None:
    world.likes[10], world.done = 4, {10: LIKED}
    tweets = [a_tweet(10, ADA), a_tweet(11, BOB), a_tweet(12, ADA)]
    first = await world.draw(tweets, VIEWER, mark=b"m")
    assert shown(first) == [(4, True), (0, False), (0, False)]
    assert ids(first) == ([ADA, BOB], [])
    assert world.calls == {"counts": 1, "newest": 1, "users": 1}
    world.calls.clear()
    assert await world.draw(tweets, VIEWER, mark=b"m") == first
    assert not world.calls


async def test_nobody_in_particular_has_no_state(world: World) -> None:
    drawn = await world.draw([a_tweet(10, ADA)])
    assert shown(drawn) == [(0, None)]
    assert "viewer" not in json.loads(b"{" + drawn.pieces[0].json[1:])


async def test_changes_are_shown_when_they_are_heard_of(world: World) -> None:
    tweets = [a_tweet(10, ADA)]
    await world.draw(tweets, VIEWER, mark=b"m")
    world.likes[10] = 1
    world.gone.add(ADA)
    assert shown(await world.draw(tweets, VIEWER, mark=b"m")) == [(0, False)]
    world.kept_counts.gone(10)
    world.kept_users.gone(ADA)
    drawn = await world.draw(tweets, VIEWER, mark=b"m")
    assert shown(drawn) == [(1, False)]
    assert (drawn.includes, drawn.includes_json) == (b"", b"")


async def test_tweets_that_are_answered_and_quoted_come_once_with_their_authors(
    world: World,
) -> None:
    world.tweets = {5: a_tweet(5, CYD), 6: a_tweet(6, ADA)}
    world.likes[5], world.done = 7, {6: LIKED}
    tweets = [a_tweet(10, ADA, answers=5), a_tweet(11, BOB, answers=5, quotes=6)]
    drawn = await world.draw(tweets, VIEWER, expansions=ALL)
    assert ids(drawn) == ([ADA, BOB, CYD], [5, 6])
    first, second = included(drawn).tweets
    assert (first.like_count, first.viewer.liked, first.text) == (7, False, "hi")
    assert second.viewer.liked
    assert len(drawn.pieces) == 2
    assert world.calls == {"counts": 1, "engaged": 1, "users": 1, "referenced": 1, "sights": 1}


@pytest.mark.parametrize(
    ("expansions", "expected"),
    [
        ({Expansion.ANSWERED}, ([], [5])),
        ({Expansion.QUOTED}, ([], [6])),
        ({Expansion.AUTHOR}, ([BOB], [])),
        ({Expansion.AUTHOR, Expansion.QUOTED}, ([BOB, ADA], [6])),
    ],
)
async def test_what_was_asked_for_is_included(
    world: World, expansions: set[Expansion], expected: tuple[list[int], list[int]]
) -> None:
    world.tweets = {5: a_tweet(5, CYD), 6: a_tweet(6, ADA)}
    tweets = [a_tweet(11, BOB, answers=5, quotes=6)]
    drawn = await world.draw(tweets, expansions=frozenset(expansions))
    assert ids(drawn) == expected


async def test_who_is_mentioned_comes_after_the_authors(world: World) -> None:
    world.named = {"bob": BOB, "cyd": CYD, "ada": ADA}
    world.tweets = {5: a_tweet(5, CYD, "ada", "Bob")}
    tweets = [a_tweet(10, ADA, "BOB", "nobody", answers=5), a_tweet(11, ADA, "bob")]
    drawn = await world.draw(tweets, expansions=ALL)
    assert ids(drawn)[0] == [ADA, CYD, BOB]
    drawn = await world.draw(tweets, expansions=frozenset({Expansion.MENTIONED}))
    assert ids(drawn) == ([BOB], [])
    world.failing = {"mentioned"}
    drawn = await world.draw(tweets, expansions=ALL)
    assert ids(drawn)[0] == [ADA, CYD]
    world.calls.clear()
    await world.draw([a_tweet(12, ADA)], expansions=ALL)
    assert "mentioned" not in world.calls


async def test_deleted_tweets_and_hidden_authors_are_not_included(world: World) -> None:
    world.tweets = {5: a_tweet(5, CYD), 6: a_tweet(6, ADA)}
    world.hides = frozenset({CYD})
    tweets = [a_tweet(10, BOB, answers=5), a_tweet(11, BOB, answers=4), a_tweet(12, BOB, quotes=6)]
    drawn = await world.draw(tweets, VIEWER, expansions=ALL)
    assert ids(drawn) == ([BOB, ADA], [6])


async def test_where_it_is_not_known_what_may_be_seen_no_tweet_is_included(world: World) -> None:
    world.tweets = {5: a_tweet(5, CYD)}
    world.failing = {"sights"}
    drawn = await world.draw([a_tweet(10, BOB, answers=5)], VIEWER, expansions=ALL)
    assert ids(drawn) == ([BOB], [])


@pytest.mark.parametrize(
    ("failing", "expected"),
    [
        ({"counts"}, [(None, False)]),
        ({"newest"}, [(0, None)]),
        ({"counts", "newest", "users"}, [(None, None)]),
    ],
)
async def test_what_fails_is_left_out_and_spared(
    world: World, failing: set[str], expected: list[Any]
) -> None:
    world.failing = failing
    tweets = [a_tweet(10, ADA)]
    for _ in range(3):
        drawn = await world.draw(tweets, VIEWER, mark=b"m")
        assert shown(drawn) == expected
        assert ids(drawn)[0] == ([] if "users" in failing else [ADA])
    assert {world.calls[name] for name in failing} == {1}, "it is asked again after a second"


async def test_the_largest_tweets_are_included_as_far_as_they_fit(world: World) -> None:
    def large(tweet_id: int, answers: int = 0) -> Any:
        made = a_tweet(tweet_id, ADA, answers=answers)
        body = Tweet.FromString(made.body)
        body.text = "x" * 270_000
        return type(made)(tweet_id, ADA, body.SerializeToString())

    world.tweets = {one: large(one) for one in range(1, 7)}
    tweets = [large(10 + one, answers=one) for one in range(1, 7)]
    drawn = await world.draw(tweets, expansions=ALL)
    assert ids(drawn)[1] == [1, 2, 3]


async def test_no_tweets_have_nothing_with_them(world: World) -> None:
    assert await world.draw([], VIEWER) == Drawn(())
    assert not world.calls
