"""Tweets and queries for the suites of the search index."""

from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at
from services.search.model import Bounds, Query, TweetText
from services.search.parsing import parse
from services.search.ports import SearchIndex

__all__ = ["NOW_MS", "found", "number", "query", "tweet"]

SECOND_MS = 1_000
NOW_MS = EPOCH_MS + 1_000_000 * SECOND_MS


def number(place: int) -> int:
    """The id of a tweet: one of each second."""
    return first_id_at(EPOCH_MS + place * SECOND_MS)


def tweet(
    place: int, text: str, author: int = 1, *, language: str = "en", answers: int = 0
) -> TweetText:
    """The tweet of a second; `answers` is whose tweet it answers."""
    return TweetText(number(place), author, text, language, answers, is_reply=answers != 0)


def query(text: str, hidden: frozenset[int] = frozenset(), bounds: Bounds | None = None) -> Query:
    """A query whose handles are ids already."""
    parsed = parse(text)
    return Query(parsed.clauses, bounds or parsed.bounds, hidden)


async def found(
    index: SearchIndex, text: str, *, hidden: frozenset[int] = frozenset()
) -> list[int]:
    """The places of the tweets that are found, the newest first, page by page."""
    ids: list[int] = []
    before: int | None = None
    while True:
        page = await index.newest(query(text, hidden), before, 2)
        ids += page.ids
        if page.ended:
            break
        before = page.ids[-1]
    places = {number(place): place for place in range(1_000)}
    return [places[each] for each in ids]
