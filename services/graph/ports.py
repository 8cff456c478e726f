"""What the graph service needs from the outside."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.graph.model import (
    Change,
    Commit,
    Edge,
    FollowCounts,
    MutedWord,
    Related,
    StoredEdge,
    UserProfile,
)
from services.platform.ids.slices import IdSlice

__all__ = [
    "GraphEvents",
    "GraphStore",
    "IdSource",
    "MutedWordStore",
    "Protection",
    "StaleViews",
    "UserDirectory",
    "Users",
]


class IdSource(Protocol):
    """Where op ids come from."""

    async def next_id(self) -> int:
        """Make a snowflake above all made before; `UnavailableError` if that cannot be."""
        ...


class Users(Protocol):
    """Who exists. Raises `UnavailableError`."""

    async def missing(self, user_ids: Sequence[int], /) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        ...


class UserDirectory(Users, Protocol):
    """Who exists, and who they are. Raises `UnavailableError`."""

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        """The users that the ids name, in the order given; ids that name none are left out."""
        ...


class StaleViews(Protocol):
    """What readers of timelines keep of the graph."""

    async def forget(self, viewers: Collection[int]) -> None:
        """Have the next reads of up to 1000 viewers' timelines see the graph as it is now.

        Never raises where that cannot be done at once: it is then made up for.
        """
        ...


class GraphEvents(Protocol):
    """Encodes events of topic graph-events."""

    def follow_changed(self, follower: int, followee: int, *, following: bool) -> bytes:
        """Encode the event about a changed follow."""
        ...

    def follows_added(self, follower: int, followees: Sequence[int]) -> bytes:
        """Encode that a user now follows up to 1000 more."""
        ...

    def relations_changed(self, users: Sequence[int]) -> bytes:
        """Encode that up to 1000 users see others differently."""
        ...

    def with_requests(self, event: bytes, made: Sequence[Edge], ended: Sequence[Edge]) -> bytes:
        """Add to an encoded event which requests the same change makes and ends, 1000 in all."""
        ...


class Protection(Protocol):
    """Who is protected. Raises `UnavailableError`."""

    async def protected(self, user_ids: Collection[int]) -> frozenset[int]:
        """Those of the users whose tweets are for approved followers only."""
        ...


class GraphStore(Protection, Protocol):
    """The durable edges. Every method raises `UnavailableError` when the engine cannot answer."""

    @property
    def counts_follows(self) -> bool:
        """Whether a commit changes the counts of follows too; else the caller does, after it."""
        ...

    async def standing(self, edges: Collection[Edge]) -> frozenset[Edge]:
        """Those of the edges that are there."""
        ...

    async def states(
        self, edges: Collection[Edge], deciding: Collection[Edge] = ()
    ) -> Mapping[Edge, StoredEdge]:
        """Read how `edges` are stored, and of `deciding` ones only whether they are there."""
        ...

    async def commit(self, change: Change, event: bytes) -> None:
        """Make the change durable and have its event published at least once.

        For each edge the latest `change.timestamp_ms` wins; of equal times the later call wins.
        A loss shows nowhere, so a change is dated after what was read (`states`). Idempotent.
        On an error the change may still take effect, but for `NoRoomError`: then nothing of it was
        made, as its follower would follow more than `change.most_followed`. That is settled by what
        is stored, whoever changes it at the same time. What stands already is not counted twice.
        """
        ...

    async def commit_all(self, commits: Sequence[Commit]) -> Collection[int]:
        """`commit` many changes, of different edges, at once.

        Gives the op ids of those of which nothing was made, as there is no room (`NoRoomError`).

        On an error any of them may have taken effect, or still do.
        """
        ...

    async def following(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Whom the user follows, with id > `after` (None: all); at most `limit`."""
        ...

    async def muting(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Whom the user mutes, with id > `after` (None: all); at most `limit`."""
        ...

    async def blocking(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Whom the user blocks, with id > `after` (None: all); at most `limit`."""
        ...

    async def blocked_by(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Who blocks the user, with id > `after` (None: all); at most `limit`."""
        ...

    async def related(
        self, user_ids: Sequence[int], following: int, hidden: int
    ) -> Sequence[Related]:
        """The first slices of each user's lists, and muted words.

        At most so many of whom they follow, and of each list of the hidden. In one read as a rule.
        """
        ...

    async def requesting(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Whom the user asks to follow, with id > `after`; at most `limit`."""
        ...

    async def requesters(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Who asks to follow the user, with id > `after`; at most `limit`."""
        ...

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> None:
        """Remember it. The latest `revision` holds; of equal ones the later call."""
        ...

    async def followers(self, user_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Followers with id > `after` (None: all), from at most `limit` stored edges."""
        ...

    async def neighbours(
        self, user_ids: Sequence[int], followers: int, following: int
    ) -> Sequence[tuple[IdSlice, IdSlice]]:
        """The first slices of (each user's followers, whom the user follows).

        From at most so many stored edges of each list.
        """
        ...

    async def add_to_follower_count(self, user_id: int, delta: int) -> None:
        """Change the count, where commits do not. Not idempotent."""
        ...

    async def add_to_following_count(self, user_id: int, delta: int) -> None:
        """Change the count of those whom a user follows, where commits do not. Not idempotent."""
        ...

    async def follow_counts(self, user_ids: Sequence[int]) -> dict[int, FollowCounts]:
        """Read the counts of each user, in one read."""
        ...

    async def follower_counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read counts as stored: perhaps off, even below 0; one never made is missing."""
        ...

    async def correct_follower_count(self, user_id: int, seen: int | None, exact: int) -> None:
        """Set the count to `exact` if it still is `seen` (None: never made). Atomic."""
        ...

    async def correct_following_count(self, user_id: int, seen: int | None, exact: int) -> bool:
        """Set it as `correct_follower_count` does, and that it was set by the list.

        Returns whether it still was `seen`.
        """
        ...


class MutedWordStore(Protocol):
    """Which words users have muted. Raises `UnavailableError`."""

    async def muted_words(self, user_ids: Collection[int]) -> Mapping[int, Sequence[MutedWord]]:
        """All words of each user, in the order in which they were muted; who has none is missing.

        In one read.
        """
        ...

    async def replace_muted_words(
        self, user_id: int, before: Sequence[MutedWord], after: Sequence[MutedWord]
    ) -> bool:
        """Write a user's words if they still are `before`; False, and nothing changed, else.

        Atomic.
        """
        ...

    async def forget_muted_words(self, user_id: int) -> None:
        """Remove all words of a user, whatever they are. Idempotent."""
        ...
