"""The tweet service on real rows, with authors, ids and own timelines of the test's making."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from services.platform.error_reasons import Reason
from services.platform.errors import FailedPreconditionError, NotFoundError, UnavailableError
from services.platform.outbox.outbox import Outbox
from services.platform.rows.sqlite.rows import SqliteRowStore
from services.tweet.events import TweetChanged, TweetEvents, decode_tweet_changed
from services.tweet.model import MediaRef
from services.tweet.service import TweetService
from services.tweet.spec import OUTBOX, TABLES
from services.tweet.store import RowTweetStore
from tests.sights import NoHandles, SetSights

NOW_MS = 1_800_000_000_000
ALICE, BOB, NOBODY = 11, 12, 99


class StoppedClock:
    def now_ms(self) -> int:
        return NOW_MS


class Users:
    async def missing(self, ids: Sequence[int]) -> list[int]:
        return [user_id for user_id in ids if user_id not in {ALICE, BOB}]


class Ids:
    def __init__(self) -> None:
        self._milliseconds = itertools.count(NOW_MS - 1_704_067_200_000)

    async def next_id(self) -> int:
        return next(self._milliseconds) << 22


class Pictures:
    """Binds pictures 1 to 99 to whoever comes first; 50 and above are not ready."""

    def __init__(self) -> None:
        self.held: dict[int, int] = {}
        self.calls = 0

    async def attach(
        self, user_id: int, tweet_id: int, media_ids: Sequence[int]
    ) -> tuple[MediaRef, ...]:
        self.calls += 1
        for media_id in media_ids:
            if not 0 < media_id < 100:
                raise NotFoundError("no picture", reason=Reason.MEDIA_NOT_FOUND)
            if media_id >= 50:
                raise FailedPreconditionError("not ready", reason=Reason.MEDIA_NOT_READY)
            if self.held.get(media_id, tweet_id) != tweet_id:
                raise FailedPreconditionError("in use", reason=Reason.MEDIA_IN_USE)
        self.held |= dict.fromkeys(media_ids, tweet_id)
        return tuple(MediaRef(each, "image/png", each, 2, f"b{user_id}", "") for each in media_ids)


class OwnLists:
    def __init__(self) -> None:
        self.seen: list[tuple[str, int, int]] = []
        self.broken = False

    async def posted(self, user_id: int, tweet_id: int) -> None:
        self._note("posted", user_id, tweet_id)

    async def deleted(self, tweet_id: int, user_id: int) -> None:
        self._note("deleted", user_id, tweet_id)

    def _note(self, change: str, user_id: int, tweet_id: int) -> None:
        if self.broken:
            raise UnavailableError("the cache is away")
        self.seen.append((change, user_id, tweet_id))


class World:
    def __init__(self, rows: SqliteRowStore) -> None:
        self.rows = rows
        self.outbox = Outbox(rows, StoppedClock(), OUTBOX)
        self.store = RowTweetStore(rows, self.outbox)
        self.own = OwnLists()
        self.media = Pictures()
        self.tweets = TweetService(
            store=self.store,
            users=Users(),
            media=self.media,
            ids=Ids(),
            own_timeline=self.own,
            events=TweetEvents(),
            clock=StoppedClock(),
            sights=SetSights(),
            handles=NoHandles(),
        )

    async def events(self) -> list[TweetChanged]:
        pending = await self.outbox.pending(0, 1000)
        assert {entry.topic for entry in pending} <= {"tweet-events"}
        return [decode_tweet_changed(entry.data) for entry in pending]

    async def is_empty(self) -> bool:
        tables = [*TABLES, OUTBOX]
        scans = [await self.rows.scan(t.name, b"", b"\xff", limit=1) for t in tables]
        return not any(scans)

    async def ids_of(self, user_id: int, *, before: int = 0, limit: int = 100) -> tuple[int, ...]:
        (author,) = await self.tweets.list_by_authors([user_id], before=before, limit=limit)
        return author.tweet_ids


@asynccontextmanager
async def tweet_world(folder: Path) -> AsyncIterator[World]:
    rows = SqliteRowStore(folder / "rows.db", [*TABLES, OUTBOX], StoppedClock())
    await rows.open()
    yield World(rows)
    await rows.close()
