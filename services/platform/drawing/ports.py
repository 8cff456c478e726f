"""Where what is added to tweets comes from. Every method raises `UnavailableError`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.platform.drawing.pieces import TweetPieces

__all__ = [
    "Counts",
    "Done",
    "DrawnTweet",
    "EngagedTweets",
    "Mentioned",
    "Newest",
    "ReferencedTweet",
    "ReferencedTweets",
    "UserPiece",
    "Users",
]

Done = Mapping[int, int]
"""By tweet what somebody did with it, as the bits of `pieces`; of nothing it has nothing."""


class DrawnTweet(Protocol):
    """A tweet of an answer, as its service gives it: an encoded `aviary.tweet.v1.Tweet`."""

    @property
    def tweet_id(self) -> int:
        """Its id."""
        ...

    @property
    def author_id(self) -> int:
        """Its author's."""
        ...

    @property
    def body(self) -> bytes:
        """All of it, encoded."""
        ...


@dataclass(frozen=True, slots=True)
class ReferencedTweet:
    """A tweet that another answers or quotes; a `DrawnTweet`."""

    tweet_id: int
    author_id: int
    body: bytes


@dataclass(frozen=True, slots=True)
class UserPiece:
    """A user in both encodings; both are empty for an id that names nobody."""

    encoded: bytes = b""
    json: bytes = b""


@dataclass(frozen=True, slots=True)
class Newest:
    """What somebody did with tweets of id `floor` and greater ones: all of it."""

    done: Done
    floor: int


class Counts(Protocol):
    """How often what was done with tweets."""

    async def counts(self, tweet_ids: Sequence[int], /) -> Mapping[int, TweetPieces]:
        """The counts of all of these tweets."""
        ...


class EngagedTweets(Protocol):
    """Who did what with tweets, as of now."""

    async def engaged(self, user_id: int, tweet_ids: Sequence[int], /) -> Done:
        """What the user did with these tweets."""
        ...

    async def newest(self, user_id: int, /) -> Newest:
        """What the user did with the newest tweets."""
        ...


class Users(Protocol):
    """Who users are."""

    async def users(self, user_ids: Sequence[int], /) -> Mapping[int, UserPiece]:
        """All of these, also those whose id names nobody."""
        ...


class Mentioned(Protocol):
    """Who is meant by handles."""

    async def mentioned(self, handles: Sequence[str], /) -> Mapping[int, UserPiece]:
        """The users who have up to 1000 handles, in their order; what nobody has is left out."""
        ...


class ReferencedTweets(Protocol):
    """Tweets that others are about."""

    async def referenced(self, tweet_ids: Sequence[int], /) -> Mapping[int, DrawnTweet]:
        """Those of the tweets that there are."""
        ...
