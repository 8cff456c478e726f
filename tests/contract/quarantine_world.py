"""Tweets, and what hides them, on rows that a test opens."""

import itertools
from dataclasses import dataclass, field

from services.platform.ids.snowflake_time import first_id_at
from services.platform.outbox.outbox import Outbox
from services.platform.rows.port import RowStore
from services.platform.runtime.clock import Clock, SystemClock
from services.tweet.events import TweetEvents
from services.tweet.keys import tweet_shard
from services.tweet.model import Tweet
from services.tweet.quarantine import TweetQuarantine
from services.tweet.quarantine_store import RowQuarantines
from services.tweet.scan_metrics import ScanMetrics
from services.tweet.scanning import Rescanning, Scanning
from services.tweet.spec import OUTBOX
from services.tweet.store import RowTweetStore
from tests.tweet_messages import created

AUTHOR = 7


@dataclass
class MovedClock:
    ahead_ms: int = 0

    def now_ms(self) -> int:
        return SystemClock().now_ms() + self.ahead_ms


@dataclass
class Copies:
    """What readers keep: only what is hidden is of interest here."""

    hidden: set[int] = field(default_factory=set)

    async def hide(self, tweet_id: int) -> None:
        self.hidden.add(tweet_id)

    async def show(self, tweet_id: int) -> None:
        self.hidden.discard(tweet_id)


class Ids:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._numbers = itertools.count()

    async def next_id(self) -> int:
        return first_id_at(self._clock.now_ms()) + next(self._numbers)


class Words:
    """A scanner that finds its words."""

    def __init__(self, *words: str) -> None:
        self.words = words

    @property
    def version(self) -> str:
        return " ".join(self.words)

    async def scan(self, tweet: Tweet) -> str | None:
        return next((word for word in self.words if word in tweet.text), None)


class QuarantineWorld:
    def __init__(self, rows: RowStore, clock: Clock, *words: str) -> None:
        self.outbox = Outbox(rows, clock, OUTBOX)
        self.store = RowTweetStore(rows, self.outbox)
        self.rows = RowQuarantines(rows, self.outbox)
        self.copies = Copies()
        self._clock = clock
        self._numbers = itertools.count(1)
        self.quarantine = TweetQuarantine(
            store=self.store,
            quarantines=self.rows,
            copies=self.copies,
            ids=Ids(clock),
            events=TweetEvents(),
            clock=clock,
        )
        self.scanning = self._scanning(Words(*words))

    def _scanning(self, scanner: Words) -> Scanning:
        return Scanning(self.store, self.quarantine, scanner, ScanMetrics(self._clock))

    async def post(self, text: str, age_ms: int = 10_000) -> int:
        at_ms = self._clock.now_ms() - age_ms
        return await self._make(first_id_at(at_ms) + next(self._numbers), text, at_ms)

    async def post_in_shard(self, text: str, shard: int, age_ms: int = 10_000) -> int:
        at_ms = self._clock.now_ms() - age_ms
        ids = (first_id_at(at_ms) + number for number in self._numbers)
        return await self._make(
            next(each for each in ids if tweet_shard(each) == shard), text, at_ms
        )

    async def _make(self, tweet_id: int, text: str, at_ms: int) -> int:
        made = Tweet(tweet_id, AUTHOR, text, at_ms, 0, 0)
        await self.store.create(made, created(tweet_id, AUTHOR))
        return tweet_id

    async def read(self, tweet_id: int) -> Tweet:
        return (await self.store.get_many([tweet_id], hidden=True))[tweet_id]

    async def shown(self, *tweet_ids: int) -> set[int]:
        return set(await self.store.get_many(tweet_ids))

    def replica(self, *words: str) -> Rescanning:
        scanner = Words(*words)
        return Rescanning(self.rows, self._scanning(scanner), scanner, self._clock)
