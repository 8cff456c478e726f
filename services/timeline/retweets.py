"""One tweet once: of the retweets that bring a tweet into a timeline, the newest shows it.

A tweet whose author is shown stands at its own place, and a rule leaves out its retweets. Any other
stands where the newest of the retweets does that the reader sees; who else retweeted it is named
there. What the pages before have shown is found by reading their ids again, from the first retweet
on them, which cursors carry. So what is retweeted while somebody reads on is above all that, and
moves nothing: no tweet comes twice, and none is passed over.

A page of what is newer than another shows what a reading from the top would show there now: so it
finds the newest retweet by reading all ids from the top down to it.
"""

from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import Final

from services.timeline.hydration import Hydration
from services.timeline.model import MOST_IDS, ROUND_IDS, WINDOW_IDS, EncodedTweet, Retweet
from services.timeline.page import Page
from services.timeline.rules import Rule, apply_rules
from services.timeline.skeleton import Skeletons

__all__ = ["MAX_RETWEETERS", "Once", "OnceFromTop"]

MAX_RETWEETERS: Final = 10
"""Users named for one tweet; all of them are in the list of who retweeted it."""
LOOK_IDS: Final = 50
"""Ids of the first look above a page, and of each further one twice as many: so few looks suffice,
and they stay among the `WARM_IDS` that memory has at least, as long as the page does."""

_RETWEET = attrgetter("retweet")


class Once:
    """Keeps each retweeted tweet once in one read; see above.

    On a page that begins more than `WINDOW_IDS` entries below the first retweet no retweets show:
    there are the tweets of those alone who are followed.
    """

    def __init__(
        self,
        skeletons: Skeletons,
        hydration: Hydration,
        rules: Sequence[Rule],
        before: int | None = None,
        first_retweet: int = 0,
    ) -> None:
        self._skeletons = skeletons
        self._hydration = hydration
        self._rules = rules
        self._before = before
        self._first = first_retweet
        self._known: set[int] | None = None
        """Tweets that were shown above this page, once there is a retweet on it."""
        self._too_deep = False
        self._retweets: dict[int, list[Retweet]] = {}
        """By the tweet, of those on this page; newest first."""

    async def of(self, tweets: list[EncodedTweet]) -> list[EncodedTweet]:
        """Leave out tweets that a newer retweet showed; call it for each round, newest first."""
        if not any(map(_RETWEET, tweets)):
            return tweets
        if self._known is None:
            self._known = await self._above()
        return [tweet for tweet in tweets if tweet.retweet is None or self._is_first(tweet)]

    def told(self, page: Page) -> Page:
        """Say on a page who retweeted, and from which retweet on the next page has to look."""
        if not self._retweets:
            return replace(page, first_retweet=self._first) if self._first else page
        retweeters = {
            tweet.tweet_id: self._users(tweet.tweet_id, page.next_before or 0)
            for tweet in page.tweets
            if tweet.retweet is not None
        }
        first = next((each.entry_id for each in page.tweets if each.retweet is not None), 0)
        return replace(page, first_retweet=self._first or first, retweeters=retweeters)

    def _is_first(self, tweet: EncodedTweet) -> bool:
        if tweet.retweet is None or self._too_deep or tweet.tweet_id in (self._known or ()):
            return False
        retweets = self._retweets.setdefault(tweet.tweet_id, [])
        retweets.append(tweet.retweet)
        return len(retweets) == 1

    def _users(self, tweet_id: int, lowest: int) -> Sequence[int]:
        retweets = self._retweets[tweet_id]
        users = dict.fromkeys(each.user_id for each in retweets if each.retweet_id >= lowest)
        return tuple(users)[:MAX_RETWEETERS]

    async def _above(self) -> set[int]:
        """Read which tweets retweets have shown from the first one down to this page."""
        known: set[int] = set()
        if self._before is None or not self._first:
            return known
        at, left, count = self._first + 1, WINDOW_IDS, LOOK_IDS
        while left > 0:
            skeleton = await self._skeletons.below(at, count)
            ids = [each for each in skeleton.run.ids if each >= self._before]
            tweets = apply_rules(self._rules, await self._hydration.bodies(ids), skeleton.view)
            known.update(each.tweet_id for each in tweets if each.retweet is not None)
            if skeleton.run.ended or len(ids) < len(skeleton.run.ids):
                return known
            at, left, count = ids[-1], left - len(ids), min(2 * count, ROUND_IDS)
        self._too_deep = True
        return known


class OnceFromTop(Once):
    """Keeps each retweeted tweet once in a read of newer entries than those of a page.

    More than `WINDOW_IDS` entries below the newest retweet, or `MOST_IDS` below the top, no
    retweets show.
    """

    def __init__(
        self,
        skeletons: Skeletons,
        hydration: Hydration,
        rules: Sequence[Rule],
        after: int,
        first_retweet: int = 0,
    ) -> None:
        """`after` is where the page begins; `first_retweet` that of the page below."""
        super().__init__(skeletons, hydration, rules, first_retweet=first_retweet)
        self._after = after
        self._newest: dict[int, int] | None = None
        """By the tweet, the newest retweet that brings it; once there is one on the page."""

    async def of(self, tweets: list[EncodedTweet]) -> list[EncodedTweet]:
        """Leave out tweets that a newer retweet shows; call it for each round, the oldest first."""
        if not any(map(_RETWEET, tweets)):
            return tweets
        if self._newest is None:
            self._newest = await self._from_top()
        return [tweet for tweet in tweets if tweet.retweet is None or self._is_newest(tweet)]

    def told(self, page: Page) -> Page:
        """Say on a page who retweeted, and from which retweet on pages below have to look."""
        shown = [tweet for tweet in page.tweets if tweet.retweet is not None]
        first = max(self._first, *(tweet.entry_id for tweet in shown), 0)
        retweeters = {tweet.tweet_id: self._users(tweet.tweet_id, 0) for tweet in shown}
        return replace(page, first_retweet=first, retweeters=retweeters)

    def _is_newest(self, tweet: EncodedTweet) -> bool:
        if tweet.retweet is None or self._newest is None:
            return False
        retweets = self._retweets.setdefault(tweet.tweet_id, [])
        # Of a round the newest come first, and each round is above those before.
        retweets.append(tweet.retweet)
        retweets.sort(reverse=True)
        return self._newest.get(tweet.tweet_id) == tweet.retweet.retweet_id

    async def _from_top(self) -> dict[int, int]:
        """Read which retweet is the newest of each tweet, from the top down to this page."""
        newest: dict[int, int] = {}
        at: int | None = None
        left, most, count = WINDOW_IDS, MOST_IDS, LOOK_IDS
        while left > 0 and most > 0:
            skeleton = await self._skeletons.below(at, count)
            ids = [each for each in skeleton.run.ids if each > self._after]
            tweets = apply_rules(self._rules, await self._hydration.bodies(ids), skeleton.view)
            for tweet in tweets:
                if tweet.retweet is not None:
                    newest.setdefault(tweet.tweet_id, tweet.retweet.retweet_id)
            if skeleton.run.ended or len(ids) < len(skeleton.run.ids):
                break
            at, most, count = ids[-1], most - len(ids), min(2 * count, ROUND_IDS)
            if newest:
                left -= len(ids)
        return newest
