"""Conversations: a tweet, what it answers, and its replies as a tree.

Replies as they are listed → hidden authors left out → tweets → what fits. Ancestors are named in
the tweet's own row; so a page takes five reads as a rule, and a bounded number in any case.
"""

import asyncio
from collections.abc import Sequence
from typing import Final

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError
from services.platform.ids.arguments import check_id
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import may_see
from services.tweet.conversation_page import (
    PAGE_BYTES,
    all_replies,
    by_shown_authors,
    cut_page,
    next_part,
    read_threads,
    tweet_bytes,
)
from services.tweet.lineage import MAX_ANCESTORS, ancestor_ids_of
from services.tweet.model import Branch, ConversationPage, Tweet
from services.tweet.ports import Replies, TweetStore, UserDirectory
from services.tweet.reply_trees import ReplyTrees
from services.tweet.seeing import Seeing, no_tweet

__all__ = ["Conversations"]

CLIMBS: Final = 8
"""Reads of ancestors. One is enough, but for replies of before rows named them, which are climbed
one by one."""


class Conversations:
    """The use case; raises `UnavailableError` when a store or sibling cannot answer."""

    def __init__(
        self, tweets: TweetStore, replies: Replies, readers: UserDirectory, sights: Sights
    ) -> None:
        self._tweets = tweets
        self._trees = ReplyTrees(replies)
        self._readers = readers
        self._seeing = Seeing(sights)

    async def read(
        self, tweet_id: int, reader: int, before: int | None, limit: int
    ) -> ConversationPage:
        """Read at most `limit` direct replies with ids below `before` (None: all), newest first.

        Raises `InvalidArgumentError` for what can be no id, `NotFoundError` (`TWEET_NOT_FOUND`,
        `USER_NOT_FOUND`) where there is no such tweet for the reader, or no such reader.
        """
        check_id("tweet_id", tweet_id)
        check_id("user_id", reader)
        tweet, _ = await asyncio.gather(self._tweet(tweet_id), self._check_exists(reader))
        ancestors, (branches, resume) = await asyncio.gather(
            self._ancestors(tweet), self._trees.read(tweet_id, before, limit)
        )
        authors = {each.user_id for each in (tweet, *ancestors)}
        authors |= {each.user_id for each in all_replies(branches)}
        sights, (tweets, read) = await asyncio.gather(
            self._seeing.sights(reader, authors), self._tweets_of(branches)
        )
        if not may_see(tweet, reader, sights[tweet.user_id]):
            raise no_tweet("tweet_id", tweet_id)
        hidden = frozenset(author for author, sight in sights.items() if sight.hidden)
        tweets = {
            one: each for one, each in tweets.items() if may_see(each, reader, sights[each.user_id])
        }
        if read < len(branches):
            resume = branches[read - 1].reply.tweet_id
        threads = read_threads(by_shown_authors(branches[:read], hidden), tweets)
        shown = tuple(
            each
            for each in ancestors
            if each.user_id not in hidden and may_see(each, reader, sights[each.user_id])
        )
        return cut_page(ConversationPage(tweet, shown, threads, resume))

    async def _tweet(self, tweet_id: int) -> Tweet:
        tweet = (await self._tweets.get_many([tweet_id])).get(tweet_id)
        if tweet is None:
            raise no_tweet("tweet_id", tweet_id)
        return tweet

    async def _check_exists(self, reader: int) -> None:
        if await self._readers.missing([reader]):
            raise NotFoundError(
                f"user_id: no user {reader}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(reader)},
            )

    async def _ancestors(self, tweet: Tweet) -> list[Tweet]:
        """Read the nearest tweets above, the oldest first; deleted ones are left out."""
        above: list[Tweet] = []
        ids = ancestor_ids_of(tweet)
        room = MAX_ANCESTORS
        for _ in range(CLIMBS):
            ids = ids[-room:] if room else ()
            if not ids:
                break
            room -= len(ids)
            found = await self._tweets.get_many(ids)
            above = [*(found[each] for each in ids if each in found), *above]
            # Of a deleted one it is not known any more what it answered.
            top = found.get(ids[0])
            ids = () if top is None else ancestor_ids_of(top)
        return above

    async def _tweets_of(self, branches: Sequence[Branch]) -> tuple[dict[int, Tweet], int]:
        """Read until a page is full; gives also of how many branches these tweets are."""
        found: dict[int, Tweet] = {}
        read, left = 0, PAGE_BYTES
        while read < len(branches) and left > 0:
            ids, read = next_part(branches, read)
            part = await self._tweets.get_many(ids)
            found |= part
            left -= sum(map(tweet_bytes, part.values()))
        return found, read
