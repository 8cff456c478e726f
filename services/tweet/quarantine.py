"""Hiding tweets in which something was found, and what operators do with them.

What is decided is in the tweet's row, which every read of it looks at. What readers keep is told
of it, and the tweet is announced again: whoever has made something of it looks once more, and finds
it there or not.
"""

from dataclasses import replace
from typing import Final

import structlog

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError, UnavailableError
from services.platform.ids.arguments import check_id, check_optional_id
from services.platform.observability.log_events import EVENT_TWEET_QUARANTINED
from services.platform.runtime.clock import Clock
from services.platform.text.entities import NO_ENTITIES
from services.tweet.model import Quarantine, Tweet
from services.tweet.ports import IdSource, TweetEvents, TweetStore
from services.tweet.quarantine_ports import PublishedAs, Quarantines, ReadersCopies

__all__ = ["MAX_LISTED", "MAX_REASON_CHARS", "TweetQuarantine"]

MAX_LISTED: Final = 1_000
MAX_REASON_CHARS: Final = 500
"""Room for a sentence and the number of a case."""
MAX_LISTED_CHARS: Final = 280
"""Of what a tweet says: as many tweets as are listed at once must fit an answer of 4 MiB, and the
longest text has 50,000 characters."""
TWEETS_PER_READ: Final = 100
"""However few are asked for: of what was listed, most may be hidden no more."""
ROUNDS: Final = 5
"""Times that decisions may change while what readers keep is made to follow."""
_log = structlog.get_logger()


class TweetQuarantine:
    """The use cases. Every method raises `UnavailableError` where a store does not answer."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        *,
        store: TweetStore,
        quarantines: Quarantines,
        copies: ReadersCopies,
        ids: IdSource,
        events: TweetEvents,
        clock: Clock,
    ) -> None:
        self._store = store
        self._quarantines = quarantines
        self._copies = copies
        self._ids = ids
        self._events = events
        self._clock = clock

    async def found(self, tweet: Tweet, reason: str) -> bool:
        """Hide a tweet in which a scanner found something; false where people have decided.

        Idempotent: a repeat puts right what readers keep.
        """
        if tweet.quarantine is None:
            why = Quarantine(reason[:MAX_REASON_CHARS], self._clock.now_ms())
            # As old as the tweet, and newer than its body: whatever people decide is later.
            dated_ms = tweet.created_at_ms + 1
            await self._quarantines.hide(tweet, why, dated_ms, await self._published(tweet))
            _log.warning(
                EVENT_TWEET_QUARANTINED,
                tweet_id=tweet.tweet_id,
                user_id=tweet.user_id,
                found=reason,
            )
        elif tweet.quarantine.cleared:
            return False
        return not await self._follow(tweet.tweet_id, shown=False)

    async def settle(self, tweet: Tweet) -> None:
        """Have what readers keep follow what was decided of a tweet. Idempotent."""
        if tweet.quarantine is not None:
            await self._follow(tweet.tweet_id, shown=not tweet.is_hidden)

    async def hide(self, tweet_id: int, reason: str) -> None:
        """Hide a tweet, for an operator; `NotFoundError` if there is none. Idempotent.

        Raises `InvalidArgumentError` for a reason that is empty or too long.
        """
        tweet = await self._read(tweet_id)
        if not 1 <= len(reason) <= MAX_REASON_CHARS:
            raise InvalidArgumentError("reason", f"must have 1 to {MAX_REASON_CHARS} characters")
        if not tweet.is_hidden:
            now_ms = self._later(tweet)
            why = Quarantine(reason, now_ms)
            await self._quarantines.hide(tweet, why, now_ms, await self._published(tweet))
        await self._follow(tweet_id, shown=False)

    async def clear(self, tweet_id: int) -> None:
        """Show a tweet again, whatever scanners find in it; a repeat changes nothing.

        `NotFoundError` if none of this id was ever hidden.
        """
        tweet = await self._read(tweet_id)
        if tweet.quarantine is None:
            raise _none_hidden(tweet_id)
        if tweet.is_hidden:
            why = Quarantine(tweet.quarantine.reason, self._later(tweet), cleared=True)
            await self._quarantines.clear(tweet, why, await self._published(tweet))
        await self._follow(tweet_id, shown=True)

    async def listed(self, after: int, limit: int) -> list[Tweet]:
        """Give those that are hidden, with id > `after`, by rising id; the beginnings of texts."""
        check_optional_id("after_tweet_id", after)
        if not 1 <= limit <= MAX_LISTED:
            raise InvalidArgumentError("limit", f"must be 1 to {MAX_LISTED}, is {limit}")
        hidden: list[Tweet] = []
        # The list also has what is hidden no more: a full page of it goes on.
        while ids := await self._quarantines.listed(after, TWEETS_PER_READ):
            found = await self._store.get_many(ids, hidden=True)
            read = [found[each] for each in ids if each in found]
            hidden += [
                replace(each, text=each.text[:MAX_LISTED_CHARS], entities=NO_ENTITIES)
                for each in read
                if each.is_hidden
            ]
            if len(hidden) >= limit or len(ids) < TWEETS_PER_READ:
                break
            after = ids[-1]
        return hidden[:limit]

    async def _follow(self, tweet_id: int, *, shown: bool) -> bool:
        """Have what readers keep say what the row says; gives whether it is shown.

        Others may decide meanwhile, or delete it, and see to the same copies. So the row is read
        after each change of these: whoever changes them last has read what holds.
        """
        for _ in range(ROUNDS):
            await (self._copies.show(tweet_id) if shown else self._copies.hide(tweet_id))
            holds = tweet_id in await self._store.get_many([tweet_id])
            if holds is shown:
                return shown
            shown = holds
        raise UnavailableError(f"tweet {tweet_id} is hidden and cleared too fast")

    def _later(self, tweet: Tweet) -> int:
        """Date a decision: after all before it, as clocks differ, and what is older holds nothing.

        Two of one moment would be in no order.
        """
        before_ms = 0 if tweet.quarantine is None else tweet.quarantine.at_ms
        # What a scanner found is dated just behind the tweet.
        return max(self._clock.now_ms(), before_ms + 1, tweet.created_at_ms + 2)

    async def _published(self, tweet: Tweet) -> PublishedAs:
        event = self._events.reviewed(tweet.tweet_id, tweet.user_id)
        return PublishedAs(await self._ids.next_id(), event)

    async def _read(self, tweet_id: int) -> Tweet:
        check_id("tweet_id", tweet_id)
        tweet = (await self._store.get_many([tweet_id], hidden=True)).get(tweet_id)
        if tweet is None:
            raise _none_hidden(tweet_id)
        return tweet


def _none_hidden(tweet_id: int) -> NotFoundError:
    return NotFoundError(
        f"tweet_id: no tweet {tweet_id}, or none that is quarantined",
        reason=Reason.TWEET_NOT_FOUND,
        metadata={"field": "tweet_id", "tweet_id": str(tweet_id)},
    )
