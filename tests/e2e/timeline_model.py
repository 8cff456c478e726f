"""What timelines must be, in as few lines as will say it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

__all__ = ["Model", "Places", "Posted"]

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
    blocks: set[tuple[int, int]] = field(default_factory=set)
    mutes: set[tuple[int, int]] = field(default_factory=set)
    tweets: dict[int, int] = field(default_factory=dict)
    answered: dict[int, int] = field(default_factory=dict)
    retweets: set[tuple[int, int]] = field(default_factory=set)

    def are_apart(self, one: int, other: int) -> bool:
        return not self.blocks.isdisjoint({(one, other), (other, one)})

    def block(self, one: int, other: int) -> None:
        self.blocks.add((one, other))
        self.follows -= {(one, other), (other, one)}

    def user(self, author: int, places: Places) -> list[int]:
        brought = {t: places[user, t] for user, t in self.brought() if user == author}
        return _newest(self.own(author) | brought)

    def home(self, viewer: int, places: Places) -> list[int]:
        followed = {followee for follower, followee in self.follows if follower == viewer}
        muted = {other for muter, other in self.mutes if muter == viewer}
        hidden = muted | {other for pair in self.blocks if viewer in pair for other in pair}
        shown = followed - muted | {viewer}
        own = {
            t: t
            for t, by in self.tweets.items()
            if by in shown and (by == viewer or self.answered.get(t, by) in shown)
        }
        brought: dict[int, int] = {}
        for user, t in self.brought():
            if user in shown and t not in own and self.tweets[t] not in hidden:
                brought[t] = max(places[user, t], brought.get(t, 0))
        return _newest(own | brought)

    def own(self, author: int) -> dict[int, int]:
        return {t: t for t, by in self.tweets.items() if by == author}

    def brought(self) -> set[tuple[int, int]]:
        """Retweets that stand, (user, tweet), but of own tweets: these bring nothing."""
        return {(u, t) for u, t in self.retweets if self.tweets.get(t, u) != u}


def _newest(place_of: dict[int, int]) -> list[int]:
    return sorted(place_of, key=lambda t: place_of[t], reverse=True)
