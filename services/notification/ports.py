"""What the notification service needs from the outside. All of it raises `UnavailableError`."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.notification.model import (
    Days,
    Deed,
    Entry,
    GroupKey,
    Seen,
    Standing,
    TweetFacts,
    TweetNews,
)
from services.platform.visibility.encoded import EncodedTweet

__all__ = ["Entries", "Graph", "Groups", "Tweets", "UserDirectory", "Users"]


class Users(Protocol):
    """Who exists."""

    async def missing(self, user_ids: Sequence[int], /) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        ...


class UserDirectory(Users, Protocol):
    """Who exists, who they are, and whose a handle is."""

    async def encoded(self, user_ids: Sequence[int]) -> Mapping[int, bytes]:
        """Encoded `aviary.user.v1.User`s by id; ids that name none are missing."""
        ...

    async def by_handles(self, handles: Sequence[str]) -> Mapping[str, int]:
        """The ids of the users who have these handles, by the handle as given."""
        ...


class Tweets(Protocol):
    """Which tweets exist, as their owner says at this moment."""

    async def facts(self, tweet_ids: Sequence[int]) -> list[TweetFacts]:
        """What tells whom a tweet is about, of those of the ids that name one."""
        ...

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no tweet, or a deleted one."""
        ...

    async def encoded(self, tweet_ids: Sequence[int]) -> Mapping[int, EncodedTweet]:
        """Encoded tweets by id; ids that name none are missing."""
        ...


class Graph(Protocol):
    """How users stand to each other at this moment."""

    async def standings(
        self, pairs: Collection[tuple[int, int]]
    ) -> Mapping[tuple[int, int], Standing]:
        """How each user, the first of a pair, stands to the other."""
        ...

    async def seen_by(self, user_id: int, actor_ids: Collection[int]) -> Seen:
        """How a reader stands to each actor, and what they have muted, by one call as a rule.

        The latter where there are actors.
        """
        ...


class Groups(Protocol):
    """What many do to a reader, told of together."""

    async def apply(self, deeds: Sequence[Deed]) -> None:
        """Have groups take in what somebody did or took back, each actor once.

        Of an actor in a group the latest `at_ms` counts, in whatever order and however often deeds
        come, and from however many processes. A group's entry is in its reader's list on return.
        """
        ...

    async def days(self, keys: Collection[GroupKey]) -> Mapping[GroupKey, Days]:
        """Read the groups of these keys; a key that has none is missing."""
        ...


class Entries(Protocol):
    """The list of each reader."""

    async def add(self, news: Sequence[TweetNews]) -> None:
        """Have readers be told of tweets, each once; remembers who is told, for `forget`."""
        ...

    async def told(self, tweet_ids: Sequence[int]) -> Mapping[int, Collection[TweetNews]]:
        """Who has been told of tweets; a tweet of which nobody was told is missing.

        Their authors are not remembered: 0.
        """
        ...

    async def forget(self, tweets: Mapping[int, int], news: Sequence[TweetNews] = ()) -> None:
        """Remove all that was told of tweets, by their authors: also to these. Idempotent.

        `news` is what the caller has just added of them: another's `forget` may have removed how
        that is found, and not yet it itself.
        """
        ...

    async def erase(self, user_id: int, *, limit: int) -> bool:
        """Remove up to `limit` rows of what a reader was told; whether that was all. Idempotent."""
        ...

    async def newest(
        self, user_id: int, before: int | None, limit: int
    ) -> tuple[int, Sequence[Entry]]:
        """Read (what is marked as read, entries with position < `before`), newest first.

        One read as a rule. Fewer than `limit` entries means that there are no more.
        """
        ...

    async def mark_read(self, user_id: int, position: int) -> int:
        """Mark as read up to a position, unless it is so already; gives what is marked then.

        Atomic: it only ever rises.
        """
        ...
