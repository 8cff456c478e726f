"""A home timeline that a test writes, and a stream of it."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aviary.live.v1 import live_service_pb2
from aviary.live.v1.live_service_pb2 import NewTweet
from aviary.tweet.v1.tweet_pb2 import Tweet

from services.live.live_metrics import LiveMetrics
from services.live.model import Counts, Entry, Event, Newer
from services.live.ports import Reading
from services.live.servicer import LiveServicer
from services.live.sources import Start, StreamSources
from services.live.stream import Stream
from services.live.streams import Streams
from services.platform.composition.dependencies import service_of
from services.platform.errors import UnavailableError
from services.platform.ids.snowflake_time import first_id_at
from services.platform.rpc.method_handlers import Servicer
from services.platform.rpc.paging import CursorCodec

READER = 7
READING = Reading(READER, "", 0)
NOW_MS = 1_800_000_000_000


class World:
    """What siblings would answer, and the time."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.likes: dict[int, int] = {}
        self.missing: set[int] = set()
        self.is_down = self.counts_nothing = False
        self.while_looking: Callable[[], None] = lambda: None
        self.reads: list[int] = []
        self.passed_s = 0.0
        self.sources = StreamSources(
            homes=self,
            tweets=self,
            figures=self,
            clock=self,
            room=asyncio.Semaphore(4),
            now_s=lambda: self.passed_s,
        )

    def now_ms(self) -> int:
        return NOW_MS + int(self.passed_s * 1_000)

    def id_at(self, ago_s: float = 0.0) -> int:
        """Make an id of so many seconds ago."""
        wanted = first_id_at(self.now_ms() - int(ago_s * 1_000))
        while wanted in self.entries:
            wanted += 1
        return wanted

    def post(self, ago_s: float = 0.0, of: int | None = None, text: str = "") -> int:
        """Bring a tweet to the timeline, or with `of` a retweet of it."""
        entry_id = self.id_at(ago_s)
        tweet_id = entry_id if of is None else of
        new = NewTweet(tweet=Tweet(tweet_id=tweet_id, user_id=1, text=text))
        self.entries[entry_id] = Entry(entry_id, tweet_id, new.SerializeToString())
        return entry_id

    async def newer(self, _reading: Reading, since: int, limit: int) -> Newer:
        self.reads.append(since)
        if self.is_down:
            raise UnavailableError("the timeline service")
        found = sorted(one for one in self.entries if one > since)
        return Newer([self.entries[one] for one in found[-limit:]], whole=len(found) <= limit)

    async def gone(self, tweet_ids: Sequence[int]) -> Collection[int]:
        self.while_looking()
        return self.missing & set(tweet_ids)

    async def counts(self, tweet_ids: Sequence[int]) -> Mapping[int, Counts]:
        if self.counts_nothing:
            raise UnavailableError("the engagement service")
        return {one: Counts(self.likes.get(one, 0), 0, 0, 0) for one in tweet_ids}


class Reader:
    """Reads a stream, event by event."""

    def __init__(self, world: World, stream: Stream, until_s: float = 1e9) -> None:
        self.world = world
        self.stream = stream
        self._events = stream.events(until_s)

    async def next(self, within_s: float = 5.0) -> Event | None:
        """Give the next event, None at the end."""
        return await asyncio.wait_for(anext(self._events, None), within_s)

    async def many(self, count: int) -> list[Event | None]:
        return [await self.next() for _ in range(count)]

    async def close(self) -> None:
        await self._events.aclose()


@asynccontextmanager
async def reading(
    world: World, start: Start | None = None, until_s: float = 1e9
) -> AsyncIterator[Reader]:
    stream = Stream(world.sources, READING, b"key")
    await stream.begin(start or Start())
    reader = Reader(world, stream, until_s)
    try:
        yield reader
    finally:
        await reader.close()


class Cache:
    """Seats, and who is watched, as far as one process needs them."""

    def __init__(self, most: int = 10) -> None:
        self.most = most
        self.seats: dict[bytes, int] = {}
        self.watched: set[int] = set()

    async def take(self, viewer: int, stream: bytes) -> bool:
        if list(self.seats.values()).count(viewer) >= self.most:
            return False
        self.seats[stream] = viewer
        return True

    async def keep(self, streams: Mapping[bytes, int]) -> None:
        self.seats |= streams

    async def leave(self, _viewer: int, stream: bytes) -> None:
        self.seats.pop(stream, None)

    async def watch(self, viewers: Collection[int]) -> None:
        self.watched.update(viewers)

    async def followers_among(self, _author: int, viewers: Sequence[int]) -> Collection[int]:
        return viewers


def streams_of(world: World, cache: Cache, **changes: Any) -> Streams:
    """Make the streams of a process over this world."""
    return Streams(
        world.sources,
        audience=cache,
        seats=cache,
        watched=cache,
        metrics=LiveMetrics(world),
        **changes,
    )


def served(streams: Streams) -> Servicer:
    """Make what a server serves of them."""
    key = bytes(range(32))
    servicer = LiveServicer(streams, CursorCodec(lambda: (key,)))
    return Servicer(service_of(live_service_pb2.DESCRIPTOR), servicer, drain=streams.end)
