"""A mix: who does what to which, and how latencies are counted."""

import random
from collections import Counter

import pytest

from services.cli.load.errors import LoadError
from services.cli.load.measured import NO_ANSWER, Measured
from services.cli.load.mix_report import as_document, as_table
from services.cli.load.operations import DEFAULT_SHARES, Operation, World, parse_shares

USERS = [1, 2, 3]
TWEETS = [(100 + place, 1 + place % 2) for place in range(50)]


def world() -> World:
    return World(USERS, list(TWEETS), ["a text of #words 7", "!?"])


def chance() -> random.Random:
    return random.Random(5)  # noqa: S311 - the same each time


def test_shares_are_those_of_a_timeline() -> None:
    assert sum(DEFAULT_SHARES.values()) == 100
    assert parse_shares("home=90, post=10") == {Operation.HOME: 90, Operation.POST: 10}


@pytest.mark.parametrize("bad", ["", "home", "home=", "home=-1", "home=nan", "home=inf", "x=1"])
def test_bad_shares_are_named(bad: str) -> None:
    with pytest.raises(LoadError):
        parse_shares(bad)


def test_newer_tweets_are_liked_more_and_all_of_them_can_be() -> None:
    drawn = world()
    rng = chance()
    asks = [drawn.draw(Operation.LIKE, rng) for _ in range(5_000)]
    liked = Counter(ask.body["tweet_id"] for ask in asks if ask.body)
    assert set(liked) == {tweet for tweet, _ in TWEETS}
    newest, oldest = TWEETS[-1][0], TWEETS[0][0]
    assert liked[newest] > 5 * liked[oldest]


def test_what_is_posted_is_there_to_be_liked() -> None:
    drawn = world()
    ask = drawn.draw(Operation.POST, chance())
    assert ask.author in {author for _, author in TWEETS}
    drawn.posted(ask, {"tweet_id": "999"})
    assert drawn.tweets[-1] == (999, ask.author)


def test_searches_are_for_words_alone() -> None:
    drawn, rng = world(), chance()
    asks = [drawn.draw(Operation.SEARCH, rng) for _ in range(100)]
    assert {ask.query["query"] for ask in asks if ask.query} == {"a", "text", "of", "the"}


def test_nothing_to_play_with_is_said() -> None:
    with pytest.raises(LoadError, match="aviary load"):
        World(USERS, [], ["a"])


def test_percentiles_are_of_successes_and_failures_are_told_apart() -> None:
    measured = Measured(seconds=10)
    for number in range(1, 1_001):
        measured.succeeded(Operation.HOME, number / 1_000)
    for how in ("404", NO_ANSWER, "404"):
        measured.failed(Operation.LIKE, how)
    document = as_document(measured, {"seed": 1})
    home, like = document["operations"]["home"], document["operations"]["like"]
    assert home["latency_ms"] == pytest.approx(
        {"p50": 501, "p95": 951, "p99": 991, "p99.9": 1_000, "max": 1_000}
    )
    assert (home["requests"], home["a_second"]) == (1_000, 100)
    assert (like["latency_ms"], like["errors"]) == (None, {"404": 2, NO_ANSWER: 1})
    assert document["all"]["requests"] == 1_003
    lines = list(as_table(measured))
    assert lines[-2:] == ["failed: like with 404, 2 times", "failed: like with no answer, 1 times"]
    assert len({len(line) for line in lines[1:4]}) == 1, "columns line up"
