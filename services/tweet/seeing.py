"""Which tweets a reader is shown: the rule of all reads, asked of the graph."""

from collections.abc import Collection

from services.platform.error_reasons import Reason
from services.platform.errors import NotFoundError
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import Sight, may_see
from services.tweet.model import Tweet
from services.tweet.ports import TweetStore

__all__ = ["Seeing", "no_author", "no_tweet", "referenced"]


class Seeing:
    """Asks for all of an answer's tweets by one call; raises `UnavailableError`."""

    def __init__(self, sights: Sights) -> None:
        self._sights = sights

    async def seen(self, reader: int, tweets: Collection[Tweet]) -> frozenset[int]:
        """Give the ids of those that a reader (0: nobody in particular) may see."""
        sights = await self.sights(reader, {tweet.user_id for tweet in tweets})
        return frozenset(
            tweet.tweet_id for tweet in tweets if may_see(tweet, reader, sights[tweet.user_id])
        )

    async def sights(self, reader: int, authors: Collection[int]) -> dict[int, Sight]:
        """How a reader stands to authors; readers see all of their own."""
        others = set(authors) - {reader}
        found = dict(await self._sights.of(reader, others)) if others else {}
        return found | ({reader: Sight()} if reader in authors else {})


async def referenced(
    store: TweetStore, seeing: Seeing, author: int, in_reply_to: int, quote: int
) -> dict[int, Tweet]:
    """Read the tweets that a new one answers and quotes (0: none).

    Raises `NotFoundError` (`TWEET_NOT_FOUND`) for one that is not there for its author.
    """
    references = {"in_reply_to_tweet_id": in_reply_to, "quote_tweet_id": quote}
    wanted = {field: tweet_id for field, tweet_id in references.items() if tweet_id}
    if not wanted:
        return {}
    found = await store.get_many(list(wanted.values()))
    seen = await seeing.seen(author, found.values())
    for field, tweet_id in wanted.items():
        if tweet_id not in seen:
            raise no_tweet(field, tweet_id)
    return found


def no_tweet(field: str, tweet_id: int) -> NotFoundError:
    """Say that there is no such tweet for whoever asks."""
    return NotFoundError(
        f"{field}: no tweet {tweet_id}",
        reason=Reason.TWEET_NOT_FOUND,
        metadata={"field": field, "tweet_id": str(tweet_id)},
    )


def no_author(user_id: int) -> NotFoundError:
    """Say that there is nobody to write a tweet."""
    return NotFoundError(
        f"user_id: no user {user_id}",
        reason=Reason.USER_NOT_FOUND,
        metadata={"field": "user_id", "user_id": str(user_id)},
    )
