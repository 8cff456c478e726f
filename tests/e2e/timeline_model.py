"""What timelines must be, in as few lines as will say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["NOBODY", "Model", "Places", "Posted"]

NOBODY = 0
"""In particular, as a reader."""

Places: TypeAlias = Mapping[tuple[int, int], int]
"""The id of each retweet that stands, by user and tweet: its place among the tweets' ids."""


@dataclass(frozen=True, slots=True)
class Posted:
    """A tweet that was acknowledged, and perhaps deleted since."""

    tweet_id: int
    author: int
    body: dict[str, object]


@dataclass(slots=True)
class Model:
    """Tweets and the graph, and what follows from them."""

    follows: set[tuple[int, int]] = field(default_factory=set)
    requests: set[tuple[int, int]] = field(default_factory=set)
    """Who asks to follow whom."""
    protected: set[int] = field(default_factory=set)
    blocks: set[tuple[int, int]] = field(default_factory=set)
    mutes: set[tuple[int, int]] = field(default_factory=set)
    tweets: dict[int, int] = field(default_factory=dict)
    answered: dict[int, int] = field(default_factory=dict)
    retweets: set[tuple[int, int]] = field(default_factory=set)
    for_followers: set[int] = field(default_factory=set)
    for_mentioned: dict[int, frozenset[int]] = field(default_factory=dict)
    """By tweets for those whom they mention alone, these."""
    words: dict[int, str] = field(default_factory=dict)
    quoted: dict[int, int] = field(default_factory=dict)
    muted_words: set[tuple[int, str]] = field(default_factory=set)

    def sees(self, reader: int, tweet: int) -> bool:
        """Whether a tweet is there, for this reader."""
        if tweet not in self.tweets:
            return False
        author = self.tweets[tweet]
        if reader == author:
            return True
        if not self.shows_anything(author, reader):
            return False
        if tweet in self.for_mentioned:
            return reader in self.for_mentioned[tweet]
        return tweet not in self.for_followers or (reader, author) in self.follows

    def shows_anything(self, author: int, reader: int) -> bool:
        if reader == author:
            return True
        is_open = author not in self.protected or (reader, author) in self.follows
        return is_open and (author, reader) not in self.blocks

    def is_for_everybody(self, tweet: int) -> bool:
        """Whether it may be retweeted."""
        return self.sees(NOBODY, tweet)

    def are_apart(self, one: int, other: int) -> bool:
        return not self.blocks.isdisjoint({(one, other), (other, one)})

    def follow(self, follower: int, followee: int) -> bool:
        """Follow, or ask to; gives whether it is asked for, and not approved."""
        pair = (follower, followee)
        asks = followee in self.protected and pair not in self.follows
        (self.requests if asks else self.follows).add(pair)
        return asks

    def unfollow(self, follower: int, followee: int) -> None:
        self.follows.discard((follower, followee))
        self.requests.discard((follower, followee))

    def block(self, one: int, other: int) -> None:
        self.blocks.add((one, other))
        self.unfollow(one, other)
        self.unfollow(other, one)

    def open(self, user: int) -> set[int]:
        """Protect somebody no more: gives who follows from then on."""
        self.protected.discard(user)
        approved = {pair for pair in self.requests if pair[1] == user}
        self.requests -= approved
        self.follows |= approved
        return {follower for follower, _ in approved}

    def user(self, author: int, places: Places, reader: int = NOBODY) -> list[int]:
        if not self.shows_anything(author, reader):
            return []
        brought = {t for user, t in self.brought() if user == author and self.sees(reader, t)}
        own = {t: t for t in self.own(author) if self.sees(reader, t)}
        return _newest(own | {t: places[author, t] for t in brought})

    def home(self, viewer: int, places: Places) -> list[int]:
        followed = {followee for follower, followee in self.follows if follower == viewer}
        muted = {other for muter, other in self.mutes if muter == viewer}
        hidden = muted | {other for pair in self.blocks if viewer in pair for other in pair}
        shown = followed - muted | {viewer}
        own = {
            t: t
            for t, by in self.tweets.items()
            if by in shown and (by == viewer or self.answered.get(t, by) in shown)
            if self.sees(viewer, t) and not self.says_muted(t, viewer)
        }
        brought: dict[int, int] = {}
        for user, t in self.brought():
            seen = self.sees(viewer, t) and self.tweets[t] not in hidden
            if user in shown and t not in own and seen and not self.says_muted(t, viewer):
                brought[t] = max(places[user, t], brought.get(t, 0))
        return _newest(own | brought)

    def says_muted(self, tweet: int, viewer: int) -> bool:
        if self.tweets[tweet] == viewer:
            return False
        both = (tweet, self.quoted.get(tweet, 0))
        said = [t for t in both if self.tweets.get(t, viewer) != viewer]
        return any((viewer, self.words[t]) in self.muted_words for t in said)

    def own(self, author: int) -> dict[int, int]:
        return {t: t for t, by in self.tweets.items() if by == author}

    def brought(self) -> set[tuple[int, int]]:
        """Retweets that stand, (user, tweet), but of own tweets: these bring nothing."""
        return {(u, t) for u, t in self.retweets if self.tweets.get(t, u) != u}

    def brought_before(self, reader: int) -> set[tuple[int, int]]:
        """Those of them that the timelines of their users show the reader."""
        return {
            (u, t)
            for u, t in self.brought()
            if self.shows_anything(u, reader) and self.sees(reader, t)
        }


def _newest(place_of: dict[int, int]) -> list[int]:
    return sorted(place_of, key=lambda t: place_of[t], reverse=True)
