"""The streams of one process: who has one, and what is to be looked at by which."""

import asyncio
import secrets
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from typing import Final

import structlog

from services.live.live_metrics import LiveMetrics
from services.live.model import Event, Posted
from services.live.ports import Audience, Reading, Seats, Watched
from services.live.sources import Start, StreamSources
from services.live.stream import Stream
from services.platform.error_reasons import Reason
from services.platform.errors import TooManyRequestsError, UnavailableError
from services.platform.observability.log_events import EVENT_CACHE_UNAVAILABLE
from services.platform.runtime.background import IDLE_S

__all__ = ["MOST_OPEN", "SLOW_S", "Streams"]

MOST_OPEN: Final = 2_000
"""Streams of one process, at some 35 kB each."""
SLOW_S: Final = 20.0
"""For a reader to take one event: behind that are buffers of the edge and of the connection, which
it has left full for as long. It is ended, and goes on by its cursor when it reads again."""
COUNTED_EVERY_S: Final = 0.25
"""Between looks at what has been counted meanwhile, each by one call."""
COUNTED_AGAIN_S: Final = 1.0
"""Before a look that failed is made again."""
DELETED_EVERY_S: Final = 0.1
"""Between words to all streams of what was deleted meanwhile: an account that goes takes thousands
of tweets with it, and each word looks into thousands of windows."""
MOST_COUNTED: Final = 1_000
"""Tweets counted by one call."""
GONE_KEPT: Final = 10_000
"""Deletions remembered, for tweets that were read before them and are not sent yet."""
TOLD_S: Final = 15.0
"""Between words to siblings of whose timelines are streamed; a third of what these go by."""
KEY_BYTES: Final = 8
FULL_RETRY_S: Final = 5.0

_log = structlog.get_logger()


