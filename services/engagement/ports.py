"""What the engagement service needs from the outside."""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from services.engagement.model import (
    Change,
    Commit,
    Drift,
    Edge,
    EdgeState,
    Kind,
    Placed,
    References,
    ReferenceSlice,
    TweetCounts,
    UserProfile,
)
from services.platform.errors import UnavailableError
from services.platform.ids.slices import IdSlice
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.rule import Visible

__all__ = [
    "ChangingTooFastError",
    "CountCache",
    "CountStore",
    "EdgeStore",
    "EngagementEvents",
    "IdSource",
    "JobStore",
    "Recount",
    "Retweets",
    "Tweets",
    "UserDirectory",
    "Users",
    "ViewerStates",
]


class ChangingTooFastError(UnavailableError):
    """So much is done with a tweet at this moment that it cannot be said how often it was."""


class IdSource(Protocol):
    """Where op ids come from."""

    async def next_id(self) -> int:
        """Make a snowflake above all made before; `UnavailableError` if that cannot be."""
        ...


class Users(Protocol):
    """Who exists. Raises `UnavailableError`."""

    async def missing(self, user_ids: Sequence[int], /) -> list[int]:
        """Those of the ids that name no user, in the order given."""
        ...


class UserDirectory(Users, Protocol):
    """Who exists, and who they are. Raises `UnavailableError`."""

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        """The users that the ids name, in the order given; ids that name none are left out."""
        ...


class Tweets(Protocol):
    """Which tweets exist, as their owner says at this moment. Raises `UnavailableError`."""

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        """Those of the ids that name no tweet, or a deleted one; not such as cannot be read now."""
        ...

    async def facts(self, tweet_ids: Sequence[int]) -> tuple[Mapping[int, Visible], list[int]]:
        """(for whom the tweets are, those of the ids that name no tweet, or a deleted one)."""
        ...

    async def references(self, tweet_ids: Sequence[int]) -> tuple[list[References], list[int]]:
        """(what the tweets are about, those of the ids that name no tweet, or a deleted one)."""
        ...

    async def references_after(self, after: int, limit: int) -> ReferenceSlice:
        """What the next of all tweets behind `after` (0: the first), some `limit`, are about."""
        ...

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        """The tweets that the ids name, in the order given; ids that name none are left out."""
        ...


class Retweets(Protocol):
    """Retweets in timelines, which their owner keeps in step with the edges."""

    async def place(self, standing: Mapping[Edge, bool]) -> None:
        """Have retweets stand in timelines, or not; any number. Idempotent.

        Those of tweets that are not there do not stand. Raises `UnavailableError`.
        """
        ...


class EngagementEvents(Protocol):
    """Encodes events of topic engagement-events."""

    def changed(self, change: Change) -> bytes:
        """Encode that an edge of a user came or went."""
        ...


class EdgeStore(Protocol):
    """The durable edges. Every method raises `UnavailableError` when the engine cannot answer."""

    async def states(self, edges: Collection[Edge]) -> Mapping[Edge, EdgeState]:
        """Read how the edges are stored, all of them."""
        ...

    async def commit(self, commits: Sequence[Commit]) -> None:
        """Make changes of different edges durable, and have each published at least once.

        For each edge the latest `at_ms` wins; of equal ones the later call. A loss shows nowhere,
        so a change is dated after what was read. Idempotent. On an error any of the changes may
        have taken effect, or still do.
        """
        ...

    async def write(self, changes: Sequence[Change]) -> None:
        """Make changes durable as `commit` does, but publish none: they follow from an event.

        On an error any part may be written; whoever handles the event writes them again.
        """
        ...

    async def done_by(
        self, kind: Kind, actor_id: int, *, before: int | None, limit: int, removed: bool = False
    ) -> IdSlice:
        """Tweets with id < `before` (None: all), newest first, from at most `limit` stored ones.

        Also those that have been `removed` and not forgotten, if they are asked for.
        """
        ...

    async def engaged(self, user_id: int, tweet_ids: Sequence[int]) -> Mapping[Kind, Sequence[int]]:
        """Those of the tweets with which the user did something, by what a user can do."""
        ...

    async def done_to(self, kind: Kind, tweet_id: int, *, after: int | None, limit: int) -> IdSlice:
        """Actors with id > `after` (None: all), increasing, from at most `limit` stored ones."""
        ...

    async def forget_actor(self, kind: Kind, actor_id: int) -> None:
        """Remove what is left of an actor who has no edge of this kind any more. Idempotent."""
        ...

    async def edges_of(self, tweet_id: int, *, limit: int) -> Sequence[Edge]:
        """Read the edges of the tweet, also removed ones, that `forget_tweet` would remove next."""
        ...

    async def forget_tweet(self, tweet_id: int, *, limit: int) -> bool:
        """Remove up to `limit` edges of the tweet with all that is left of them, unpublished.

        After the last its counts go too; gives whether that is so. Idempotent.
        """
        ...


class CountStore(Protocol):
    """The durable counts. Every method raises `UnavailableError` when the engine cannot answer."""

    async def settle(self, edges: Collection[Edge]) -> None:
        """Have the counts take in how the edges stand, each once however often this is called.

        Where rows change one by one, a process that is killed in between leaves a count off, until
        it is reconciled. Raises `ChangingTooFastError`.
        """
        ...

    async def counts(self, tweet_ids: Sequence[int]) -> dict[int, TweetCounts]:
        """Read the counts, of every tweet asked for; perhaps off, even below 0."""
        ...


class Recount(Protocol):
    """Counts against edges. Every method raises `UnavailableError` for no answer of the engine."""

    async def reconcile(self, tweet_id: int) -> list[Drift]:
        """Settle all edges of a tweet, compare its counts with them, and put right what is off.

        Gives what was off. A count that changes meanwhile is left alone. Raises
        `ChangingTooFastError`.
        """
        ...

    async def tweets_after(self, place: bytes, limit: int) -> tuple[list[Placed], bytes | None]:
        """Tweets that have edges, from a place on (b"": all), from at most `limit` edges.

        Gives also the place to go on from; None after the last.
        """
        ...


class CountCache(Protocol):
    """The counts in Valkey. Every method raises `UnavailableError` when it gives no answer."""

    async def get(self, tweet_ids: Sequence[int], token: bytes, /) -> dict[int, TweetCounts]:
        """Read what is cached, and note that the holder of `token` is about to fill the others."""
        ...

    async def fill(self, counts: Collection[TweetCounts], token: bytes, /) -> None:
        """Cache counts that were read after `get` with this token.

        Nothing is cached of a tweet that was forgotten, or looked for by others, since then.
        """
        ...

    async def forget(self, tweet_ids: Collection[int]) -> None:
        """Forget what is cached, and what was read before this call and is about to be."""
        ...


class ViewerStates(Protocol):
    """What processes that draw tweets keep of what each of their readers has done."""

    async def forget(self, viewers: Collection[int], /) -> None:
        """Have what is kept of these users looked up anew; call it when a change is durable.

        Never raises for a cache that is gone: it is made to forget when it answers.
        """
        ...


class JobStore(Protocol):
    """What the replicas know together of a job. Raises `UnavailableError`."""

    async def take(self, job: str, owner: str, now_ms: int, until_ms: int) -> bool:
        """Hold the job until `until_ms`; false while another owner holds it. Atomic."""
        ...

    async def place(self, job: str) -> bytes:
        """Where the job is to go on; empty where it begins."""
        ...

    async def move(self, job: str, place: bytes) -> None:
        """Note where the job is to go on."""
        ...
