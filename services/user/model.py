"""Users, the claims that keep their handles unique, and the requests that changed them."""

from dataclasses import dataclass

__all__ = [
    "Account",
    "Counts",
    "FollowCounts",
    "FormerHandle",
    "HandleClaim",
    "ListedName",
    "RequestKey",
    "RequestMark",
    "RequestRecord",
    "User",
]


@dataclass(frozen=True, slots=True)
class User:
    """A person or organisation that tweets, follows and reads."""

    user_id: int
    handle: str
    """As its owner writes it; unique without case."""
    display_name: str
    created_at_ms: int
    """Unix milliseconds."""
    bio: str = ""
    """What the user says of itself; empty for nothing."""
    protected: bool = False
    """Whether the user's tweets are for approved followers only."""
    pinned_tweet_id: int = 0
    """The tweet pinned to the profile, 0 for none; it may be gone since."""


@dataclass(frozen=True, slots=True)
class FollowCounts:
    """How many follow a user, and are followed by it; None for what is not known."""

    followers: int | None = None
    following: int | None = None


@dataclass(frozen=True, slots=True)
class Counts:
    """What is counted of a user; None for what is not known."""

    follows: FollowCounts
    tweets: int | None


@dataclass(frozen=True, slots=True)
class FormerHandle:
    """A handle that a user gave up, and alone may take again for a time."""

    canonical: str
    held_until_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class RequestMark:
    """Which request made a change."""

    request_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Account:
    """A user's row, as its compare-and-set compares it."""

    user: User
    revision: int = 0
    """Rises with each write, so that a row never returns to what it was."""
    changed_by: RequestMark | None = None
    """The request of the last change; None if that had no `request_id`."""
    former: tuple[FormerHandle, ...] = ()
    """Handles given up, oldest first; those whose time is over may still be there."""

    def holds(self, canonical_handle: str, now_ms: int) -> bool:
        """Whether nobody else may have a handle that the user gave up."""
        return any(
            each.canonical == canonical_handle and now_ms < each.held_until_ms
            for each in self.former
        )


@dataclass(frozen=True, slots=True)
class HandleClaim:
    """Who may use a handle.

    A claim holds as long as the user's row has the handle, or holds it as a former one. It is made
    before that row is written, so a young one holds too, and an old one may pass to another user
    once the first one's row was written anew: whatever was still to be written on the strength of
    the claim then fails.
    """

    user_id: int
    claimed_at_ms: int
    """Unix milliseconds."""


@dataclass(frozen=True, slots=True)
class RequestKey:
    """What a `request_id` is unique within."""

    scope: int | str
    """The user changed; for a creation, which has no user yet, the canonical handle."""
    request_id: str


@dataclass(frozen=True, slots=True)
class RequestRecord:
    """What a `request_id` stands for."""

    fingerprint: str
    """A digest of the content: only a request with the same one is a repeat."""
    answer: User | None = None
    """What a repeat is answered; None while that is not known, and for a deletion."""


@dataclass(frozen=True, slots=True)
class ListedName:
    """An entry of the list of names."""

    key: bytes
    """Its place in the list."""
    name: str
    """As it is searched, see `names`."""
    user_id: int
