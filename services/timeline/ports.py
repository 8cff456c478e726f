"""What the timeline service needs from outside."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol

from services.platform.visibility.rule import Sight
from services.timeline.model import EncodedTweet, HotHome, IdRun, ViewerRelations, ViewerState

__all__ = [
    "AuthorLists",
    "Celebrities",
    "HomeTimelines",
    "HotTimelines",
    "Owners",
    "Protection",
    "Relations",
    "SharedTweets",
    "TweetSource",
    "Tweets",
    "Users",
]


class HotTimelines(Protocol):
    """Recent ids in memory. Raises `UnavailableError`; callers then use the source instead."""

    async def home(
        self, viewer: int, before: int | None, count: int, *, warm: bool = False
    ) -> HotHome:
        """The viewer's relations and the ids below `before`, in one look.

        With `warm` a list that is absent begins to collect pushes, for the caller to fill.

        There are fewer than `count` ids where the list ends; `ended` is true only when it is
        known to reach the oldest tweet. The relations are as `Relations.fetch` gave them after
        the last change that invalidated them.
        """
        ...

    async def keep_relations(self, viewer: int, nonce: bytes, relations: ViewerRelations) -> None:
        """Keep what was fetched since `home` gave this nonce.

        Nothing happens if a change invalidated it meanwhile, or if the cache is gone.
        """
        ...

    async def authors(
        self,
        authors: Sequence[int],
        before: int | None,
        count: int,
        since_s: float | None = None,
    ) -> list[IdRun | None]:
        """The ids of each author, as `home` has them of a viewer; None where there is no list.

        With `since_s`, of `time.monotonic()`, there may be more than `count`, and they may be
        copies in this process: right as of that moment or a later one. Without it none are.
        """
        ...

    async def finish_warm_home(self, viewer: int, token: bytes, run: IdRun) -> None:
        """Put in what was read since `home` gave the token; nothing if the list was dropped."""
        ...

    async def begin_warm_author(self, author: int, token: bytes) -> bool:
        """Start collecting pushes; false when somebody else is warming or the list exists."""
        ...

    async def finish_warm_author(self, author: int, token: bytes, run: IdRun) -> None:
        """Put in what was read since; nothing happens if the list was dropped meanwhile."""
        ...

    async def forget_home(self, viewer: int) -> None:
        """Forget the viewer's relations and list, and any fetch or warming of them under way."""
        ...


class HomeTimelines(Protocol):
    """Persistent home timelines of active viewers. Raises `UnavailableError`."""

    async def read(self, viewer: int, before: int | None, floor: int, count: int) -> list[int]:
        """Newest ids below `before` and not below `floor`; fewer than `count` means all."""
        ...

    async def read_with_state(
        self, viewer: int, before: int | None, count: int
    ) -> tuple[ViewerState | None, list[int]]:
        """(What is known of the viewer, the newest ids below `before`); fewer than `count` are all.

        The ids are of the moment of the state or of a later one: a build that ends in between is
        not taken for one that the ids show. They are not cut at the floor.
        """
        ...

    async def add(self, viewer: int, tweet_ids: Sequence[int]) -> None:
        """Add ids; those there already change nothing."""
        ...

    async def push(self, tweets: Mapping[int, Sequence[int]]) -> None:
        """`add` ids to the timelines of many viewers, each its own."""
        ...

    async def state(self, viewer: int) -> ViewerState | None:
        """What is known of the viewer; None if they never read."""
        ...

    async def states(self, viewers: Sequence[int]) -> dict[int, ViewerState]:
        """What is known of many viewers, without those who never read."""
        ...

    async def begin_build(self, viewer: int, now_ms: int) -> None:
        """Mark active, so that from now on every push is stored, and not yet built."""
        ...

    async def finish_build(self, viewer: int, floor: int) -> None:
        """Mark built, complete from `floor`."""
        ...

    async def raise_floors(self, floors: Mapping[int, int]) -> None:
        """Give up completeness of viewers' timelines below floors; lower ones change nothing."""
        ...

    async def touch(self, viewer: int, now_ms: int) -> None:
        """Record that the viewer read now."""
        ...


class Tweets(Protocol):
    """Tweet bodies. Raises `UnavailableError`."""

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """Encoded tweets by id; deleted and unknown ones are missing or marked deleted."""
        ...


class SharedTweets(Protocol):
    """A cache of tweets that all processes share. Raises `UnavailableError`."""

    async def get_many(self, tweet_ids: Sequence[int]) -> dict[int, EncodedTweet]:
        """The cached ones, tombstones included."""
        ...

    async def put_many(self, tweets: Iterable[EncodedTweet]) -> None:
        """Cache those that are absent; a tombstone is never overwritten."""
        ...

    async def put_missing(self, tombstones: Iterable[EncodedTweet]) -> None:
        """Cache for an hour that these are not there; where something is cached, nothing changes.

        An id is in a list after its tweet is durable: one that is not found was deleted.
        """
        ...


class TweetSource(Protocol):
    """The tweets and retweets themselves. Raises `UnavailableError`."""

    async def lookup(self, tweet_ids: Sequence[int]) -> tuple[list[EncodedTweet], list[int]]:
        """(tweets and retweets, ids that are unknown or deleted); any number of ids."""
        ...


class AuthorLists(Protocol):
    """Each author's tweets and retweets, as the tweet service has them.

    Raises `UnavailableError`.
    """

    async def list_by_authors(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        """Newest ids of each author below `before`; fewer than `limit` means all.

        Any number of authors; each of them has an entry.
        """
        ...


class Relations(Protocol):
    """Whom viewers follow and do not see. Raises `UnavailableError`."""

    async def fetch(self, viewer: int) -> ViewerRelations:
        """As the graph has it now, past every cache."""
        ...


class Users(Protocol):
    """Who exists. Raises `UnavailableError`."""

    async def missing(self, ids: Sequence[int], /) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        ...


class Owners(Protocol):
    """Whose timelines can be read."""

    async def check(self, user_id: int) -> None:
        """Raise `NotFoundError` (`USER_NOT_FOUND`) if the id is known to name no user."""
        ...


class Protection(Protocol):
    """Which authors show their tweets to approved followers alone, and to whom none at all."""

    def kept(self, authors: Sequence[int]) -> Sequence[bool] | None:
        """Say it of each, where all of it is at hand."""
        ...

    async def ask(self, authors: Sequence[int]) -> Sequence[bool] | None:
        """Say it of each; None where nobody says it in time."""
        ...

    async def ask_by_name(self, reader: int, authors: Sequence[int]) -> Mapping[int, Sight] | None:
        """How a reader stands to each, as of now; None where nobody says it in time."""
        ...


class Celebrities(Protocol):
    """Authors who have ever had a tweet that was not pushed."""

    async def among(self, authors: frozenset[int]) -> list[int]:
        """Those of `authors` whose tweets must be merged at read."""
        ...