class Streams:
    """Opens streams, and has them hear what happens. For one event loop."""

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        sources: StreamSources,
        *,
        audience: Audience,
        seats: Seats,
        watched: Watched,
        metrics: LiveMetrics,
        hears: Callable[[], bool] = lambda: True,
        most: int = MOST_OPEN,
    ) -> None:
        self._sources = sources
        self._audience = audience
        self._seats = seats
        self._watched = watched
        self._metrics = metrics
        self._hears = hears
        self._most = most
        self._open: dict[int, list[Stream]] = {}
        self._count = 0
        self._gone: OrderedDict[int, None] = OrderedDict()
        self._counted: set[int] = set()
        self._are_counted = asyncio.Event()
        self._deleted: set[int] = set()
        self._unpushed: dict[int, int] = {}
        self._are_unpushed = asyncio.Event()
        self._ending = False
        metrics.observe_open(lambda: self._count)

    async def open(self, reading: Reading, start: Start) -> Stream:
        """Open a stream, which has begun; whoever does closes it.

        Raises `TooManyRequestsError` where the viewer, or this process, has as many as it may, and
        what the first read raises.
        """
        if self._ending:
            raise UnavailableError("this process is about to end")
        if self._count >= self._most:
            self._metrics.refused("process")
            raise _too_many("this process has as many streams as it may")
        stream = Stream(self._sources, reading, secrets.token_bytes(KEY_BYTES))
        stream.hears, stream.is_gone = self._hears, self._gone.__contains__
        stream.sent, stream.task = self._sent, asyncio.current_task()
        self._count += 1
        try:
            await self._seat(stream)
            self._open.setdefault(reading.viewer, []).append(stream)
            # Heard of from here on, so that nothing falls between the read and the first push.
            await stream.begin(start)
            if self._ending:
                stream.end()
        except BaseException:
            await self.close(stream)
            raise
        return stream

    async def close(self, stream: Stream) -> None:
        """Close a stream."""
        self._count -= 1
        viewer = stream.reading.viewer
        own = self._open.get(viewer, [])
        if stream in own:
            own.remove(stream)
            if not own:
                del self._open[viewer]
        with suppress(UnavailableError):
            await self._seats.leave(viewer, stream.key)

    def pushed(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Have viewers' streams look for entries."""
        for viewer, entry_id in pairs:
            for stream in self._open.get(viewer, ()):
                stream.pushed(entry_id)

    def posted(self, pairs: Sequence[tuple[int, int]]) -> None:
        """Have those look for entries who follow authors whose tweets are not pushed."""
        if not self._open:
            return
        for author, entry_id in pairs:
            self._unpushed[author] = min(entry_id, self._unpushed.get(author, entry_id))
            self._are_unpushed.set()

    def deleted(self, tweet_id: int) -> None:
        """Have streams tell that a tweet is gone, together with others."""
        self._gone[tweet_id] = None
        if len(self._gone) > GONE_KEPT:
            self._gone.popitem(last=False)
        if not self._deleted:
            asyncio.get_running_loop().call_later(DELETED_EVERY_S, self._tell_deleted)
        self._deleted.add(tweet_id)

    def counted(self, tweet_id: int) -> None:
        """Have streams tell the counts of a tweet, together with others."""
        if self._open:
            self._counted.add(tweet_id)
            self._are_counted.set()

    def missed(self) -> None:
        """Have all streams look at everything: something may not have been heard."""
        for stream in self.all_open():
            stream.verify()

    def end(self) -> None:
        """End all streams in order, and open none any more."""
        self._ending = True
        for stream in self.all_open():
            stream.end()

    async def count(self) -> float | None:
        """Look up what has been counted, once there is something, and tell the streams."""
        if not await _is_set(self._are_counted):
            return 0.0
        await asyncio.sleep(COUNTED_EVERY_S)
        self._are_counted.clear()
        counted, self._counted = frozenset(self._counted), set[int]()
        of_streams = [
            (stream, own) for stream in self.all_open() if (own := stream.window.among(counted))
        ]
        wanted = sorted(set[int]().union(*(own for _, own in of_streams)))
        for at in range(0, len(wanted), MOST_COUNTED):
            try:
                found = await self._sources.figures.counts(wanted[at : at + MOST_COUNTED])
            except UnavailableError:
                # No more than the streams remember; and no step takes longer than one failure.
                self._counted.update(wanted[at:])
                self._are_counted.set()
                return COUNTED_AGAIN_S
            for stream, own in of_streams:
                for tweet_id in own & found.keys():
                    stream.changed(tweet_id, found[tweet_id])
        return None

    async def look_up(self) -> float | None:
        """Find out who follows an author whose tweets are not pushed, once there is one.

        One by one, so that no step takes longer than one call that fails.
        """
        if not await _is_set(self._are_unpushed):
            return 0.0
        author = next(iter(self._unpushed))
        entry_id = self._unpushed.pop(author)
        if not self._unpushed:
            self._are_unpushed.clear()
        try:
            followers = await self._audience.followers_among(author, list(self._open))
        except UnavailableError:
            followers = ()  # polls find it
        for viewer in followers:
            for stream in self._open.get(viewer, ()):
                stream.pushed(entry_id, again=True)
        return None

    async def tell(self) -> None:
        """Say anew whose timelines are streamed, and by how many streams."""
        if not self._open:
            return
        try:
            await self._watched.watch(list(self._open))
            await self._seats.keep({each.key: each.reading.viewer for each in self.all_open()})
        except UnavailableError:
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="live", streams=self._count)

    async def cut_slow(self) -> None:
        """End the streams whose readers have not taken what was sent for too long."""
        due_s = self._sources.now_s() - SLOW_S
        for stream in list(self.all_open()):
            since_s = stream.sending_since_s
            if since_s is not None and since_s < due_s and stream.task is not None:
                self._metrics.ended_slow()
                stream.sending_since_s = None
                stream.task.cancel()

    def all_open(self) -> Iterator[Stream]:
        """Give every stream that is open."""
        return (stream for own in self._open.values() for stream in own)

    def _tell_deleted(self) -> None:
        deleted, self._deleted = frozenset(self._deleted), set[int]()
        for stream in self.all_open():
            for tweet_id in stream.window.among(deleted):
                stream.deleted(tweet_id)

    def _sent(self, event: Event) -> None:
        delay_of = event.entry.entry_id if isinstance(event, Posted) else None
        self._metrics.sent(type(event).__name__.lower(), delay_of)

    async def _seat(self, stream: Stream) -> None:
        try:
            if not await self._seats.take(stream.reading.viewer, stream.key):
                self._metrics.refused("user")
                raise _too_many("you have as many streams as you may")
            await self._watched.watch([stream.reading.viewer])
        except UnavailableError:
            # Without the cache nobody is refused, and polls find what is new.
            _log.warning(EVENT_CACHE_UNAVAILABLE, cache="live", viewer=stream.reading.viewer)


async def _is_set(event: asyncio.Event) -> bool:
    try:
        async with asyncio.timeout(IDLE_S):
            await event.wait()
    except TimeoutError:
        return False
    return True


def _too_many(why: str) -> TooManyRequestsError:
    return TooManyRequestsError(why, reason=Reason.TOO_MANY_STREAMS, retry_after_s=FULL_RETRY_S)
