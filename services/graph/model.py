"""Edges of the follow graph, and the order of changes to them."""

from dataclasses import dataclass

from services.snowflake_time import time_ms

__all__ = ["EdgeChange", "FollowerPage", "FollowerSlice", "RelationCounts", "op_timestamp_ms"]


@dataclass(frozen=True, slots=True)
class EdgeChange:
    """One follow or unfollow; of two changes of an edge the one with the later time wins."""

    op_id: int
    """Snowflake; names the change, and with it the event about it."""
    follower_id: int
    followee_id: int
    following: bool

    @property
    def timestamp_ms(self) -> int:
        """Unix milliseconds at which the change counts as made."""
        return op_timestamp_ms(self.op_id)


@dataclass(frozen=True, slots=True)
class FollowerSlice:
    """Part of a user's followers in id order, as stored."""

    follower_ids: tuple[int, ...]
    """Increasing; shorter than the slice asked for where somebody has stopped following."""
    resume_after: int | None
    """Where the next slice begins; None after the last."""


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """One page of a user's followers, each list increasing."""

    close_friend_ids: tuple[int, ...]
    """Followers whom the user follows back."""
    other_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class RelationCounts:
    """How many follow a user; off by a few after a crash, until the followers are streamed."""

    user_id: int
    followers: int


def op_timestamp_ms(op_id: int) -> int:
    """Read the Unix milliseconds out of a snowflake."""
    return time_ms(op_id)
