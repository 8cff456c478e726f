"""What the list service needs from the outside. All of it raises `UnavailableError`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.list.model import RequestClaim, UserList
from services.platform.visibility.encoded import EncodedTweet

__all__ = ["IdSource", "ListStore", "Tweets", "UserDirectory", "Users"]


class IdSource(Protocol):
    """Where list ids come from."""

    async def next_id(self) -> int:
        """Make a snowflake, unique in the system; `UnavailableError` if that cannot be."""
        ...


class Users(Protocol):
    """Who exists, as of now."""

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        ...


class UserDirectory(Users, Protocol):
    """Who exists, and who they are."""

    async def encoded(self, user_ids: Sequence[int]) -> Mapping[int, bytes]:
        """Encoded `aviary.user.v1.User`s by id; ids that name none are missing."""
        ...


class Tweets(Protocol):
    """What authors have posted."""

    async def newest(
        self, authors: Sequence[int], before: int | None, limit: int
    ) -> Sequence[Sequence[int]]:
        """The newest ids of each author below `before` (None: all), at most `limit` of each."""
        ...

    async def encoded(self, tweet_ids: Sequence[int]) -> Sequence[EncodedTweet]:
        """The tweets, in the order given, without those that are missing or deleted."""
        ...


class ListStore(Protocol):
    """The durable lists, each a cell, so that every change of one is atomic."""

    async def get(self, list_ids: Sequence[int]) -> Mapping[int, UserList]:
        """Read lists by id; one that does not exist, or was deleted, is missing."""
        ...

    async def add(self, made: UserList) -> bool:
        """Write a list whose id names none and never has; whether it was written. Atomic."""
        ...

    async def replace(self, before: UserList, after: UserList | None) -> bool:
        """Write `after` if the list still is `before`; None deletes it for good. Atomic."""
        ...

    async def bury(self, list_id: int) -> bool:
        """Have an id that names no list never name one; False where it names one. Atomic."""
        ...

    async def owned(self, owner_id: int) -> Sequence[int]:
        """The ids of the owner's lists, increasing; perhaps with some that were deleted."""
        ...

    async def change_owned(
        self, owner_id: int, before: Sequence[int], after: Sequence[int]
    ) -> bool:
        """Write which lists the owner has, if they still are `before`. Atomic."""
        ...

    async def claim(self, owner_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Bind a request id unless it is bound; gives the claim that holds. Atomic."""
        ...

    async def note_member(self, member_id: int, list_id: int) -> None:
        """Remember that somebody may be in a list, for the erasure of that account."""
        ...

    async def lists_with(self, member_id: int, limit: int) -> Sequence[int]:
        """Up to `limit` of the lists that somebody may be in."""
        ...

    async def forget_members(self, member_ids: Collection[int], list_ids: Collection[int]) -> None:
        """Forget that these may be in these lists. Idempotent."""
        ...
