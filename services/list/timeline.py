"""What the members of a list post, merged when it is read.

As home timelines merge celebrities: from the authors' own lists of tweets, of each only as far back
as it may matter. Of each a few ids are looked at, and more only of those who may have more among
the newest.
"""

from collections.abc import Mapping, Sequence
from heapq import nlargest
from itertools import accumulate, chain
from operator import attrgetter
from typing import Final

from services.list.model import TweetPage
from services.list.ports import Tweets
from services.list.rules import by_seen
from services.list.service import Lists
from services.platform.ids.newer_pages import empty_page_after, newer_page
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.ports import Sights
from services.platform.visibility.seen import shown_among

__all__ = ["ListTimelines", "behind"]

OVER_READ: Final = 8
"""Tweets read beyond a page, so that a few that are not shown cost no second round."""
MOST_OVER_READ: Final = 128
"""It doubles with each round up to this: a page has few rounds, however many are not shown."""
FIRST_LOOK: Final = 8
"""Ids of each member that are looked at, at least; where that is too few, four times as many."""
GROWTH: Final = 4
MAX_HIDDEN: Final = 500
"""Tweets that are not shown, after which a page ends early: so much work it may be."""
_TWEET_ID: Final = attrgetter("tweet_id")
MAX_PAGE_BYTES: Final = 3_000_000
"""Of a page's tweets: a channel takes 4 MiB of an answer. A page with more ends earlier; the
largest tweet has 290 kB."""


class ListTimelines:
    """Reads what members of lists post; raises what `Lists.get` does."""

    def __init__(self, lists: Lists, tweets: Tweets, sights: Sights) -> None:
        self._lists = lists
        self._tweets = tweets
        self._sights = sights

    async def page(
        self,
        reader_id: int,
        list_id: int,
        before: int | None,
        limit: int,
        *,
        after: int | None = None,
    ) -> TweetPage:
        """Tweets with id < `before` (None: all), newest first, `limit` of them if there are.

        With `after` those next above it instead.
        """
        members = (await self._lists.get(reader_id, list_id)).members
        if after is not None:
            return await self._newer(reader_id, members, after, limit)
        newer_after = empty_page_after(before)
        shown: list[EncodedTweet] = []
        hidden, over, words = 0, OVER_READ, NOTHING_MUTED
        while True:
            size = limit + 1 - len(shown) + over
            over = min(2 * over, MOST_OVER_READ)
            ids = await self._newest(members, before, size)
            found, said = await self._shown(reader_id, ids)
            words = said or words
            shown += found
            hidden += len(ids) - len(found)
            newer_after = shown[0].tweet_id if shown else newer_after
            fitting = _that_fit(shown[:limit])
            if len(fitting) < len(shown):
                return TweetPage(tuple(fitting), fitting[-1].tweet_id, newer_after, words)
            before = ids[-1] if len(ids) == size else None
            if before is None or hidden >= MAX_HIDDEN:
                return TweetPage(tuple(fitting), before, newer_after, words)

    async def _newer(
        self, reader_id: int, members: Sequence[int], after: int, limit: int
    ) -> TweetPage:
        words = NOTHING_MUTED

        async def below(before: int | None, count: int) -> tuple[Sequence[int], bool]:
            ids = await self._newest(members, before, count)
            return ids, len(ids) < count

        async def show(ids: Sequence[int]) -> Sequence[EncodedTweet]:
            nonlocal words
            found, said = await self._shown(reader_id, ids)
            words = said or words
            return found

        page = await newer_page(
            below,
            show,
            after,
            limit,
            id_of=_TWEET_ID,
            fitting=lambda tweets: len(_that_fit(tweets[::-1])),
            most_hidden=MAX_HIDDEN,
        )
        return TweetPage(tuple(page.items), page.next_before, page.previous_after, words)

    async def _shown(
        self, reader_id: int, ids: Sequence[int]
    ) -> tuple[list[EncodedTweet], MutedWords]:
        """Read (those of the tweets that the reader sees, what the reader has muted)."""
        tweets = await self._tweets.encoded(ids) if ids else []
        visible = {tweet.tweet_id: tweet for tweet in tweets}
        seen = await shown_among(self._sights, reader_id, visible, self._quoted)
        return by_seen(tweets, seen.keys), seen.words

    async def _quoted(self, tweet_ids: Sequence[int]) -> dict[int, bytes]:
        return {tweet.tweet_id: tweet.body for tweet in await self._tweets.encoded(tweet_ids)}

    async def _newest(
        self, members: Sequence[int], before: int | None, count: int
    ) -> Sequence[int]:
        """Merge the `count` newest ids of all members below `before`; fewer means all."""
        ids, runs = list[int](), dict[int, Sequence[int]]()
        asked, each = members, max(FIRST_LOOK, count // max(1, len(members)))
        while asked:
            each = min(each, count)
            found = dict(zip(asked, await self._tweets.newest(asked, before, each), strict=True))
            runs |= found
            ids = nlargest(count, chain.from_iterable(runs.values()))
            asked = behind(found, each, ids[-1] if len(ids) == count else 0)
            each *= GROWTH
        return ids


def behind(runs: Mapping[int, Sequence[int]], each: int, last: int) -> list[int]:
    """Say whose runs of ids, newest first, may go on with some that are newer than `last`.

    A run of `each` ids may go on behind its last one; a shorter one has ended. Few do: each that
    does has so many ids among the newest.
    """
    return [author for author, run in runs.items() if len(run) >= each and run[-1] > last]


def _that_fit(tweets: Sequence[EncodedTweet]) -> list[EncodedTweet]:
    """Give the first of these that one answer can hold."""
    sizes = accumulate(len(tweet.body) for tweet in tweets)
    return [tweet for tweet, size in zip(tweets, sizes, strict=True) if size <= MAX_PAGE_BYTES]
