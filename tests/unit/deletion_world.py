"""The tweet service and its erasure on real rows, with a clock that can be moved."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.platform.erasure import Settling
from services.platform.outbox.outbox import Outbox
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.tweet.author_counts import AuthorCounting
from services.tweet.consumers import TweetConsumers
from services.tweet.count_store import RowAuthorCounts
from services.tweet.deletion import Deletion
from services.tweet.erasure import LATE_TWEETS_MS, TweetErasure
from services.tweet.events import (
    TweetEvents,
    decode_tweet_changed,
)
from services.tweet.service import TweetService
from services.tweet.spec import OUTBOX, TABLES
from services.tweet.store import RowTweetStore
from services.user.events import UserEvents
from tests.contract.quarantine_world import QuarantineWorld
from tests.sights import NoHandles, SetSights
from tests.unit.tweet_world import Pictures

START_MS = 1_800_000_000_000
ALICE, BOB = 11, 12


class MovableClock:
    def __init__(self) -> None:
        self.ms = START_MS

    def now_ms(self) -> int:
        return self.ms


class Users:
    def __init__(self) -> None:
        self.known = {ALICE, BOB}

    async def missing(self, ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in ids if user_id not in self.known]


class Ids:
    def __init__(self) -> None:
        self._milliseconds = itertools.count(START_MS - 1_704_067_200_000)

    async def next_id(self) -> int:
        return next(self._milliseconds) << 22


class OwnLists:
    def __init__(self) -> None:
        self.hidden: set[int] = set()

    async def posted(self, user_id: int, tweet_id: int) -> None:
        """Do nothing: no test here looks at new tweets."""

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        assert user_id == ALICE
        self.hidden.add(tweet_id)


class World:
    def __init__(self, rows: SqliteRowStore, clock: MovableClock) -> None:
        self.rows, self.clock = rows, clock
        self.users = Users()
        self.own = OwnLists()
        self.outbox = Outbox(rows, clock, OUTBOX)
        self.store = RowTweetStore(rows, self.outbox)
        self.deletion = Deletion(self.store, self.own, TweetEvents(), clock)
        self.tweets = TweetService(
            store=self.store,
            users=self.users,
            media=Pictures(),
            ids=Ids(),
            own_timeline=self.own,
            events=TweetEvents(),
            clock=clock,
            sights=SetSights(),
            handles=NoHandles(),
        )

    async def post(self, author: int, count: int) -> set[int]:
        made = await asyncio.gather(*(self.tweets.create(author, "hi") for _ in range(count)))
        return {tweet.tweet_id for tweet in made}

    async def post_of_before(self, author: int) -> set[int]:
        """Post a tweet that passed the author check just before the deletion."""
        self.users.known.add(author)
        return await self.post(author, 1)

    async def erase(self, *, work_s: float = 60.0, deleted_at_ms: int = 0) -> None:
        """Deliver the message about the deletion once, as the bus would; the user is gone."""
        self.users.known = {BOB}
        settling = Settling(LATE_TWEETS_MS, self.clock)
        erasure = TweetErasure(self.store, self.deletion, settling, work_s=work_s)
        hiding = QuarantineWorld(self.rows, self.clock)
        counting = AuthorCounting(RowAuthorCounts(self.rows), self.clock)
        consumers = TweetConsumers(
            erasure,
            self.users,
            hiding.scanning,
            counting,
            decode_tweet_changed,
        )
        await consumers.user_deleted(UserEvents().deleted(ALICE, deleted_at_ms))

    async def left(self, author: int = ALICE) -> set[int]:
        return set(await self.store.list_by_author(author, None, 1_000))

    async def announced(self) -> set[int]:
        pending = await self.outbox.pending(0, 10_000)
        events = [decode_tweet_changed(entry.data) for entry in pending]
        return {event.tweet_id for event in events if event.deleted}


@asynccontextmanager
async def opened_world(folder: Path) -> AsyncIterator[World]:
    clock = MovableClock()
    rows = SqliteRowStore(folder / "rows.db", [*TABLES, OUTBOX], clock)
    await rows.open()
    try:
        yield World(rows, clock)
    finally:
        await rows.close()
