"""Edges of the graph (follows, blocks, mutes), and the order of changes to them."""

from collections.abc import Mapping
from contextvars import Context
from dataclasses import dataclass, field
from enum import Enum

from services.platform.ids.slices import IdSlice
from services.platform.ids.snowflake_time import time_ms

__all__ = [
    "Audience",
    "Change",
    "Commit",
    "Edge",
    "EdgeStates",
    "FollowCounts",
    "FollowerPage",
    "MutedWord",
    "PlannedChange",
    "Related",
    "Relation",
    "RelationCounts",
    "Relations",
    "Relationship",
    "Standing",
    "StoredEdge",
    "UserPage",
    "UserProfile",
]


class Relation(Enum):
    """What one user can be to another."""

    FOLLOW = "follow"
    BLOCK = "block"
    MUTE = "mute"
    REQUEST = "request"
    """To follow a protected user."""


@dataclass(frozen=True, slots=True)
class Edge:
    """That `owner_id` follows, blocks or mutes `other_id`, or asks to follow."""

    relation: Relation
    owner_id: int
    other_id: int

    @property
    def viewers(self) -> tuple[int, ...]:
        """Whose timelines look different with it. Whoever is followed or muted sees no change."""
        if self.relation is Relation.BLOCK:
            return self.owner_id, self.other_id
        return () if self.relation is Relation.REQUEST else (self.owner_id,)


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
    most_followed: int | None = None
    """Whoever begins to follow by it is to follow so many afterwards at most; None for any."""


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
    most_followed: int | None = None
    """It is not made where it leads to its follower's following more users than so many."""

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
    protected: frozenset[int] = frozenset()
    """Of the users that were asked about, those who are protected."""

    def lacks(self, edge: Edge) -> bool:
        """Whether the edge must be written to be there for sure."""
        return edge not in self.standing or edge in self.in_doubt

    def may_have(self, edge: Edge) -> bool:
        """Whether the edge must be removed to be gone for sure."""
        return edge in self.standing or edge in self.in_doubt


@dataclass(frozen=True, slots=True)
class MutedWord:
    """What a user does not want to read."""

    word: str
    """As the user wrote it, in NFKC and with single spaces."""
    created_ms: int
    """Unix milliseconds."""


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
class FollowCounts:
    """The counters of a user as stored: perhaps off, even below 0. None: never made."""

    followers: int | None = None
    following: int | None = None
    listed: bool = False
    """Whether `following` was ever set by the list: without that it lacks what was before it."""


@dataclass(frozen=True, slots=True)
class RelationCounts:
    """How many follow a user, and are followed: off by a few after a crash, until they are read."""

    user_id: int
    followers: int
    following: int | None
    """None where it was never counted, and that takes longer than there is time."""


@dataclass(frozen=True, slots=True)
class Relations:
    """Whom a user follows, and whose tweets the user is not to see, or a page of them."""

    following_ids: tuple[int, ...]
    hidden_ids: tuple[int, ...]
    muted_words: tuple[str, ...] = ()
    """All of them, of one page."""
    hides_others: bool = False
    """There are others whom the user is not to see, and does not follow; of one page."""

    def __len__(self) -> int:
        """Count all of it."""
        return len(self.following_ids) + len(self.hidden_ids) + len(self.muted_words)


@dataclass(frozen=True, slots=True)
class Related:
    """The first slices of a user's relations, and what the user has muted besides."""

    following: IdSlice
    hidden: tuple[IdSlice, ...]
    """Whom the user mutes and blocks, and who blocks the user."""
    muted_words: tuple[MutedWord, ...] = ()

    @property
    def words(self) -> tuple[str, ...]:
        """What is muted, as it was written."""
        return tuple(each.word for each in self.muted_words)

    @property
    def hides_few(self) -> bool:
        """Whether everybody was read whom the user does not see."""
        return all(each.is_whole for each in self.hidden)

    @property
    def whole(self) -> Relations | None:
        """All relations; None where there are more than were read."""
        if not (self.following.is_whole and self.hides_few):
            return None
        hidden = sorted({one for each in self.hidden for one in each.ids})
        return Relations(self.following.ids, tuple(hidden), self.words)


@dataclass(frozen=True, slots=True)
class Relationship:
    """How a user stands to another."""

    following: bool
    followed_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    requested: bool
    requested_by: bool


@dataclass(frozen=True, slots=True)
class Standing:
    """What a user sees of another, and whether the other follows, or asks to."""

    hidden: bool
    """The user mutes the other, or there is a block between them."""
    followed_by: bool
    follow_changed_ms: int
    """When the other last began or stopped to follow, in Unix milliseconds; 0 for never."""
    requested_by: bool
    request_changed_ms: int
    """When the other last began or stopped to ask, as above."""


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
    protected: bool = False


@dataclass(frozen=True, slots=True)
class UserPage:
    """A page of users by rising id; `next_after` is the id to go on from, None at the end."""

    users: tuple[UserProfile, ...]
    next_after: int | None
