"""The contract of the search index, held to each engine."""

import asyncio
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from services.platform.errors import InvalidArgumentError, UnavailableError
from services.search.model import Bounds, TweetText
from services.search.ports import SearchIndex
from services.search.tantivy_index import TantivyIndex
from tests.contract.search_engines import SearchEngine, cluster, search_engine
from tests.contract.search_index import NOW_MS, found, number, query, tweet

__all__ = ["cluster", "search_engine"]

COPY = "Win a prize now: answer this tweet with your favourite colour and follow us"


@pytest.fixture
async def index(search_engine: SearchEngine) -> AsyncIterator[SearchIndex]:
    async with search_engine.opened() as (opened, is_empty):
        assert is_empty
        yield opened


@pytest.mark.parametrize(
    ("asked", "places"),
    [
        ("run", [1]),
        ("RUNNING", [1]),
        ("foxes brown", [1]),
        ("#pets", [2]),
        ("pets", [2]),
        ("@ada", [2]),
        ("filter:links", [2]),
        ("filter:replies", [4]),
        ("lang:ja", [3]),
        ("東京", [3]),
        ("京", [3]),
        ("東京タワー", [3]),
        ("大阪", []),
        ('"cold war"', [4]),
        ('"war cold"', []),
        ("cafe", [5]),
        ("Café", [5]),
        ("from:3", [5, 4]),
        ("to:9", [4]),
        ("from:3 -café", [4]),
        ("war -history", []),
        ('cats -"cats and cows"', [2]),
        ("nothing", []),
        ("the", [1]),
        ("dogs.", [2]),
    ],
)
async def test_tweets_are_found(index: SearchIndex, asked: str, places: list[int]) -> None:
    await index.apply(
        [
            tweet(1, "The quick brown fox ran, runs and is running"),
            tweet(2, "Cats and dogs #Pets @Ada https://example.com/x", 2),
            tweet(3, "東京タワーに行く", 2, language="ja"),
            tweet(4, "I love cold war history", 3, answers=9),
            tweet(5, "Un café, s'il vous plaît", 3, language="fr"),
        ],
        (),
        1,
    )
    assert await found(index, asked) == places
    ranked = await index.relevant(query(asked), NOW_MS)
    assert sorted(ranked) == sorted(map(number, places))


async def test_what_is_put_twice_is_there_once(index: SearchIndex) -> None:
    for _ in range(2):
        await index.apply([tweet(1, "hello there"), tweet(2, "hello you")], (), 1)
    await index.apply([tweet(1, "other words")], (), 1)
    assert await found(index, "hello") == [2]
    assert await found(index, "other") == [1]
    assert await index.count() == 2


async def test_what_is_taken_out_is_gone_whatever_came_before(index: SearchIndex) -> None:
    await index.apply((), [number(1)], 1)
    await index.apply([tweet(1, "hello"), tweet(2, "hello")], (), 1)
    await index.apply((), [number(1), number(3)], 1)
    await index.apply((), [number(1)], 1)
    assert await found(index, "hello") == [2]


async def test_pages_have_each_tweet_once(index: SearchIndex) -> None:
    await index.apply(
        [tweet(each, f"number{each} word{each % 7} page") for each in range(1, 20)], (), 1
    )
    assert await found(index, "page") == list(range(19, 0, -1))


async def test_bounds_and_hidden_authors_narrow(index: SearchIndex) -> None:
    texts = ("one thing", "quite another", "third matter", "something else")
    await index.apply(
        [tweet(place, f"x {text}", place) for place, text in enumerate(texts, 1)], (), 1
    )
    assert await found(index, "x", hidden=frozenset({2, 4, 99})) == [3, 1]
    middle = query("x", bounds=Bounds(number(2), number(4)))
    assert (await index.newest(middle, None, 9)).ids == (number(3), number(2))
    assert (await index.newest(middle, number(3), 9)).ids == (number(2),)
    assert set(await index.relevant(middle, NOW_MS)) == {number(2), number(3)}


@pytest.mark.parametrize(("day", "after"), [("0001-01-01", True), ("9999-12-31", False)])
async def test_any_date_of_a_calendar_can_be_asked_for(
    index: SearchIndex, day: str, *, after: bool
) -> None:
    await index.apply([tweet(1, "x")], (), 1)
    assert await found(index, f"x since:{day}") == ([1] if after else [])
    assert await found(index, f"x until:{day}") == ([] if after else [1])


async def test_of_tweets_that_say_the_same_the_first_that_fits_is_shown(index: SearchIndex) -> None:
    await index.apply([tweet(1, COPY, 1), tweet(2, f"{COPY}!! https://a.bc/{2}", 2)], (), 1)
    await index.apply([tweet(3, "a prize of another kind altogether", 3)], (), 1)
    for place in range(4, 50):
        await index.apply([tweet(place, f"@u{place} {COPY.upper()}", 4)], (), 1)
    # Over pages of two: none of the later pages shows another of them.
    assert await found(index, "prize") == [49, 3]
    assert await found(index, "prize from:2") == [2]
    assert await found(index, "prize", hidden=frozenset({4})) == [3, 2]
    assert len(await index.relevant(query("prize"), NOW_MS)) == 2
    await index.apply((), [number(49)], 1)
    assert await found(index, "prize") == [48, 3]


async def test_tweets_without_a_text_are_not_the_same(index: SearchIndex) -> None:
    await index.apply([tweet(each, "", 3) for each in (1, 2)], (), 1)
    await index.apply([tweet(3, "", 3)], (), 2)
    assert await found(index, "from:3") == [3, 2, 1]


