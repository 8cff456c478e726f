"""One stream: from the first read of a home timeline on, what changes in it, one by one.

Nothing is queued for a reader. What happens meanwhile is noted as what is to be looked at, which is
bounded by what the stream remembers, and read when the reader has taken what came before.
"""

import asyncio
import random
from collections.abc import AsyncGenerator, Callable
from typing import Final

from services.live.model import (
    KEPT,
    Beat,
    Changed,
    Counts,
    Deleted,
    Event,
    Newer,
    Place,
    Posted,
    Reset,
    Window,
)
from services.live.ports import Reading
from services.live.sources import Start, StreamSources
from services.platform.errors import UnavailableError
from services.platform.ids.snowflake_time import first_id_at

__all__ = ["BEAT_S", "POLL_S", "Stream"]

BEAT_S: Final = 15.0
"""Between signs of life: below the half minute for which proxies bear with silence."""
POLL_S: Final = 60.0
"""Between reads that nobody asked for, which find what was announced in vain. Below half of
`LATE_MS`, so that one may fail."""
DEAF_POLL_S: Final = 15.0
"""The same while announcements are not heard."""
LATE_MS: Final = 150_000
"""How long after its post a tweet may come to a timeline and still be streamed. Behind that it
shows at the next read: a fan-out that is so far behind has alerts of its own."""
MOST_AT_ONCE: Final = 200
"""Entries that one read gives, the most there are: of more, the stream says that there is a gap."""
LEAST_BETWEEN_S: Final = 0.2
"""Between two reads of one timeline, however fast tweets come to it."""
VERIFY_AGAIN_S: Final = 15.0
"""Before what was sent is looked at again, where that failed: new tweets do not wait for it."""
AGAIN_S: Final = 1.0
"""After a read that failed, or that its service may have answered a moment too early."""
_SPREAD: Final = 0.2
"""Share by which polls are early or late, so that many streams do not poll together."""


