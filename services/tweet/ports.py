"""What the tweet service needs from the outside."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.tweet.model import (
    AuthorTotal,
    Delivery,
    MediaRef,
    RepliesPosition,
    ReplySlice,
    RequestClaim,
    Retweet,
    RetweetClaim,
    RetweetPair,
    Tweet,
    TweetSlice,
)

__all__ = [
    "AuthorCounts",
    "Handles",
    "IdSource",
    "Media",
    "OwnTimeline",
    "Replies",
    "RetweetStore",
    "TweetEvents",
    "TweetStore",
    "UserDirectory",
]


class TweetStore(Protocol):
    """Durable tweets and each author's list of them.

    Every method raises `UnavailableError` when the engine cannot answer.
    """

    async def get_many(self, tweet_ids: Sequence[int], *, hidden: bool = False) -> dict[int, Tweet]:
        """Read tweets by positive id; unknown, deleted and unreadable ones are left out.

        So are those in quarantine, unless what is `hidden` is asked for.
        """
        ...

    async def read_many(self, tweet_ids: Sequence[int]) -> tuple[dict[int, Tweet], frozenset[int]]:
        """Read tweets by id, and tell which are there and not to be had; the rest are not there.

        Those are in quarantine, or their rows cannot be read.
        """
        ...

    async def was_created(self, tweet_id: int) -> bool:
        """Whether `create` ever took effect for this id, even if the tweet was deleted since."""
        ...

    async def create(self, tweet: Tweet, event: bytes) -> None:
        """Make the tweet durable, and its `event` to be published at least once.

        Idempotent. It never brings back a deleted tweet.
        """
        ...

    async def delete(self, tweet: Tweet, at_ms: int, event: bytes) -> None:
        """Delete for good, forget the text, and publish `event` at least once. Idempotent."""
        ...

    async def claim(self, user_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Bind the author's `request_id` to `claim` unless it is bound; returns what it stands for.

        Atomic. A claim may be forgotten a day after it was made.
        """
        ...

    async def find_claim(self, user_id: int, request_id: str) -> RequestClaim | None:
        """Read what the author's `request_id` stands for; None if it is unbound."""
        ...

    async def claim_deletion(self, tweet: Tweet, request_id: str) -> None:
        """Remember for a day that `request_id` asked for the tweet's deletion. Idempotent."""
        ...

    async def deletion_of(self, tweet_id: int, request_id: str) -> int | None:
        """Give the author of a tweet that `claim_deletion` was called with; None if it was not.

        0 where the author was not remembered, by an older version.
        """
        ...

    async def list_by_author(self, user_id: int, before: int | None, limit: int) -> list[int]:
        """At most `limit` ids of the author's tweets and retweets below `before` (None: all).

        Newest first.
        """
        ...

    async def list_by_authors(
        self, user_ids: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        """As `list_by_author`, of each of many authors."""
        ...

    async def read_slice(self, after: int | None, limit: int) -> TweetSlice:
        """Read the next of all tweets behind `after` (None: the first): at most `limit` rows.

        In an order of the store's own. What is there throughout a walk comes exactly once.
        """
        ...

    async def decide_delivery(self, tweet_id: int, delivery: Delivery) -> Delivery | None:
        """Remember `delivery` unless one is remembered; returns the one that holds.

        Atomic. None: there is no such tweet, or it was deleted.
        """
        ...


class RetweetStore(Protocol):
    """Durable retweets, each an entry of the list of who retweeted.

    Every method raises `UnavailableError` when the engine cannot answer.
    """

    async def claims(self, pairs: Collection[RetweetPair]) -> dict[RetweetPair, RetweetClaim]:
        """Read which retweet is the one of each pair; pairs that have none are left out."""
        ...

    async def replace(
        self, pair: RetweetPair, before: RetweetClaim | None, after: RetweetClaim | None
    ) -> bool:
        """Change which retweet is the pair's, None for none; false if it is not `before`.

        Atomic.
        """
        ...

    async def get_many(self, retweet_ids: Collection[int]) -> dict[int, Retweet | None]:
        """Read retweets; None for one that was taken back, and what never was is left out."""
        ...

    async def create(self, retweets: Mapping[int, tuple[Retweet, bytes]]) -> None:
        """Make retweets durable, by id, each with its event to be published at least once.

        Idempotent. It never brings back one that was taken back.
        """
        ...

    async def take_back(
        self, retweets: Mapping[int, tuple[RetweetPair, bytes]], at_ms: int
    ) -> None:
        """Take retweets back for good, also such as were never made; each with its event."""
        ...


class AuthorCounts(Protocol):
    """How many tweets and retweets authors have that were not deleted or taken back.

    Every method raises `UnavailableError` when the engine cannot answer.
    """

    async def totals(self, user_ids: Collection[int]) -> dict[int, AuthorTotal]:
        """Read what is kept and what came since, in two reads.

        Authors who were never counted are left out, and those of whom too much came since.
        """
        ...

    async def settle(self, changed: Mapping[int, Collection[int]]) -> None:
        """Take in how these places in each author's list stand now, whatever was told of them.

        Idempotent; the last of any calls, by any process, holds. Authors who were never counted
        stay so, for whoever asks to count them.
        """
        ...

    async def count(self, user_id: int, *, end: int, now_ms: int, relist_before_ms: int) -> int:
        """Count an author's list, and keep what is below `end` of it as the total.

        What is kept is counted again if that was last done before `relist_before_ms`. Right as long
        as `settle` is called of all changes below an `end`, after they were made.
        """
        ...


class Replies(Protocol):
    """Which tweets answer which, as `TweetStore` keeps it. Raises `UnavailableError`."""

    async def slices(
        self, positions: Sequence[RepliesPosition], limit: int
    ) -> Sequence[ReplySlice]:
        """Look at `limit` replies of each list from its position on, deleted ones included."""
        ...

    async def add(self, tweets: Sequence[Tweet]) -> None:
        """List those of the tweets that answer others. Idempotent; deleted ones stay unlisted."""
        ...


class Handles(Protocol):
    """Who has which handle. Raises `UnavailableError`."""

    async def owners(self, handles: Sequence[str]) -> frozenset[int]:
        """The users who have these up to 1000 handles, in any case; others are left out."""
        ...


class UserDirectory(Protocol):
    """Who exists."""

    async def missing(self, ids: Sequence[int], /) -> list[int]:
        """Those of `ids` that name no user; `UnavailableError` if nobody can say."""
        ...


class Media(Protocol):
    """Pictures."""

    async def attach(
        self, user_id: int, tweet_id: int, media_ids: Sequence[int]
    ) -> tuple[MediaRef, ...]:
        """Bind 1 to 4 pictures to a tweet, all or none, in the order given. Idempotent.

        Raises `NotFoundError` for one that is not there or not the user's,
        `FailedPreconditionError` for one that is not ready or another tweet's, and
        `UnavailableError` if nobody can say.
        """
        ...


class IdSource(Protocol):
    """Where tweet ids come from."""

    async def next_id(self) -> int:
        """Make a new snowflake; `UnavailableError` if there is none to give."""
        ...


class OwnTimeline(Protocol):
    """Shows authors their own writes before they get an answer.

    Best effort: the event repeats it all, so the service logs an `AviaryError` and goes on. An
    implementation bounds its own time. Both methods are idempotent.
    """

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Put a durable tweet into its author's hot lists."""
        ...

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        """Hide a deleted tweet from all readers."""
        ...


class TweetEvents(Protocol):
    """Encodes what is published on topic tweet-events."""

    def created(self, tweet: Tweet) -> bytes:
        """Encode that a tweet was made, whom it is for, and whether it refers to others."""
        ...

    def deleted(self, tweet_id: int, user_id: int, media_ids: Sequence[int] = ()) -> bytes:
        """Encode that a tweet was deleted, which carried these pictures."""
        ...

    def reviewed(self, tweet_id: int, user_id: int) -> bytes:
        """Encode that a tweet is to be looked at again, by all who made something of it."""
        ...

    def retweeted(self, retweet: Retweet) -> bytes:
        """Encode that a tweet was retweeted."""
        ...

    def unretweeted(self, retweet_id: int, pair: RetweetPair) -> bytes:
        """Encode that a retweet was taken back."""
        ...
