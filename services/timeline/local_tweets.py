"""Encoded tweets in this process, for a few seconds: a warm page needs no look for bodies."""

import time
from collections.abc import Callable, Iterable, Sequence

from services.timeline.model import EncodedTweet

__all__ = ["LocalTweets"]

GENERATION_S = 3.0
GENERATION_BYTES = 9_000_000
ENTRY_BYTES = 400  # beside the body: the tweet's own object and its places in two tables


class LocalTweets:
    """Two generations of tweets, the older dropped as a whole: nothing is kept above 6 s.

    There is no clock or order to keep for each entry, and both generations are looked up at once,
    which is what makes a look cheap. Keep it
    open only while deletions are listened to: a deleted tweet whose message was missed would show
    until its entry is dropped.
    """

    def __init__(
        self,
        generation_s: float = GENERATION_S,
        generation_bytes: int = GENERATION_BYTES,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._generation_s = generation_s
        self._generation_bytes = generation_bytes
        self._now = now
        self._open = False
        self._kept: dict[int, EncodedTweet] = {}
        """Both generations: what is dropped at a turn is what is not in the young one."""
        self._young: dict[int, EncodedTweet] = {}
        self._young_bytes = 0
        self._turn_at = now() + generation_s
        self.turns = 0
        """How often a generation was dropped: both of them where deletions may have been missed."""

    def open(self) -> None:
        """Begin to keep tweets: every deletion is reported from now on."""
        self._open = True
        # What was read before this may have been deleted since, and nobody reported that.
        self.turns += 2

    def close(self) -> None:
        """Forget all and keep nothing: deletions may be missed."""
        self._open = False
        self._kept, self._young, self._young_bytes = {}, {}, 0

    def get_many(self, tweet_ids: Sequence[int]) -> tuple[dict[int, EncodedTweet], list[int]]:
        """(tweets by id, the ids that are not here)."""
        self._turn()
        tweets = list(map(self._kept.get, tweet_ids))
        if all(tweets):
            return dict(zip(tweet_ids, tweets, strict=True)), []  # type: ignore[arg-type]
        pairs = list(zip(tweet_ids, tweets, strict=True))
        found = {tweet_id: tweet for tweet_id, tweet in pairs if tweet is not None}
        return found, [tweet_id for tweet_id, tweet in pairs if tweet is None]

    def put_many(self, tweets: Iterable[EncodedTweet], turns: int | None = None) -> None:
        """Keep tweets that were read since there had been so many `turns` (None: just now).

        A tombstone that came meanwhile stays. It is dropped at the second turn after it came, so
        what was read before that is not kept.
        """
        if not self._open:
            return
        self._turn()
        if turns is not None and self.turns > turns + 1:
            return
        for tweet in tweets:
            known = self._kept.get(tweet.tweet_id)
            if known is None or not (known.deleted or tweet.tweet_id in self._young):
                self._keep(tweet)

    def gone(self, tweet_id: int) -> None:
        """Replace a tweet that was deleted, and any read of it that is under way."""
        # Where nobody reads, it is deletions alone that fill a generation.
        self._turn()
        self._keep(EncodedTweet.tombstone(tweet_id))

    def _keep(self, tweet: EncodedTweet) -> None:
        self._kept[tweet.tweet_id] = self._young[tweet.tweet_id] = tweet
        self._young_bytes += ENTRY_BYTES + len(tweet.body)

    def _turn(self) -> None:
        now = self._now()
        if now < self._turn_at and self._young_bytes < self._generation_bytes:
            return
        # After a quiet time both generations are past their age, and dropped at once.
        is_late = now >= self._turn_at + self._generation_s
        self._kept = {} if is_late else self._young
        self._young, self._young_bytes = {}, 0
        self._turn_at = now + self._generation_s
        self.turns += 2 if is_late else 1
