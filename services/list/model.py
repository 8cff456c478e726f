"""Lists of users, and pages of what is read of them."""

from dataclasses import dataclass
from typing import Final

from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.visibility.encoded import EncodedTweet

__all__ = [
    "MAX_LISTS",
    "MAX_MEMBERS",
    "ListPage",
    "MemberPage",
    "RequestClaim",
    "TweetPage",
    "UserList",
]

MAX_MEMBERS: Final = 500
"""Members of a list: their newest tweets are merged when it is read, by one call for all. They are
in one cell of 10 kB, which a change writes anew."""
MAX_LISTS: Final = 1_000
"""Lists of a user, whose ids are in one cell of 20 kB."""


@dataclass(frozen=True, slots=True)
class UserList:
    """A list of users."""

    list_id: int
    owner_id: int
    name: str
    description: str
    """Empty for none."""
    private: bool
    created_at_ms: int
    """Unix milliseconds."""
    members: tuple[int, ...] = ()
    """Increasing."""


@dataclass(frozen=True, slots=True)
class RequestClaim:
    """What a `request_id` stands for: the list it makes, and of which content."""

    list_id: int
    fingerprint: str
    """A digest of the content: only a request with the same one is a repeat."""


@dataclass(frozen=True, slots=True)
class ListPage:
    """A page of lists, newest first; `next_before` is the id to go on from, None at the end."""

    lists: tuple[UserList, ...]
    next_before: int | None
    previous_after: int
    """Newer ones are those above this id."""


@dataclass(frozen=True, slots=True)
class MemberPage:
    """A page of users by rising id; `next_after` is the id to go on from, None at the end."""

    users: tuple[bytes, ...]
    """Each an encoded `aviary.user.v1.User`."""
    next_after: int | None


@dataclass(frozen=True, slots=True)
class TweetPage:
    """A page of tweets, newest first; `next_before` is the id to go on from, None at the end."""

    tweets: tuple[EncodedTweet, ...]
    next_before: int | None
    previous_after: int
    """Newer ones are those above this id."""
    words: MutedWords = NOTHING_MUTED
    """What the reader has muted."""
