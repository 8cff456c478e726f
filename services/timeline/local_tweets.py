"""Encoded tweets in this process, for a few seconds: a warm page needs no look for bodies."""

import time
from collections.abc import Callable, Iterable, Sequence

from services.timeline.model import EncodedTweet

__all__ = ["LocalTweets"]

GENERATION_S = 3.0  # longer than any read that fetches bodies, so that a tombstone outlives it
GENERATION_TWEETS = 30_000  # about 20 MB


class LocalTweets:
    """Two generations of tweets, the older dropped as a whole: nothing is kept above 6 s.

    There is no clock or order to keep for each entry, which is what makes a look cheap. Keep it
    open only while deletions are listened to: a deleted tweet whose message was missed would show
    until its entry is dropped.
    """

    def __init__(
        self,
        generation_s: float = GENERATION_S,
        generation_tweets: int = GENERATION_TWEETS,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._generation_s = generation_s
        self._generation_tweets = generation_tweets
        self._now = now
        self._open = False
        self._young: dict[int, EncodedTweet] = {}
        self._old: dict[int, EncodedTweet] = {}
        self._turn_at = now() + generation_s

    def open(self) -> None:
        """Begin to keep tweets: every deletion is reported from now on."""
        self._open = True

    def close(self) -> None:
        """Forget all and keep nothing: deletions may be missed."""
        self._open = False
        self._young, self._old = {}, {}

    def get_many(self, tweet_ids: Sequence[int]) -> tuple[dict[int, EncodedTweet], list[int]]:
        """(tweets by id, the ids that are not here)."""
        self._turn()
        young, old = self._young, self._old
        found: dict[int, EncodedTweet] = {}
        missing: list[int] = []
        for tweet_id in tweet_ids:
            tweet = young.get(tweet_id) or old.get(tweet_id)
            if tweet is None:
                missing.append(tweet_id)
            else:
                found[tweet_id] = tweet
        return found, missing

    def put_many(self, tweets: Iterable[EncodedTweet]) -> None:
        """Keep tweets just read; a tombstone that came meanwhile stays."""
        if not self._open:
            return
        self._turn()
        for tweet in tweets:
            older = self._old.get(tweet.tweet_id)
            if older is None or not older.deleted:
                self._young.setdefault(tweet.tweet_id, tweet)

    def gone(self, tweet_id: int) -> None:
        """Replace a tweet that was deleted, and any read of it that is under way."""
        self._old.pop(tweet_id, None)
        self._young[tweet_id] = EncodedTweet.tombstone(tweet_id)

    def _turn(self) -> None:
        now = self._now()
        if now < self._turn_at and len(self._young) < self._generation_tweets:
            return
        # After a quiet time both generations are past their age.
        self._old = self._young if now < self._turn_at + self._generation_s else {}
        self._young = {}
        self._turn_at = now + self._generation_s
