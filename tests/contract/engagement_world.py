"""A process of the engagement service on a real store, with tweets, users and ids made up."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field

from services.engagement.admission import Admission
from services.engagement.changes import Changes
from services.engagement.consumers import EngagementConsumers
from services.engagement.count_store import RowCounts
from services.engagement.counting import Counting
from services.engagement.engaging import Engaging
from services.engagement.erasure import SETTLE_MS, EngagementErasure
from services.engagement.events import EngagementEvents, decode_changed_edge
from services.engagement.job_store import RowJobs
from services.engagement.model import (
    Edge,
    Kind,
    References,
    ReferenceSlice,
    TweetCounts,
    UserProfile,
)
from services.engagement.reads import Reads
from services.engagement.reconciling import Reconciling
from services.engagement.recount import RowRecount
from services.engagement.retweeting import Retweeting
from services.engagement.spec import OUTBOX
from services.engagement.store import RowEdgeStore
from services.engagement.tweet_changes import TweetChanges
from services.platform.erasure import Settling
from services.platform.errors import UnavailableError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.visibility.encoded import EncodedTweet
from services.platform.visibility.seen import TweetFacts
from tests.sights import SetSights
from tests.unit.graph.world import ClockIds, MovableClock

TWEET = 1_000
AUTHOR = 999
"""Of all tweets."""


@dataclass
class KnownTweets:
    """Every tweet but the deleted; those of `about` answer or quote others."""

    deleted: set[int] = field(default_factory=set)
    about: dict[int, tuple[int, int]] = field(default_factory=dict)
    body: bytes = b""
    made_for: dict[int, TweetFacts] = field(default_factory=dict)
    unreadable: set[int] = field(default_factory=set)
    fails: bool = False

    async def missing(self, tweet_ids: Sequence[int]) -> list[int]:
        if self.fails:
            raise UnavailableError("no answer")
        return [tweet_id for tweet_id in tweet_ids if tweet_id in self.deleted]

    async def facts(self, tweet_ids: Sequence[int]) -> tuple[dict[int, TweetFacts], list[int]]:
        missing = await self.missing(tweet_ids)
        readable = [each for each in tweet_ids if each not in self.deleted | self.unreadable]
        return {each: self.made_for.get(each, TweetFacts(AUTHOR)) for each in readable}, missing

    async def references(self, tweet_ids: Sequence[int]) -> tuple[list[References], list[int]]:
        readable = [each for each in tweet_ids if each not in self.deleted | self.unreadable]
        found = [References(each, *self.about.get(each, (0, 0))) for each in readable]
        return found, await self.missing(tweet_ids)

    async def references_after(self, after: int, limit: int) -> ReferenceSlice:
        behind = sorted(each for each in self.about if each > after)
        page = behind[:limit]
        found, _ = await self.references(page)
        resume = page[-1] if len(page) < len(behind) else None
        return ReferenceSlice(tuple(found), resume, 100 * len(page) // max(1, len(self.about)))

    async def encoded(self, tweet_ids: Sequence[int]) -> list[EncodedTweet]:
        return [
            EncodedTweet(tweet_id, AUTHOR, self.body)
            for tweet_id in tweet_ids
            if tweet_id not in self.deleted
        ]


@dataclass
class KnownUsers:
    """Every user but the deleted."""

    deleted: set[int] = field(default_factory=set)

    async def missing(self, user_ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in user_ids if user_id in self.deleted]

    async def profiles(self, user_ids: Sequence[int]) -> list[UserProfile]:
        return [
            UserProfile(user_id, f"u{user_id}", f"User {user_id}", user_id)
            for user_id in user_ids
            if user_id not in self.deleted
        ]


class Uncached:
    """A cache that never has anything."""

    def __init__(self) -> None:
        self.forgotten: set[int] = set()

    async def get(self, _tweet_ids: Sequence[int], _token: bytes) -> dict[int, TweetCounts]:
        raise UnavailableError("no cache")

    async def fill(self, _counts: Collection[TweetCounts], _token: bytes) -> None:
        raise AssertionError

    async def forget(self, tweet_ids: Collection[int]) -> None:
        self.forgotten |= set(tweet_ids)


@dataclass
class PlacedRetweets:
    """Which edges are retweets in timelines; `before_each` is what happens while one is placed."""

    edges: set[Edge] = field(default_factory=set)
    calls: int = 0
    before_each: list[Callable[[], Awaitable[object]]] = field(default_factory=list)

    async def place(self, standing: Mapping[Edge, bool]) -> None:
        self.calls += 1
        while self.before_each:
            await self.before_each.pop(0)()
        for edge, stands in standing.items():
            (self.edges.add if stands else self.edges.discard)(edge)


class Viewers:
    """Notes of whom readers were told to look again."""

    def __init__(self) -> None:
        self.forgotten: list[set[int]] = []

    async def forget(self, viewers: Collection[int]) -> None:
        self.forgotten.append(set(viewers))


class World:
    """One process; `worker` tells it from others on the same rows."""

    def __init__(self, rows: RowStore, worker: int = 1, clock: MovableClock | None = None) -> None:
        self.rows, self.clock = rows, clock or MovableClock()
        self.outbox = Outbox(rows, self.clock, OUTBOX)
        self.tweets, self.users, self.cache = KnownTweets(), KnownUsers(), Uncached()
        self.placed = PlacedRetweets()
        self.store = RowEdgeStore(rows, self.outbox, EngagementEvents())
        self.ids = ClockIds(self.clock, worker)
        self.viewers = Viewers()
        self.sights = SetSights()
        self.changes = Changes(
            self.store,
            self.ids,
            Admission(self.tweets, self.sights),
            self.users,
            self.viewers,
        )
        self.engaging = Engaging(self.changes)
        self.count_store = RowCounts(rows)
        self.counting = Counting(self.count_store, self.cache)
        self.reads = Reads(self.store, self.tweets, self.users, self.users, self.sights)
        self.reconciling = Reconciling(
            RowRecount(rows, self.count_store),
            self.counting,
            RowJobs(rows),
            self.clock,
            f"process {worker}",
        )
        self.tweet_changes = TweetChanges(
            self.store, self.counting, self.tweets, Retweeting(self.store, self.placed)
        )
        self.consumers = EngagementConsumers(
            decode_changed_edge,
            self.tweet_changes,
            EngagementErasure(self.store, self.changes, Settling(SETTLE_MS, self.clock)),
            self.users,
            self.viewers,
        )

    async def like(self, *user_ids: int, tweet_id: int = TWEET) -> None:
        await asyncio.gather(
            *(self.engaging.engage(Kind.LIKE, user_id, tweet_id) for user_id in user_ids)
        )

    async def unlike(self, *user_ids: int, tweet_id: int = TWEET) -> None:
        await asyncio.gather(
            *(self.engaging.disengage(Kind.LIKE, user_id, tweet_id) for user_id in user_ids)
        )

    async def bodies(self) -> list[bytes]:
        """What is to be published."""
        return [entry.data for entry in await self.outbox.pending(-60_000, 100_000)]

    async def publish(self) -> int:
        """Have all that waits published, handled and settled; gives how many messages."""
        entries = await self.outbox.pending(-60_000, 100_000)
        for entry in entries:
            await self.outbox.roll_forward(entry)
        if entries:
            await self.consumers.engaged([entry.data for entry in entries])
            await self.outbox.settle([entry.id for entry in entries])
        return len(entries)

    async def count(self, kind: Kind = Kind.LIKE, tweet_id: int = TWEET) -> int:
        (found,) = await self.counting.lookup([tweet_id])
        return found.by_kind.get(kind, 0)

    async def likers(self, tweet_id: int = TWEET, limit: int = 200) -> list[int]:
        page = await self.reads.users_of(Kind.LIKE, tweet_id, 0, None, limit)
        return [user.user_id for user in page.users]

    async def likes(self, user_id: int) -> list[int]:
        """What is there, also of a user who is not."""
        reads = Reads(self.store, self.tweets, self.users, KnownUsers(), self.sights)
        page = await reads.tweets_of(Kind.LIKE, user_id, None, 200)
        return [tweet.tweet_id for tweet in page.tweets]
