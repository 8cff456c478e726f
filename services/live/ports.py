"""What the live service needs of its siblings and of the cache."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.live.model import Counts, Newer

__all__ = ["Audience", "Figures", "Homes", "Reading", "Seats", "Tweets", "Watched"]


@dataclass(frozen=True, slots=True)
class Reading:
    """For whom a home timeline is read, and how."""

    viewer: int
    expansions: str
    withheld: int
    """Bits of what the viewer did that is not shown, see `withheld_from`."""


class Homes(Protocol):
    """Home timelines, as their readers get them."""

    async def newer(self, reading: Reading, since: int, limit: int) -> Newer:
        """Read the newest `limit` entries above `since`.

        Raises `NotFoundError` for nobody's timeline, `InvalidArgumentError` for bad expansions, and
        `UnavailableError`.
        """
        ...


class Tweets(Protocol):
    """Which tweets there are."""

    async def gone(self, tweet_ids: Sequence[int]) -> Collection[int]:
        """Those of the tweets that are no more; raises `UnavailableError`."""
        ...


class Figures(Protocol):
    """The counts of tweets."""

    async def counts(self, tweet_ids: Sequence[int]) -> Mapping[int, Counts]:
        """Count for tweets; raises `UnavailableError`."""
        ...


class Audience(Protocol):
    """Who follows whom."""

    async def followers_among(self, author: int, viewers: Sequence[int]) -> Collection[int]:
        """Those of the viewers who follow the author; raises `UnavailableError`."""
        ...


class Seats(Protocol):
    """How many streams a user has, over all processes.

    A seat that is not kept for some time is free again, so that a process that dies leaves none.
    """

    async def take(self, viewer: int, stream: bytes) -> bool:
        """Take one for a stream; false where the viewer has all that a user may have.

        Raises `UnavailableError`.
        """
        ...

    async def keep(self, streams: Mapping[bytes, int]) -> None:
        """Keep those of these streams, each with its viewer; raises `UnavailableError`."""
        ...

    async def leave(self, viewer: int, stream: bytes) -> None:
        """Give one back; raises `UnavailableError`."""
        ...


class Watched(Protocol):
    """Whose home timelines are streamed, as those know who push into them."""

    async def watch(self, viewers: Collection[int]) -> None:
        """Be told of pushes to these, for some time from now on; raises `UnavailableError`."""
        ...
