"""The plain choice answers with the same pages that Aviary would."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import httpx
import pytest

from bench.reference.plain import postgres_folder, served, temporary_postgres
from bench.reference.plain_database import (
    Database,
    Row,
    fill_sqlite,
    open_database,
)

START = datetime(2026, 1, 1, tzinfo=UTC)
AUTHORS = 6
TWEETS: list[Row] = [
    (number, number % AUTHORS, f"tweet {number}", START + timedelta(seconds=number))
    for number in range(1, 121)
]
FOLLOWS = [(0, 1), (0, 2), (5, 0), (5, 1), (5, 2), (5, 3)]


@pytest.fixture(params=["sqlite", "postgres"])
def address(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "sqlite":
        path = tmp_path / "plain.db"
        fill_sqlite(path, TWEETS, FOLLOWS)
        yield str(path)
        return
    programs = postgres_folder()
    if programs is None:
        pytest.skip("there is no PostgreSQL server")
    with temporary_postgres(programs, tmp_path, TWEETS, FOLLOWS) as (url, _):
        yield url


@pytest.fixture
async def database(address: str) -> AsyncIterator[Database]:
    async with open_database(address) as opened:
        yield opened


def shown(author: set[int]) -> list[Row]:
    return [row for row in reversed(TWEETS) if row[1] in author]


async def test_a_home_has_the_newest_of_whom_one_follows_and_ones_own(database: Database) -> None:
    assert await database.home(0, None, 50) == shown({0, 1, 2})[:50]
    assert await database.home(5, None, 200) == shown({0, 1, 2, 3, 5})
    assert await database.home(4, None, 10) == shown({4})[:10]
    assert await database.home(99, None, 10) == []


async def test_pages_go_on_where_the_last_one_ended(database: Database) -> None:
    first = await database.home(0, None, 10)
    assert await database.home(0, first[-1][0], 10) == shown({0, 1, 2})[10:20]
    assert await database.of_user(3, None, 5) == shown({3})[:5]
    assert await database.of_user(3, shown({3})[4][0], 5) == shown({3})[5:10]


async def test_a_new_tweet_is_the_newest(database: Database) -> None:
    tweet = await database.add(1, "hello", START + timedelta(days=1))
    assert tweet > TWEETS[-1][0]
    newest = (tweet, 1, "hello", START + timedelta(days=1))
    assert (await database.home(0, None, 1)) == [newest]
    assert (await database.of_user(1, None, 1)) == [newest]


def test_it_answers_over_http_in_aviarys_words(address: str, tmp_path: Path) -> None:
    with (
        served(tmp_path, address, "any", {}) as plain,
        httpx.Client(base_url=f"http://127.0.0.1:{plain.port}", timeout=60) as client,
    ):
        page = client.get("/v1/timeline/home", params={"user_id": 0, "limit": 3}).json()
        assert [tweet["text"] for tweet in page["tweets"]] == [
            row[2] for row in shown({0, 1, 2})[:3]
        ]
        assert page["next_cursor"] == page["tweets"][-1]["tweet_id"]
        made = client.post("/v1/tweets", json={"user_id": 0, "text": "over HTTP"}).json()
        again = client.get("/v1/timeline/user", params={"user_id": 0, "limit": 1}).json()
        assert again["tweets"] == [made]
        assert set(plain.cpu()) == {"uvicorn"}