async def test_what_is_not_public_stands_for_no_other(index: SearchIndex) -> None:
    """Or a copy that a reader may not see would keep them from the tweet itself."""
    text = "the quick brown fox jumps over the lazy dog near the river"
    copy = replace(tweet(9, text, author=2), is_public=False)
    await index.apply([tweet(3, text)], (), 1)
    await index.apply([copy], (), 1)
    assert await found(index, "fox") == [9, 3]
    # Nor does one that is public stand for it.
    await index.apply([tweet(12, text, author=3)], (), 1)
    assert await found(index, "fox") == [12, 9]


async def test_hashtags_of_what_is_not_public_are_not_counted(index: SearchIndex) -> None:
    closed = [replace(tweet(each, "#secret #known", each), is_public=False) for each in (1, 2, 3)]
    await index.apply([*closed, tweet(4, "#known")], (), 1)
    everything = Bounds(number(1), number(99))
    assert await index.hashtags("", everything, 9) == {"known": 1}
    assert await index.hashtags("en", everything, 9) == {"known": 1}
    # They are found all the same, by who may see them; and nobody asks for what is closed.
    assert await found(index, "#secret") == [3, 2, 1]
    with pytest.raises(InvalidArgumentError):
        query("filter:closed")


async def test_hashtags_are_counted_by_authors(index: SearchIndex) -> None:
    await index.apply(
        [
            *(tweet(place, f"#often number{place}", author=1) for place in range(1, 9)),
            tweet(11, "#Two of #often", author=2),
            tweet(12, "a second #two", author=3),
            tweet(13, "und #zwei", author=4, language="de"),
            tweet(14, "none"),
        ],
        (),
        1,
    )
    everything = Bounds(number(1), number(99))
    assert await index.hashtags("", everything, 9) == {"often": 2, "two": 2, "zwei": 1}
    assert await index.hashtags("de", everything, 9) == {"zwei": 1}
    assert await index.hashtags("", Bounds(number(12), number(13)), 9) == {"two": 1}
    assert set(await index.hashtags("", everything, 2)) == {"often", "two"}
    assert await index.hashtags("fr", everything, 9) == {}


async def test_older_generations_go_together(index: SearchIndex) -> None:
    await index.apply([tweet(1, "x one"), tweet(2, "x other")], (), 1)
    await index.apply([tweet(2, "x other"), tweet(3, "x third thing")], (), 2)
    await index.drop_before(2)
    assert await found(index, "x") == [3, 2]


async def test_a_word_may_be_as_long_as_a_tweet(index: SearchIndex) -> None:
    word = "x" * 280
    await index.apply([tweet(1, word), tweet(2, "y" + word[1:])], (), 1)
    assert await found(index, word) == [1]


async def test_many_are_put_in_at_once(index: SearchIndex) -> None:
    await index.apply([tweet(each, f"{COPY} {each % 2}", each) for each in range(1, 500)], (), 1)
    assert await index.count() == 499
    assert await found(index, "prize") == [499]


async def test_what_was_put_in_is_there_when_it_is_opened_again(
    search_engine: SearchEngine,
) -> None:
    async with search_engine.opened() as (first, is_empty):
        assert is_empty
        await first.apply([tweet(1, "hello")], (), 1)
    async with search_engine.opened() as (again, is_empty):
        assert not is_empty
        assert await found(again, "hello") == [1]


KILLED = """
import asyncio, sys
from tests.contract.search_engines import engine_named
from tests.contract.search_index import tweet

async def main():
    async with engine_named(sys.argv[1]).opened() as (index, _):
        for place in range(1, 1000):
            await index.apply([tweet(place, f"hello number{place}")], (), 1)
            print(place, flush=True)

asyncio.run(main())
"""


def written_until_killed(engine: SearchEngine) -> int:
    """Have a process write tweets, and kill it within a write; gives the last that was put in."""
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, engine.name], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        said = 0
        while said < 5:
            said = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        return max([said, *map(int, process.stdout.read().split())])


async def test_what_was_put_in_survives_a_kill(search_engine: SearchEngine) -> None:
    said = await asyncio.to_thread(written_until_killed, search_engine)
    async with search_engine.opened() as (index, is_empty):
        assert not is_empty
        assert set(await found(index, "hello")) >= set(range(1, said + 1))
        await applied(index, tweet(999, "hello again"))
        assert (await found(index, "hello"))[0] == 999


async def applied(index: SearchIndex, one: TweetText) -> None:
    """Put it in, as soon as the one that was killed is missed."""
    async with asyncio.timeout(30):
        while True:
            try:
                return await index.apply([one], (), 1)
            except UnavailableError:
                await asyncio.sleep(0.05)


async def test_who_writes_keeps_others_from_writing(search_engine: SearchEngine) -> None:
    async with search_engine.opened() as (index, _):
        await index.apply([tweet(1, "hello")], (), 1)
        async with search_engine.opened() as (other, _):
            with pytest.raises(UnavailableError):
                await other.apply([tweet(2, "hello")], (), 1)
    async with search_engine.opened() as (again, _):
        assert await found(again, "hello") == [1]


async def test_a_damaged_folder_is_thrown_away(tmp_path: Path) -> None:
    index = TantivyIndex(tmp_path / "index")
    await index.open()
    await index.apply([tweet(1, "hello")], (), 1)
    await index.close()
    for file in (tmp_path / "index").glob("*.store"):
        file.write_bytes(b"damaged")
    (tmp_path / "index" / "meta.json").write_text("{}")
    again = TantivyIndex(tmp_path / "index")
    assert await again.open()
    assert await found(again, "hello") == []
    await again.close()
