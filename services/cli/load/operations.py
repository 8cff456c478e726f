"""What the users of a mix do, in which shares, and the requests that it takes."""

import random
from collections.abc import Mapping, MutableSequence, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from services.cli.load.errors import LoadError

__all__ = ["DEFAULT_SHARES", "Ask", "Operation", "World", "parse_shares"]

Item = TypeVar("Item")

# What a client reads at once: the default of the API.
PAGE = 50


class Operation(StrEnum):
    """One thing that a user does."""

    HOME = "home"
    USER = "user"
    POST = "post"
    LIKE = "like"
    RETWEET = "retweet"
    SEARCH = "search"


DEFAULT_SHARES: Mapping[Operation, float] = {
    Operation.HOME: 60,
    Operation.USER: 20,
    Operation.POST: 5,
    Operation.LIKE: 10,
    Operation.RETWEET: 3,
    Operation.SEARCH: 2,
}


@dataclass(frozen=True, slots=True)
class Ask:
    """A request to the edge."""

    operation: Operation
    method: str
    path: str
    query: Mapping[str, str | int] | None = None
    body: Mapping[str, object] | None = None
    author: int = 0
    """Of a post: who makes it."""


@dataclass(slots=True)
class World:
    """Who acts on what; it grows with what is posted."""

    users: Sequence[int]
    tweets: MutableSequence[tuple[int, int]]
    """Tweet id and its author's user id, oldest first."""
    texts: Sequence[str]
    """What is posted, and whose words are searched for."""

    def __post_init__(self) -> None:
        if not (self.users and self.tweets and self.texts):
            raise LoadError("a mix needs users, tweets and texts; make some with `aviary load`")

    def draw(self, operation: Operation, rng: random.Random) -> Ask:
        """Draw who does it, and to what.

        Tweets are drawn by Zipf's law from the newest, as most of what happens to a tweet happens
        soon; user timelines are those of their authors. Who posts is drawn as the tweets' authors.
        """
        match operation:
            case Operation.HOME:
                query = {"user_id": rng.choice(self.users), "limit": PAGE}
                return Ask(operation, "GET", "/v1/timeline/home", query)
            case Operation.USER:
                query = {"user_id": _newest(self.tweets, rng)[1], "limit": PAGE}
                return Ask(operation, "GET", "/v1/timeline/user", query)
            case Operation.POST:
                author = rng.choice(self.tweets)[1]
                body = {"user_id": author, "text": rng.choice(self.texts)}
                return Ask(operation, "POST", "/v1/tweets", body=body, author=author)
            case Operation.LIKE | Operation.RETWEET:
                tweet = _newest(self.tweets, rng)[0]
                body = {"user_id": rng.choice(self.users), "tweet_id": tweet}
                return Ask(operation, "POST", f"/v1/{operation}", body=body)
            case Operation.SEARCH:
                word = _word(rng.choice(self.texts), rng)
                searched: dict[str, str | int] = {"user_id": rng.choice(self.users), "query": word}
                return Ask(operation, "GET", "/v1/search", searched)

    def posted(self, ask: Ask, answer: Mapping[str, Any]) -> None:
        """Note what came of a post."""
        self.tweets.append((int(answer["tweet_id"]), ask.author))


def parse_shares(text: str) -> Mapping[Operation, float]:
    """Read `home=60,post=5`; what is not named is not done. `LoadError` says what is wrong."""
    shares: dict[Operation, float] = {}
    for part in text.split(","):
        name, _, share = part.strip().partition("=")
        try:
            operation, number = Operation(name), float(share)
        except ValueError:
            raise LoadError(f"{part.strip()!r} is no share such as home=60; {_known()}") from None
        if operation in shares or not 0 <= number < float("inf"):
            raise LoadError(f"{part.strip()!r}: each at most once, with a number from 0")
        shares[operation] = number
    if not sum(shares.values()):
        raise LoadError("all shares are 0")
    return shares


def _known() -> str:
    return f"there are {', '.join(Operation)}"


def _newest(items: Sequence[Item], rng: random.Random) -> Item:
    """Draw by Zipf's law with exponent 1: the rank's logarithm is uniform, from the last item."""
    rank = int((len(items) + 1) ** rng.random())
    return items[-min(rank, len(items))]


def _word(text: str, rng: random.Random) -> str:
    """Draw a word that a search takes for one: letters alone, so no operator of the syntax."""
    words = [word for word in text.split() if word.isalpha()]
    return rng.choice(words) if words else "the"
