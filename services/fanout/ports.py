"""What fanout needs from outside."""

from collections.abc import AsyncGenerator, Collection, Mapping, Sequence
from typing import Protocol

from services.fanout.model import Audience, Priority

__all__ = [
    "Celebrities",
    "Deliveries",
    "FollowBackfill",
    "Followers",
    "Jobs",
    "Lag",
    "Threshold",
    "ThresholdStore",
    "TimelinePushes",
    "Tweets",
]


class Followers(Protocol):
    """The graph. Raises `UnavailableError`."""

    async def audiences(self, authors: Sequence[int]) -> Sequence[Audience]:
        """Read who follows the first of these authors, in order: one at least, or more.

        Up to 1000 authors. Ask again for those who are not among the answers.
        """
        ...

    def pages(
        self, author: int, after: int | None
    ) -> AsyncGenerator[tuple[list[int], list[int]], None]:
        """Followers with id > `after` (None: all) in pages of up to 1000, by rising id.

        A page, (close friends, the rest), is never empty; every id is above those of the pages
        before it.
        """
        ...


class Deliveries(Protocol):
    """The memory of the tweet's row."""

    async def decide(self, tweet_id: int, *, push: bool) -> bool:
        """Remember push or pull; returns the first decision ever made for this tweet.

        Raises `NotFoundError` when the tweet is not there.
        """
        ...


class Tweets(Protocol):
    """Which tweets there are. Raises `UnavailableError`."""

    async def living(self, tweet_ids: Sequence[int]) -> Sequence[int]:
        """Those of the tweets that are there, and not deleted. None gives none."""
        ...


class Celebrities(Protocol):
    """Authors whose tweets are merged at read."""

    async def add(self, author: int) -> None:
        """Remember, durably; twice changes nothing."""
        ...


class Threshold(Protocol):
    """Where push ends and pull begins; it may move at any time."""

    def followers(self) -> int:
        """Followers up to which an author's tweets are pushed, as of now; positive.

        Raises `UnavailableError` while that cannot be said yet.
        """
        ...


class Jobs(Protocol):
    """The queue of pages, by priority."""

    async def enqueue(self, priority: Priority, pages: Sequence[tuple[int, Sequence[int]]]) -> None:
        """Queue a job for each page (a tweet, 1 to 1000 followers). Durable on return."""
        ...

    async def enqueue_continuations(self, tweets: Sequence[tuple[int, int, int]]) -> None:
        """Queue the planning of tweets: (author, tweet, only followers with id > this or 0).

        Durable on return.
        """
        ...


class Lag(Protocol):
    """What becomes known of how late tweets are."""

    def planned(self, tweet_id: int, *, pushed: bool) -> None:
        """A tweet is pushed to followers from now on, or is not to be pushed."""
        ...

    def pushed(self, tweet_id: int) -> None:
        """A page of followers can see it."""
        ...


class TimelinePushes(Protocol):
    """The timeline store, written in bulk; every method may be repeated."""

    async def push_homes(self, viewers: Mapping[int, Sequence[int]]) -> None:
        """Add tweets, each with its viewers, to timelines: rows of the active, then hot lists."""
        ...

    async def push_authors(self, authors: Mapping[int, int]) -> None:
        """Add tweets, each with its author, to the authors' own lists that are hot."""
        ...

    async def left_to_readers(self, authors: Mapping[int, int]) -> None:
        """Say that tweets, each with its author, are pushed to nobody; never raises."""
        ...

    async def forget_tweet(self, author: int, tweet_id: int) -> None:
        """Put a tombstone where the body was cached, and drop the id from the author's list."""
        ...

    async def relations_changed(self, viewers: Sequence[int]) -> None:
        """Forget whom up to 1000 viewers are thought to follow and hide."""
        ...

    async def drop_homes(self, viewers: Collection[int]) -> None:
        """Drop the hot lists of viewers; the next reads fill them anew."""
        ...


class FollowBackfill(Protocol):
    """Filling timelines after follows."""

    async def follow(self, follows: Mapping[int, Sequence[int]]) -> Collection[int]:
        """Store the authors' tweets, one author at least, in the timeline of each viewer.

        Returns the viewers who have one to fill.
        """
        ...


class ThresholdStore(Protocol):
    """The threshold that operators have set, for all processes. Raises `UnavailableError`.

    A write is durable on return, and the next load of any process sees it. The last writer wins.
    """

    async def load(self) -> int | None:
        """Read it: followers, positive; None leaves it to each process's setting."""
        ...

    async def set_threshold(self, followers: int | None) -> None:
        """Set or, with None, forget the threshold."""
        ...
