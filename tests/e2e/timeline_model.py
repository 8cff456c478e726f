"""What timelines must be, in as few lines as will say it."""

from dataclasses import dataclass, field

__all__ = ["Model", "Posted"]


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

    def are_apart(self, one: int, other: int) -> bool:
        return not self.blocks.isdisjoint({(one, other), (other, one)})

    def block(self, one: int, other: int) -> None:
        self.blocks.add((one, other))
        self.follows -= {(one, other), (other, one)}

    def user(self, author: int) -> list[int]:
        return sorted((t for t, by in self.tweets.items() if by == author), reverse=True)

    def home(self, viewer: int) -> list[int]:
        followed = {followee for follower, followee in self.follows if follower == viewer}
        muted = {other for muter, other in self.mutes if muter == viewer}
        shown = followed - muted | {viewer}
        return sorted((t for t, by in self.tweets.items() if by in shown), reverse=True)
