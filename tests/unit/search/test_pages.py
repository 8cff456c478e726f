"""Pages of tweets that are as large as tweets can be: none is more than an edge passes on."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, cast

import pytest

from services.platform.errors import NotFoundError
from services.platform.muting.messages import read_said
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.rule import Regard, Sight, Visibility
from services.search.model import Found, Query
from services.search.service import PAGE_BYTES, SearchService

READER, NOBODY, HIDDEN = 7, 8, 2
TWEETS, MANY = range(100, 0, -1), range(900, 0, -1)
LARGE = PAGE_BYTES // 10


class Stands:
    """An index that finds all, tweets of a size, a graph, and a clock."""

    def __init__(self, size: int) -> None:
        self._body = b"x" * size

    async def newest(self, _query: Query, before: int | None, limit: int) -> Found:
        ids = tuple(each for each in TWEETS if before is None or each < before)
        return Found(ids[:limit], ended=len(ids) <= limit)

    async def relevant(self, _query: Query, _now_ms: int) -> Sequence[int]:
        return TWEETS

    async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
        # Every seventh is gone.
        return {each: EncodedTweet(each, each % 3, self._body) for each in tweet_ids if each % 7}

    async def from_reader(self, _user_id: int) -> frozenset[int]:
        return frozenset()

    async def unasked(self, _user_id: int, author_ids: Collection[int]) -> Regard:
        # A third was hidden since that was read.
        return Regard({each: Sight(muting=each == HIDDEN) for each in author_ids})

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        return [each for each in user_ids if each == NOBODY]

    def now_ms(self) -> int:
        return 1_800_000_000_000


class Nobody:
    async def user_of(self, _handle: str) -> int | None:
        raise AssertionError


def service_of(all_of_it: Any) -> SearchService:
    return SearchService(
        index=all_of_it,
        tweets=all_of_it,
        handles=cast("Any", Nobody()),
        readers=all_of_it,
        hidden=all_of_it,
        sights=all_of_it,
        changes=all_of_it,
        reports=all_of_it,
        clock=all_of_it,
        read_said=read_said,
    )


@pytest.mark.parametrize("sort", ["newest", "relevant"])
@pytest.mark.parametrize(("size", "most"), [(100, 30), (LARGE, 10), (2 * PAGE_BYTES, 1)])
async def test_each_tweet_comes_once_in_pages_that_fit(sort: str, size: int, most: int) -> None:
    service = service_of(Stands(size))
    sizes: list[int] = []
    resume: int | None = None
    while not sizes or resume is not None:
        page = await service.search(READER, "x", sort, resume, 30)
        sizes.append(len(page.tweets))
        resume = page.resume
    assert sum(sizes) == len([each for each in TWEETS if each % 7 and each % 3 != HIDDEN])
    assert set(sizes[:-1]) == {most}


async def test_whoever_was_hidden_just_now_costs_one_read_however_many_tweets_there_are() -> None:
    class OfOneAuthor(Stands):
        reads = 0

        async def newest(self, query: Query, before: int | None, limit: int) -> Found:
            self.reads += 1
            if HIDDEN in query.hidden:
                return Found((), ended=True)
            return await super().newest(query, before, limit)

        async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
            return {each: EncodedTweet(each, HIDDEN, self._body) for each in tweet_ids}

    stands = OfOneAuthor(1)
    page = await service_of(stands).search(READER, "x", "newest", None, 5)
    assert (page.tweets, page.resume, stands.reads) == ((), None, 2)


@pytest.mark.parametrize("sort", ["newest", "relevant"])
async def test_what_is_not_for_the_reader_costs_few_reads(sort: str) -> None:
    """However small the page is: authors who show something else are not left out as a whole."""

    class ForFollowers(Stands):
        lookups = 0

        async def newest(self, _query: Query, before: int | None, limit: int) -> Found:
            ids = tuple(each for each in MANY if before is None or each < before)
            return Found(ids[:limit], ended=len(ids) <= limit)

        async def relevant(self, _query: Query, _now_ms: int) -> Sequence[int]:
            return MANY

        async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
            self.lookups += 1
            closed = Visibility.FOLLOWERS
            return {
                each: EncodedTweet(each, 1, self._body, closed * (each > 1)) for each in tweet_ids
            }

    stands = ForFollowers(1)
    page = await service_of(stands).search(READER, "x", sort, None, 1)
    assert page.tweets == (b"x",)
    assert stands.lookups < 12


async def test_a_reader_who_does_not_exist_is_not_found() -> None:
    with pytest.raises(NotFoundError, match="user_id"):
        await service_of(Stands(1)).search(NOBODY, "x", "newest", None, 30)
