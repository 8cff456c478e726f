"""Bus messages in, use cases called: a batch of messages is one entry in the list of changes."""

from collections.abc import Callable, Sequence

from services.search.ports import Changes
from services.tweet.events import decode_tweet_changed

__all__ = ["SearchConsumers"]


class SearchConsumers:
    """One method for each subscription. `nudge` is called when there is something to apply."""

    def __init__(self, changes: Changes, nudge: Callable[[], None]) -> None:
        self._changes = changes
        self._nudge = nudge

    async def tweets_changed(self, bodies: Sequence[bytes]) -> None:
        """Note which tweets were made or deleted; what became of them is read later."""
        changes = map(decode_tweet_changed, bodies)
        # A retweet has nothing to be found by.
        ids = dict.fromkeys(each.tweet_id for each in changes if not each.retweet_of)
        if known := [each for each in ids if each > 0]:
            await self._changes.append(known)
            self._nudge()
