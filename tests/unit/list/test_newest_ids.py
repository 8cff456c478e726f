"""What members post is merged whole, and few are asked for more than a few of their tweets."""

from collections.abc import Collection, Sequence
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from services.list.model import UserList
from services.list.timeline import FIRST_LOOK, GROWTH, ListTimelines
from services.platform.visibility.encoded import EncodedTweet

AUTHORS = st.lists(st.sets(st.integers(1, 400), max_size=80), min_size=1, max_size=8)


class Siblings:
    """A list of all authors, each with tweets; and how many ids were given."""

    def __init__(self, posted: Sequence[Collection[int]]) -> None:
        # A tweet has one author.
        self.posted = [{*ids}.difference(*posted[:at]) for at, ids in enumerate(posted)]
        self.given = 0

    async def get(self, reader_id: int, list_id: int) -> UserList:
        members = tuple(range(1, len(self.posted) + 1))
        return UserList(
            list_id, reader_id, "x", "", private=False, created_at_ms=0, members=members
        )

    async def newest(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> list[list[int]]:
        assert authors
        runs = [
            sorted(one for one in self.posted[author - 1] if not before or one < before)
            for author in authors
        ]
        found = [run[::-1][:limit] for run in runs]
        self.given += sum(map(len, found))
        return found

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        return [EncodedTweet(one, 1, b"") for one in tweet_ids]

    async def hidden(self, *_: object) -> frozenset[int]:
        return frozenset()


async def pages(siblings: Siblings, limit: int) -> list[int]:
    every: Any = siblings
    timelines = ListTimelines(every, every, every)
    ids, before = list[int](), None
    while True:
        page = await timelines.page(1, 1, before, limit)
        ids += [tweet.tweet_id for tweet in page.tweets]
        before = page.next_before
        if before is None:
            return ids
        assert len(page.tweets) == limit


async def pages_back(siblings: Siblings, after: int, limit: int) -> list[int]:
    every: Any = siblings
    timelines = ListTimelines(every, every, every)
    ids = list[int]()
    while True:
        page = await timelines.page(1, 1, None, limit, after=after)
        if not page.tweets:
            assert page.previous_after == after, "it can be asked again"
            return ids
        ids = [*(tweet.tweet_id for tweet in page.tweets), *ids]
        after = page.previous_after


@given(posted=AUTHORS, limit=st.integers(1, 50))
async def test_nothing_is_missing_or_doubled(posted: list[set[int]], limit: int) -> None:
    newest_first = sorted(set().union(*posted), reverse=True)
    assert await pages(Siblings(posted), limit) == newest_first
    assert await pages_back(Siblings(posted), 0, limit) == newest_first
    for after in newest_first[:1] + newest_first[-1:]:
        above = [one for one in newest_first if one > after]
        assert await pages_back(Siblings(posted), after, limit) == above


async def test_a_page_of_the_largest_list_reads_few_ids() -> None:
    members = 500
    posted = [range(at, 300 * members, members) for at in range(members)]
    # The newest of all are of one, who is asked for as many as the page has.
    posted[0] = range(300 * members, 300 * members + 300)
    siblings = Siblings(posted)
    every: Any = siblings
    page = await ListTimelines(every, every, every).page(1, 1, None, 200)
    assert [tweet.tweet_id for tweet in page.tweets] == [*posted[0]][:-201:-1]
    assert siblings.given <= FIRST_LOOK * members + FIRST_LOOK * GROWTH + 128 + 209
