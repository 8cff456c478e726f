"""Reading who did what, page by page."""

from collections.abc import Awaitable, Callable, Sequence
from itertools import accumulate
from typing import Final

from services.engagement.arguments import no_tweet, no_user
from services.engagement.model import EncodedTweet, IdSlice, Kind, TweetPage, UserPage, UserProfile
from services.engagement.ports import EdgeStore, Tweets, UserDirectory, Users
from services.platform.ids.arguments import check_id

__all__ = ["Reads"]

OVER_READ: Final = 8
"""Edges read beyond a page, so that a few deleted users or tweets cost no second round."""
EDGES_PER_SCAN: Final = 200
"""Stored edges read at once at least, so that a run of removed ones is passed in few rounds."""
MAX_PAGE_BYTES: Final = 3_000_000
"""Of a page's tweets: a channel takes 4 MiB of an answer, and so does the edge, which makes JSON of
it. A page with more ends earlier; the largest tweet has 270 kB."""

Take = Callable[[int | None, int], Awaitable[IdSlice]]
"""The slice of a list after an id, from at most so many stored edges."""


class Reads:
    """The use cases that change nothing. A page is full as long as more exist, and fit."""

    def __init__(
        self, store: EdgeStore, tweets: Tweets, users: UserDirectory, known: Users
    ) -> None:
        """`known` may keep who exists; `users` says it as of now."""
        self._store = store
        self._tweets = tweets
        self._users = users
        self._known = known

    async def users_of(self, kind: Kind, tweet_id: int, after: int | None, limit: int) -> UserPage:
        """Users with id > `after` (None: all) who did this with the tweet, by rising id.

        Deleted users are left out. Raises `InvalidArgumentError` for an id that is not positive,
        `NotFoundError` (`TWEET_NOT_FOUND`) for a tweet that does not exist or is deleted.
        """
        check_id("tweet_id", tweet_id)
        if await self._tweets.missing([tweet_id]):
            raise no_tweet(tweet_id)
        found: list[UserProfile] = []

        async def take(after: int | None, size: int) -> IdSlice:
            return await self._store.done_to(kind, tweet_id, after=after, limit=size)

        while True:
            batch = await _gather_ids(take, after, limit + 1 - len(found) + OVER_READ)
            found += await self._users.profiles(batch.ids) if batch.ids else []
            if len(found) > limit:
                return UserPage(tuple(found[:limit]), found[limit - 1].user_id)
            after = batch.resume_after
            if after is None:
                return UserPage(tuple(found), None)

    async def tweets_of(
        self, kind: Kind, user_id: int, before: int | None, limit: int
    ) -> TweetPage:
        """Tweets with id < `before` (None: all) with which the user did this, newest first.

        Deleted tweets are left out. Raises `InvalidArgumentError` for an id that is not positive,
        `NotFoundError` (`USER_NOT_FOUND`) for one that names nobody.
        """
        check_id("user_id", user_id)
        if await self._known.missing([user_id]):
            raise no_user(user_id)
        found: list[EncodedTweet] = []

        async def take(before: int | None, size: int) -> IdSlice:
            return await self._store.done_by(kind, user_id, before=before, limit=size)

        while True:
            batch = await _gather_ids(take, before, limit + 1 - len(found) + OVER_READ)
            found += await self._tweets.encoded(batch.ids) if batch.ids else []
            shown = _that_fit(found[:limit])
            if len(shown) < len(found):
                return TweetPage(shown, shown[-1].tweet_id)
            before = batch.resume_after
            if before is None:
                return TweetPage(tuple(found), None)


def _that_fit(tweets: Sequence[EncodedTweet]) -> tuple[EncodedTweet, ...]:
    """Give the first of these that one answer can hold."""
    sizes = accumulate(len(tweet.body) for tweet in tweets)
    return tuple(tweet for tweet, size in zip(tweets, sizes, strict=True) if size <= MAX_PAGE_BYTES)


async def _gather_ids(take: Take, after: int | None, count: int) -> IdSlice:
    """Take slices until there are `count` ids, or no more."""
    ids: list[int] = []
    while True:
        batch = await take(after, max(count - len(ids), EDGES_PER_SCAN))
        ids += batch.ids
        after = batch.resume_after
        if len(ids) > count:
            return IdSlice(tuple(ids[:count]), ids[count - 1])
        if after is None or len(ids) == count:
            return IdSlice(tuple(ids), after)
