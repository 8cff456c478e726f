"""Reading who did what, page by page."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from itertools import accumulate
from operator import attrgetter
from typing import Final

from services.engagement.arguments import no_tweet, no_user
from services.engagement.model import (
    USER_KINDS,
    Kind,
    NewestEngaged,
    TweetPage,
    UserPage,
    UserProfile,
)
from services.engagement.ports import EdgeStore, Tweets, UserDirectory, Users
from services.platform.ids.arguments import check_id, check_ids
from services.platform.ids.newer_pages import empty_page_after, newer_page
from services.platform.ids.slices import IdSlice, gather_ids
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.ports import Sights
from services.platform.visibility.seen import seen_among

__all__ = ["Reads"]

OVER_READ: Final = 8
"""Edges read beyond a page, so that a few deleted users or tweets cost no second round."""
MAX_IDS_PER_LOOKUP: Final = 1_000
"""Tweets that one call asks about; of each kind of edge a cell is read for each."""
NEWEST: Final = 300
"""Stored edges of each kind that are kept of a reader, at most: those with the tweets of a few days
for nearly all. 7 kB of an answer."""
MAX_PAGE_BYTES: Final = 3_000_000
"""Of a page's tweets: a channel takes 4 MiB of an answer, and so does the edge, which makes JSON of
it. A page with more ends earlier; the largest tweet has 290 kB."""

MAX_HIDDEN: Final = 1_000
"""Tweets that are not shown, after which a page of newer ones ends: so much work it may be."""
_TWEET_ID: Final = attrgetter("tweet_id")

Take = Callable[[int | None, int], Awaitable[IdSlice]]
"""The slice of a list after an id, from at most so many stored edges."""


class Reads:
    """The use cases that change nothing. A page is full as long as more exist, and fit."""

    def __init__(
        self,
        store: EdgeStore,
        tweets: Tweets,
        users: UserDirectory,
        known: Users,
        sights: Sights,
    ) -> None:
        """`known` may keep who exists; `users` says it as of now."""
        self._store = store
        self._tweets = tweets
        self._users = users
        self._known = known
        self._sights = sights

    async def users_of(
        self, kind: Kind, tweet_id: int, reader: int, after: int | None, limit: int
    ) -> UserPage:
        """Users with id > `after` (None: all) who did this with the tweet, by rising id.

        Deleted users are left out. Raises `InvalidArgumentError` for an id that is not positive,
        `NotFoundError` (`TWEET_NOT_FOUND`) for a tweet that does not exist, is deleted, or not for
        the reader (0: nobody in particular).
        """
        check_id("tweet_id", tweet_id)
        # One in quarantine is not missing, and nobody is told anything of it.
        if not await self._seen(reader, await self._tweets.encoded([tweet_id])):
            raise no_tweet(tweet_id)
        found: list[UserProfile] = []

        async def take(after: int | None, size: int) -> IdSlice:
            return await self._store.done_to(kind, tweet_id, after=after, limit=size)

        while True:
            batch = await gather_ids(take, after, limit + 1 - len(found) + OVER_READ)
            found += await self._users.profiles(batch.ids) if batch.ids else []
            if len(found) > limit:
                return UserPage(tuple(found[:limit]), found[limit - 1].user_id)
            after = batch.resume_after
            if after is None:
                return UserPage(tuple(found), None)

    async def tweets_of(
        self,
        kind: Kind,
        user_id: int,
        before: int | None,
        limit: int,
        *,
        above: int | None = None,
    ) -> TweetPage:
        """Tweets with id < `before` (None: all) with which the user did this, newest first.

        With `above` those next above it instead. Deleted tweets are left out, and such as are not
        for the user any more. Raises `InvalidArgumentError` for an id that is not positive,
        `NotFoundError` (`USER_NOT_FOUND`) for one that names nobody.
        """
        check_id("user_id", user_id)
        if await self._known.missing([user_id]):
            raise no_user(user_id)
        found: list[EncodedTweet] = []
        newer_after = empty_page_after(before)

        async def take(before: int | None, size: int) -> IdSlice:
            return await self._store.done_by(kind, user_id, before=before, limit=size)

        async def show(ids: Sequence[int]) -> Sequence[EncodedTweet]:
            return await self._seen(user_id, await self._tweets.encoded(ids)) if ids else ()

        if above is not None:
            return await _newer(take, show, above, limit)
        while True:
            batch = await gather_ids(take, before, limit + 1 - len(found) + OVER_READ)
            found += await show(batch.ids)
            newer_after = found[0].tweet_id if found else newer_after
            shown = _that_fit(found[:limit])
            if len(shown) < len(found):
                return TweetPage(shown, shown[-1].tweet_id, newer_after)
            before = batch.resume_after
            if before is None:
                return TweetPage(tuple(found), None, newer_after)

    async def _seen(self, reader: int, tweets: Sequence[EncodedTweet]) -> list[EncodedTweet]:
        """Leave out what a reader may not see, or no longer."""
        facts = {tweet.tweet_id: tweet for tweet in tweets}
        seen = await seen_among(self._sights, reader, facts, unasked=False)
        return [tweet for tweet in tweets if tweet.tweet_id in seen]

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> Mapping[Kind, Sequence[int]]:
        """Those of 1 to `MAX_IDS_PER_LOOKUP` tweets with which the user did something, by what.

        Raises `InvalidArgumentError` beyond the limits or for an id that is not positive.
        """
        check_id("user_id", user_id)
        check_ids("tweet_ids", tweet_ids, most=MAX_IDS_PER_LOOKUP)
        return await self._store.engaged(user_id, tweet_ids)

    async def newest_engaged(self, user_id: int) -> NewestEngaged:
        """The newest tweets with which the user did something, of at most `NEWEST` stored edges.

        Raises `InvalidArgumentError` for an id that is not positive.
        """
        check_id("user_id", user_id)
        slices = await asyncio.gather(
            *(self._store.done_by(kind, user_id, before=None, limit=NEWEST) for kind in USER_KINDS)
        )
        return NewestEngaged(
            {kind: each.ids for kind, each in zip(USER_KINDS, slices, strict=True)},
            max(each.resume_after or 0 for each in slices),
        )


async def _newer(
    take: Take,
    show: Callable[[Sequence[int]], Awaitable[Sequence[EncodedTweet]]],
    after: int,
    limit: int,
) -> TweetPage:
    async def below(before: int | None, count: int) -> tuple[Sequence[int], bool]:
        found = await gather_ids(take, before, count)
        return found.ids, found.resume_after is None

    page = await newer_page(
        below,
        show,
        after,
        limit,
        id_of=_TWEET_ID,
        fitting=lambda tweets: len(_that_fit(tweets[::-1])),
        most_hidden=MAX_HIDDEN,
    )
    return TweetPage(tuple(page.items), page.next_before, page.previous_after)


def _that_fit(tweets: Sequence[EncodedTweet]) -> tuple[EncodedTweet, ...]:
    """Give the first of these that one answer can hold."""
    sizes = accumulate(len(tweet.body) for tweet in tweets)
    return tuple(tweet for tweet, size in zip(tweets, sizes, strict=True) if size <= MAX_PAGE_BYTES)
