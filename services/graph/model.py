"""Edges of the graph (follows, blocks, mutes), and the order of changes to them."""

from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from enum import Enum

from services.platform.ids.snowflake_time import time_ms

__all__ = [
    "Audience",
    "Change",
    "Commit",
    "Edge",
    "EdgeStates",
    "FollowerPage",
    "IdSlice",
    "PlannedChange",
    "Relation",
    "RelationCounts",
    "Relations",
    "Relationship",
    "Standing",
    "StoredEdge",
    "UserPage",
    "UserProfile",
    "UserRelations",
]


class Relation(Enum):
    """What one user can be to another."""

    FOLLOW = "follow"
    BLOCK = "block"
    MUTE = "mute"


@dataclass(frozen=True, slots=True)
class Edge:
    """That `owner_id` follows, blocks or mutes `other_id`."""

    relation: Relation
    owner_id: int
    other_id: int

    @property
    def viewers(self) -> tuple[int, ...]:
        """Whose timelines look different with it. Whoever is followed or muted sees no change."""
        if self.relation is Relation.BLOCK:
            return self.owner_id, self.other_id
        return (self.owner_id,)


@dataclass(frozen=True, slots=True)
class PlannedChange:
    """A change as it is decided on: which edges come and go, and the event about it.

    `services.graph.order` dates it, which makes it a `Change`.
    """

    made: tuple[Edge, ...]
    removed: tuple[Edge, ...]
    event: bytes
    barred: tuple[Edge, ...] = ()
    """Not to come to be by a change that is under way elsewhere and was decided on before this one;
    whether they are there or not."""


@dataclass(frozen=True, slots=True)
class Change:
    """Edges that come and go at once.

    Of two changes of an edge the one with the later time wins. `services.graph.order` gives times
    after those of all changes that were seen.
    """

    op_id: int
    """Snowflake; names the change, and with it the event about it."""
    made: tuple[Edge, ...]
    removed: tuple[Edge, ...]
    barred: tuple[Edge, ...] = ()
    later_ms: Mapping[Edge, int] = field(default_factory=dict)
    """Times of edges that do not go by that of the op id, in Unix milliseconds."""

    def timestamp_ms(self, edge: Edge) -> int:
        """Unix milliseconds at which the change of this edge counts as made."""
        return self.later_ms.get(edge, time_ms(self.op_id))

    @property
    def edges(self) -> frozenset[Edge]:
        """All that it writes."""
        return frozenset((*self.made, *self.removed, *self.barred))


@dataclass(frozen=True, slots=True)
class Commit:
    """A change that is committed together with those of other requests."""

    change: Change
    event: bytes
    context: Context
    """Of its request: the event goes on in its trace."""


@dataclass(frozen=True, slots=True)
class StoredEdge:
    """How an edge is stored."""

    standing: bool
    torn: bool = False
    """Its cells disagree: a change of it is under way, or was cut off."""
    written_ms: int = 0
    """The latest time of those cells that were read, in Unix milliseconds; 0 for none."""


@dataclass(frozen=True, slots=True)
class EdgeStates:
    """The state of some edges, by what is stored and by what this process knows to be in doubt."""

    standing: frozenset[Edge]
    """There, as stored."""
    in_doubt: frozenset[Edge]
    """Their last change failed, or was cut off, and may yet take effect, whatever is stored now."""
    written_ms: Mapping[Edge, int]
    """Times of the last changes, also of those in doubt; of the edges that may be changed."""

    def lacks(self, edge: Edge) -> bool:
        """Whether the edge must be written to be there for sure."""
        return edge not in self.standing or edge in self.in_doubt

    def may_have(self, edge: Edge) -> bool:
        """Whether the edge must be removed to be gone for sure."""
        return edge in self.standing or edge in self.in_doubt


@dataclass(frozen=True, slots=True)
class IdSlice:
    """A slice of a list of users in id order, as stored."""

    ids: tuple[int, ...]
    """Increasing; shorter than the slice asked for where an edge has been removed."""
    resume_after: int | None
    """Where the next slice begins; None after the last."""


@dataclass(frozen=True, slots=True)
class FollowerPage:
    """One page of a user's followers, each list increasing."""

    close_friend_ids: tuple[int, ...]
    """Followers whom the user follows back."""
    other_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Audience:
    """Who follows a user."""

    user_id: int
    followers: int
    """How many; off by a few after a crash, until they are counted."""
    page: FollowerPage | None
    """All of them; None where there are more than were asked for."""


@dataclass(frozen=True, slots=True)
class RelationCounts:
    """How many follow a user; off by a few after a crash, until the followers are streamed."""

    user_id: int
    followers: int


@dataclass(frozen=True, slots=True)
class Relations:
    """Whom a user follows, and whose tweets the user is not to see, or a page of them."""

    following_ids: tuple[int, ...]
    hidden_ids: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class UserRelations:
    """One user's relations."""

    user_id: int
    relations: Relations | None
    """All of them; None where there are more than are read at once."""


@dataclass(frozen=True, slots=True)
class Relationship:
    """How a user stands to another."""

    following: bool
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user sees of another, and whether the other follows."""

    hidden: bool
    """The user mutes the other, or there is a block between them."""
    followed_by: bool
    follow_changed_ms: int
    """When the other last began or stopped to follow, in Unix milliseconds; 0 for never."""


@dataclass(frozen=True, slots=True)
class UserProfile:
    """What lists show of a user."""

    user_id: int
    handle: str
    display_name: str
    created_at_ms: int
    """Unix milliseconds."""
    bio: str = ""
    """Empty for none."""


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users by rising id; `next_after` is the id to go on from, None at the end."""

    users: tuple[UserProfile, ...]
    next_after: int | None
