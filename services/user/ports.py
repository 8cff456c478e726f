"""What the user service needs from the outside.

Every method raises `UnavailableError` when the engine cannot answer; a write may have been made
nevertheless.
"""

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Protocol

from services.user.model import (
    Account,
    FollowCounts,
    HandleClaim,
    ListedName,
    RequestKey,
    RequestRecord,
    User,
)

__all__ = [
    "AccountStore",
    "AnnounceChanged",
    "AnnounceGone",
    "ClaimStore",
    "Follows",
    "IdSource",
    "NameStore",
    "Protection",
    "RequestStore",
    "SeenTweets",
    "Tweets",
    "UserEvents",
    "UserStore",
]


class IdSource(Protocol):
    """Where user ids come from."""

    async def next_id(self) -> int:
        """Make a positive id, unique in the system; `UnavailableError` if that cannot be."""
        ...


class AccountStore(Protocol):
    """The durable users, one row each. An id names a user once at most: deletion is for good."""

    async def get(self, user_ids: Sequence[int]) -> dict[int, User]:
        """Read users by id; one that does not exist, or was deleted, is missing."""
        ...

    async def find(self, user_id: int) -> Account | None:
        """Read the row of a user; None if there is no such user, or it was deleted."""
        ...

    async def read_slice(
        self, after: int | None, limit: int
    ) -> tuple[Sequence[Account], int | None]:
        """Read the next of all users by rising id, behind `after` (None: all).

        From at most `limit` rows, deleted users included. Gives also the last id looked at, None
        where nothing follows.
        """
        ...

    async def was_created(self, user_id: int) -> bool:
        """Whether `add` ever took effect for this id, even if the user was deleted since."""
        ...

    async def add(self, user: User) -> bool:
        """Write a new user's row; False if the id was added or barred before. Atomic."""
        ...

    async def bar(self, user_id: int) -> bool:
        """Make sure that the id names nobody, now and for ever; False if it names a user.

        Atomic, and idempotent.
        """
        ...

    async def replace(self, before: Account, after: Account) -> bool:
        """Write `after` if the row still is `before`; it never brings back a deleted user.

        Atomic.
        """
        ...

    async def delete(self, user_id: int, at_ms: int, event: bytes) -> None:
        """Delete for good, forget the body, and publish `event` at least once. Idempotent."""
        ...


class ClaimStore(Protocol):
    """Who claims which handle."""

    async def get_claim(self, canonical_handle: str) -> HandleClaim | None:
        """Read the claim of a handle, None if nobody claims it."""
        ...

    async def get_claims(self, canonical_handles: Sequence[str]) -> dict[str, HandleClaim]:
        """Read the claims of many handles; of a handle that nobody claims there is none."""
        ...

    async def replace_claim(
        self, canonical_handle: str, expected: HandleClaim | None, claim: HandleClaim | None
    ) -> bool:
        """Make `claim` the handle's claim if it now is `expected` (None: there is none).

        Atomic, and durable once it returns True.
        """
        ...


class NameStore(Protocol):
    """The list of names, which is no truth: an entry may be of nobody any more.

    Each entry has a mark: what is listed again has another.
    """

    async def put_names(self, user_id: int, names: Collection[str], mark: str) -> None:
        """List names of a user, durably; over what is listed. Idempotent."""
        ...

    async def marks(self, user_id: int, names: Collection[str]) -> Mapping[str, str]:
        """Read the marks of those of the names that are listed of a user."""
        ...

    async def remove_marked(self, user_id: int, marks: Mapping[str, str]) -> None:
        """Take out names of a user that still have these marks. Each atomic."""
        ...

    async def remove_names(self, user_id: int, names: Collection[str]) -> None:
        """Take out names of a user. Idempotent."""
        ...

    async def names_from(
        self, prefix: str, after: bytes | None, limit: int
    ) -> Sequence[ListedName]:
        """Read at most `limit` entries that begin so, behind `after` (None: all).

        In the order of their letters, by UTF-8.
        """
        ...


class RequestStore(Protocol):
    """What request ids stand for. A record may be forgotten a day after it was written."""

    async def find_request(self, key: RequestKey) -> RequestRecord | None:
        """Read a record; None if the id is unbound."""
        ...

    async def bind_request(self, key: RequestKey, record: RequestRecord) -> RequestRecord:
        """Write `record` unless the id is bound; returns the record that holds. Atomic."""
        ...

    async def answer_request(self, key: RequestKey, record: RequestRecord) -> None:
        """Write `record` over the same one without an answer; nothing happens if there is none.

        Atomic, and idempotent.
        """
        ...


class UserStore(AccountStore, ClaimStore, RequestStore, Protocol):
    """All that the user service keeps."""


AnnounceGone = Callable[[int], Awaitable[None]]
"""Tells all processes that keep who exists that a user is gone. Raises `UnavailableError`; they
then believe in the user for a minute at most."""

AnnounceChanged = Callable[[int], Awaitable[None]]
"""Tells all processes that keep who users are that one has changed. Raises `UnavailableError`; they
then show the user as before for a minute at most."""


class Follows(Protocol):
    """How many follow users, and are followed by them. Raises `UnavailableError`."""

    async def counts(self, user_ids: Sequence[int]) -> Mapping[int, FollowCounts]:
        """The numbers of each of these users."""
        ...


class Tweets(Protocol):
    """How many tweets users have. Raises `UnavailableError`."""

    async def counts(self, user_ids: Sequence[int]) -> Mapping[int, int]:
        """The number of each of these users; those who are not counted yet are left out."""
        ...


class SeenTweets(Protocol):
    """Which tweets are there for whom. Raises `UnavailableError`."""

    async def authors(self, reader: int, tweet_ids: Sequence[int]) -> Mapping[int, int]:
        """Who wrote each of 1 to 1000 tweets; without those that are not there for the reader.

        0 is nobody in particular. A retweet is no tweet.
        """
        ...


class Protection(Protocol):
    """Where it is kept who may read a user's tweets. Raises `UnavailableError`."""

    async def protect(self, user_id: int, revision: int, *, protected: bool) -> None:
        """Have a user be protected, or no longer, as of a revision of the account. Idempotent.

        The latest revision holds. On return it does, and whoever asked to follow a user who is
        protected no more follows.
        """
        ...


class UserEvents(Protocol):
    """Encodes what is published on topic user-events."""

    def deleted(self, user_id: int, at_ms: int) -> bytes:
        """Encode that an account was deleted, at a time in Unix milliseconds."""
        ...
