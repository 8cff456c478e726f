"""What the graph service needs from the outside."""

from collections.abc import Sequence
from typing import Protocol

from services.graph.model import EdgeChange, FollowerSlice

__all__ = ["FollowEvents", "GraphStore", "IdSource", "UserDirectory"]


class IdSource(Protocol):
    """Where op ids come from."""

    async def next_id(self) -> int:
        """Make a snowflake above all made before; `UnavailableError` if that cannot be."""
        ...


class UserDirectory(Protocol):
    """Who exists."""

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given; may raise `UnavailableError`."""
        ...


class FollowEvents(Protocol):
    """Encodes the event about a changed edge."""

    def encode(self, follower: int, followee: int, following: bool) -> bytes:  # noqa: FBT001
        """Encode one event of topic graph-events."""
        ...


class GraphStore(Protocol):
    """The durable edges. Every method raises `UnavailableError` when the engine cannot answer."""

    async def is_following(self, follower_id: int, followee_id: int) -> bool:
        """Whether the edge is there."""
        ...

    async def commit(self, change: EdgeChange, event: bytes) -> None:
        """Make the change durable and have its event published at least once.

        Last writer wins by `change.timestamp_ms`; of equal times the later call wins. Idempotent.
        On an error the change may still take effect.
        """
        ...

    async def following(self, user_id: int) -> list[int]:
        """Everybody the user follows, increasing."""
        ...

    async def followers(self, user_id: int, *, after: int | None, limit: int) -> FollowerSlice:
        """Followers with id > `after` (None: all), from at most `limit` stored edges."""
        ...

    async def add_to_follower_count(self, user_id: int, delta: int) -> None:
        """Change the count. Not idempotent."""
        ...

    async def follower_counts(self, user_ids: Sequence[int]) -> dict[int, int]:
        """Read counts as stored: perhaps off, even below 0; one never made is missing."""
        ...

    async def correct_follower_count(self, user_id: int, seen: int | None, exact: int) -> None:
        """Set the count to `exact` if it still is `seen` (None: never made). Atomic."""
        ...