class Stream:
    """What is to be told to one reader. For one event loop, and one reader of `events`."""

    __slots__ = (
        "_again_s",
        "_changed",
        "_deleted",
        "_ended",
        "_first",
        "_floor",
        "_is_woken",
        "_poll_s",
        "_read_s",
        "_sources",
        "_verify",
        "_verify_s",
        "_waiting",
        "_woken",
        "hears",
        "is_gone",
        "key",
        "reading",
        "sending_since_s",
        "sent",
        "task",
        "window",
    )

    def __init__(self, sources: StreamSources, reading: Reading, key: bytes) -> None:
        self._sources = sources
        self.reading = reading
        self.key = key
        self.window = Window(Place(0, ()))
        self.hears: Callable[[], bool] = lambda: True
        self.is_gone: Callable[[int], bool] = lambda _: False
        """Whether a tweet was deleted a moment ago, so that it is not sent after all."""
        self.sent: Callable[[Event], None] = lambda _: None
        """Called when the reader has taken an event."""
        self.sending_since_s: float | None = None
        """Since when the reader has what was sent last, and has not asked for more."""
        self.task: asyncio.Task[object] | None = None
        self._waiting: asyncio.Future[None] | None = None
        self._ended = self._verify = self._is_woken = False
        self._first: list[Event] = []
        self._floor = 0
        self._woken: int | None = None
        self._deleted: set[int] = set()
        self._changed: dict[int, Counts] = {}
        self._again_s = self._poll_s = self._read_s = self._verify_s = 0.0

    def pushed(self, entry_id: int, *, again: bool = False) -> None:
        """Look for an entry; with `again` a second time, somewhat later."""
        if entry_id > self.window.floor:
            self._woken = entry_id if self._woken is None else min(self._woken, entry_id)
            if again:
                self._poll_s = min(self._poll_s, self._sources.now_s() + AGAIN_S)
            self._wake()

    def deleted(self, tweet_id: int) -> None:
        """Tell of it, if it was sent."""
        if self.window.has(tweet_id):
            self._deleted.add(tweet_id)
            self._wake()

    def changed(self, tweet_id: int, counts: Counts) -> None:
        """Tell of it, if it was sent."""
        if self.window.has(tweet_id):
            self._changed[tweet_id] = counts
            self._wake()

    def verify(self) -> None:
        """Look at all that was sent: something may have been missed."""
        self._verify = True
        self._poll_s = 0.0
        self._wake()

    def end(self) -> None:
        """End in order, soon."""
        self._ended = True
        self._wake()

    async def begin(self, start: Start) -> None:
        """Read where the stream starts, and what is to be sent first. Raises what reads do."""
        recent = self._recent()
        self._put_off()
        if start.place is None:
            self._first = await self._begin_since(start.since, recent)
            return
        self.window = Window(start.place)
        self._first = await self._read(None)
        self._verify = self._first != [Reset()]

    async def events(self, until_s: float) -> AsyncGenerator[Event, None]:
        """Give what changes, until then (of `now_s`), or until it is ended.

        The window is that behind the event, so that its place is where to go on.
        """
        now_s = self._sources.now_s
        beat_s = now_s() + BEAT_S
        due, self._first = self._first, []
        while not self._ended:
            for event in due:
                if isinstance(event, Posted):
                    entry = event.entry
                    if self.is_gone(entry.tweet_id) or not self.window.is_new(entry):
                        continue
                    self.window.add(entry)
                elif isinstance(event, Deleted):
                    self.window.remove(event.tweet_id)
                self.sending_since_s = now_s()
                yield event
                self.sending_since_s = None
                self.sent(event)
                beat_s = now_s() + BEAT_S
                if self._ended or now_s() >= until_s:
                    return
            # No sooner, or what was read and not yet sent would be below it.
            self.window.rise(self._floor)
            if now_s() >= until_s:
                return
            if now_s() >= beat_s:
                due = [Beat()]
                continue
            await self._wait(min(beat_s, until_s))
            self._is_woken = False
            due = await self._due()

    async def _wait(self, until_s: float) -> None:
        wanted_s = self._poll_s
        if self._woken is not None:
            wanted_s = min(wanted_s, self._read_s + LEAST_BETWEEN_S)
        if self._verify:
            wanted_s = min(wanted_s, self._verify_s)
        left_s = min(until_s, max(wanted_s, self._again_s)) - self._sources.now_s()
        if left_s <= 0 or self._is_woken:
            return
        # Thousands wait, and an event and a timeout take a kilobyte more.
        loop = asyncio.get_running_loop()
        self._waiting = loop.create_future()
        timer = loop.call_later(left_s, self._wake)
        try:
            await self._waiting
        finally:
            timer.cancel()
            self._waiting = None

    def _wake(self) -> None:
        self._is_woken = True
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)

    async def _due(self) -> list[Event]:
        """Read what is to be looked at by now; what cannot be read is due again a moment later."""
        events: list[Event] = []
        now_s = self._sources.now_s()
        if now_s >= self._again_s:
            try:
                await self._look(now_s, events)
            except UnavailableError:
                self._again_s = now_s + AGAIN_S
        events += map(Deleted, sorted(self._deleted))
        self._deleted.clear()
        events += [Changed(*each) for each in self._changed.items() if self.window.has(each[0])]
        self._changed.clear()
        return events

    async def _look(self, now_s: float, events: list[Event]) -> None:
        is_poll = now_s >= self._poll_s
        if is_poll or (self._woken is not None and now_s >= self._read_s + LEAST_BETWEEN_S):
            woken, self._woken = self._woken, None
            if is_poll:
                self._put_off()
            try:
                events += await self._read(None if is_poll else woken)
            except UnavailableError:
                self._poll_s = now_s  # finds what was announced, too
                raise
            self._read_s = now_s
        if self._verify and now_s >= self._verify_s:
            self._verify_s = now_s + VERIFY_AGAIN_S
            await self._look_at_sent()

    async def _read(self, woken: int | None) -> list[Event]:
        """Read from the entry that was announced on, or with None all that is yet to be sent."""
        recent, floor = self._recent(), self.window.floor
        newer = await self._newer(floor if woken is None else max(floor, woken - 1), MOST_AT_ONCE)
        if not newer.whole:
            return await self._begin_anew(recent)
        if woken is None:
            self._floor = recent
        return self._taken(newer)

    async def _look_at_sent(self) -> None:
        # First, as it may be asked for anew meanwhile.
        self._verify, sent = False, sorted(self.window.tweets)
        try:
            async with self._sources.room:
                gone = await self._sources.tweets.gone(sent) if sent else ()
                left = [one for one in sent if one not in gone]
                counts = await self._sources.figures.counts(left) if left else {}
        except UnavailableError:
            self._verify = True
            raise
        self._verify_s = 0.0
        self._deleted.update(gone)
        self._changed |= {one: counts[one] for one in left if one in counts}

    async def _begin_since(self, since: int, recent: int) -> list[Event]:
        floor, newer = min(recent, since or recent), await self._newer(0, KEPT)
        if since and newer.down_to(0) > since:
            # The page does not reach down to what the client has.
            newer = await self._newer(floor, MOST_AT_ONCE)
            if newer.down_to(0) > since:
                return await self._begin_anew(recent)
        self.window = Window(Place(newer.down_to(floor), ()))
        # The client has read what is not newer.
        for each in newer.entries:
            if not since or each.entry_id <= since:
                self.window.add(each)
        self._floor = recent
        return self._taken(newer)

    async def _begin_anew(self, recent: int) -> list[Event]:
        """Go on with what is there by now; the client is told to read that by itself."""
        newest = await self._newer(0, KEPT)
        window = Window(Place(newest.down_to(recent), ()))
        for each in newest.entries:
            window.add(each)
        self.window, self._floor = window, recent
        return [Reset()]

    async def _newer(self, since: int, limit: int) -> Newer:
        async with self._sources.room:
            return await self._sources.homes.newer(self.reading, since, limit)

    def _taken(self, newer: Newer) -> list[Event]:
        return [Posted(each) for each in newer.entries if self.window.is_new(each)]

    def _recent(self) -> int:
        return first_id_at(self._sources.clock.now_ms() - LATE_MS)

    def _put_off(self) -> None:
        every_s = POLL_S if self.hears() else DEAF_POLL_S
        spread = random.uniform(1 - _SPREAD, 1 + _SPREAD)  # noqa: S311 - nothing secret
        self._poll_s = self._sources.now_s() + every_s * spread
