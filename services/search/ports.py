"""What search needs from the outside."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from services.platform.visibility.encoded import EncodedTweet
from services.search.model import Bounds, Change, Found, IndexReport, IndexState, Query, TweetText

__all__ = [
    "Changes",
    "EncodedTweets",
    "Handles",
    "Hidden",
    "IndexStates",
    "IndexedTweets",
    "Lag",
    "Progress",
    "Readers",
    "Reports",
    "SearchIndex",
    "SharedIndex",
    "Versions",
    "WriterLease",
]


class SearchIndex(Protocol):
    """An index of tweets, which one process writes at a time. Raises `UnavailableError`.

    Of tweets that say nearly the same, a search gives the first in its order, of those that fit.
    """

    async def apply(
        self, puts: Sequence[TweetText], deletes: Collection[int], generation: int
    ) -> None:
        """Put tweets in, in place of what there was by their ids, and take others out.

        On return all of it is durable and is found. On an error any part of it may be: a repeat
        puts that right. Idempotent.
        """
        ...

    async def drop_before(self, generation: int) -> None:
        """Take out, durably, whatever was put in with an earlier generation. Idempotent."""
        ...

    async def newest(self, query: Query, before: int | None, limit: int) -> Found:
        """Find at most `limit` tweets with ids below `before` (None: all), the newest first."""
        ...

    async def relevant(self, query: Query, now_ms: int) -> Sequence[int]:
        """Rank the tweets that fit best, as of a time in Unix milliseconds: at most 1000."""
        ...

    async def hashtags(self, language: str, bounds: Bounds, limit: int) -> Mapping[str, int]:
        """Count who used each hashtag, in a language (empty: in any); about right for many.

        Of the `limit` hashtags that most authors used.
        """
        ...

    async def count(self) -> int:
        """Count the tweets in the index."""
        ...


class SharedIndex(SearchIndex, Protocol):
    """An index that all replicas search. One of them keeps it, under a `WriterLease`."""

    async def open(self) -> bool:
        """Make it where it is missing; gives whether it is empty. For who keeps it."""
        ...


class WriterLease(Protocol):
    """Says which of all processes keeps a shared index. Raises `UnavailableError`."""

    async def hold(self) -> bool:
        """Renew the lease when that is due, or take it where nobody has it.

        Gives whether it is this process's. Two processes may both have been told so, for as long as
        one of them stands still: hence `Versions`.
        """
        ...

    async def release(self) -> None:
        """Let another process take it at once, where it is this process's.

        Where that cannot be said, it is kept until another has waited for long enough.
        """
        ...


class Versions(Protocol):
    """Numbers the writes of a shared index: the fencing tokens of its lease."""

    async def next(self) -> int:
        """Give a number above those of all writes before, of this process and of holders before it.

        Positive, of 63 bits. Raises `UnavailableError` where another process has the lease.
        """
        ...


class IndexedTweets(Protocol):
    """Where the tweets come from that are indexed. Raises `UnavailableError`."""

    async def read(self, tweet_ids: Sequence[int]) -> Sequence[TweetText]:
        """Read tweets, in any order; those that are unknown or deleted are left out."""
        ...

    async def read_all(self, after: int, limit: int) -> tuple[Sequence[TweetText], int | None, int]:
        """Read the next of all tweets behind `after` (0: the first), some `limit` of them.

        Gives (tweets, where to go on or None at the end, about the percent read of all so far).
        """
        ...


class EncodedTweets(Protocol):
    """Tweets as they are answered with. Raises `UnavailableError`."""

    async def lookup(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
        """Read encoded tweets by id; those that are unknown or deleted are left out."""
        ...


class Handles(Protocol):
    """Who has which handle. Raises `UnavailableError`."""

    async def user_of(self, handle: str) -> int | None:
        """Look up a handle, in any case; None where nobody has it."""
        ...


class Hidden(Protocol):
    """Whom a reader does not see. Raises `UnavailableError`."""

    async def from_reader(self, user_id: int) -> frozenset[int]:
        """Read whom the reader mutes, or shares a block with; perhaps as of some moments ago.

        Or some of them, or nobody: of the authors of what was found it is asked by name.
        """
        ...


class Readers(Protocol):
    """Who exists. Raises `UnavailableError`."""

    async def missing(self, user_ids: Sequence[int], /) -> list[int]:
        """Those of the ids that name no user."""
        ...


class Changes(Protocol):
    """The list of changes, which all replicas write and read. Raises `UnavailableError`."""

    async def append(self, tweet_ids: Sequence[int]) -> None:
        """Say that tweets were made or deleted; durable on return. Repeats do no harm."""
        ...

    async def request_rebuild(self) -> None:
        """Have every replica build its index anew; durable on return."""
        ...

    async def since(self, at_ms: int, limit: int) -> Sequence[Change]:
        """Read at most `limit` entries dated from `at_ms` on, in order of their keys."""
        ...

    async def behind(self, key: bytes, limit: int) -> Sequence[Change]:
        """Read at most `limit` entries with keys behind this one."""
        ...


class IndexStates(Protocol):
    """Where it is remembered how far an index is. Raises `UnavailableError`."""

    async def load(self) -> IndexState | None:
        """Read it; None where there is none, or none that can be read."""
        ...

    async def save(self, state: IndexState) -> None:
        """Write it, whole; durable on return."""
        ...


class Lag(Protocol):
    """What becomes known of how late tweets are found."""

    def found(self, tweet_ids: Iterable[int], /) -> None:
        """Tweets are found from now on."""
        ...


class Progress(Protocol):
    """What becomes known of how far an index is."""

    def rebuilt(self, percent: int, /) -> None:
        """So much of a rebuild is done; 100 where none is under way."""
        ...


class Reports(Protocol):
    """What replicas say of their indexes. Raises `UnavailableError`."""

    async def report(self, report: IndexReport) -> None:
        """Write a replica's report over its last one."""
        ...

    async def read(self) -> Sequence[IndexReport]:
        """Read the last report of each replica, by name."""
        ...
