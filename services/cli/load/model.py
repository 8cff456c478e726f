"""What is loaded, and what came of it."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain
from typing import Self

__all__ = ["FollowGraph", "Post", "Texts"]


@dataclass(frozen=True, slots=True)
class FollowGraph:
    """Who follows whom, by node number."""

    following: Mapping[int, tuple[int, ...]]
    """Every node, with those it follows: no doubles, nobody itself."""

    @classmethod
    def of(cls, nodes: Iterable[int], follows: Iterable[tuple[int, int]]) -> Self:
        """Gather pairs of follower and followee, all of them among `nodes`; doubles count once."""
        following: dict[int, dict[int, None]] = {node: {} for node in nodes}
        for follower, followee in follows:
            following[follower][followee] = None
        return cls({node: tuple(followees) for node, followees in following.items()})

    @property
    def follow_count(self) -> int:
        """How many follows there are."""
        return sum(len(followees) for followees in self.following.values())

    def follower_counts(self) -> dict[int, int]:
        """Followers of every node."""
        counts = dict.fromkeys(self.following, 0)
        for followee in chain.from_iterable(self.following.values()):
            counts[followee] += 1
        return counts


@dataclass(frozen=True, slots=True)
class Texts:
    """What the tweets say."""

    texts: tuple[str, ...]
    too_long: int = 0
    """How many lines were left out, being longer than a tweet may be."""


@dataclass(frozen=True, slots=True)
class Post:
    """A tweet to be made."""

    author: int
    """A node."""
    text: str
