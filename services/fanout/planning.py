"""Planning tweets, many at a time: who is to be pushed to, at once where that is a page.

Every step may run twice or late: pushes of an id that is there already change nothing.
"""

import asyncio
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import aclosing

import structlog

from services.fanout.model import Audience, Priority
from services.fanout.ports import (
    Celebrities,
    Deliveries,
    Followers,
    Jobs,
    Lag,
    Threshold,
    TimelinePushes,
)
from services.platform.errors import NotFoundError, UnavailableError
from services.platform.observability.log_events import EVENT_FANOUT_TWEET_GONE

__all__ = ["PUSHES_AT_ONCE", "Planning", "batches"]

PUSHES_AT_ONCE = 40_000
"""Timeline entries of one call of the store: some tenths of a second of work, of which it makes
many small writes. The more entries of one timeline come together, the fewer pages of the disk each
costs."""
PUSHING_MAX_S = 4.0
"""Seconds in which calls of the store are begun for one batch; what is left then is queued. With a
call it stays below the bus's visibility time (10 s at the least). Should a store be too slow for
that, a batch is pushed twice, which changes nothing."""
PAGES_PER_PUBLISH = 100
"""Jobs queued at once: 900 kB. The first page goes alone, so that it waits for no other, and each
publish takes twice as many as the one before up to this."""
PLAN_MAX_S = 8.0
"""Seconds of planning in one delivery. A page takes about 10 ms, so that all but the greatest
authors need one. With the slowest page and publish it stays well below the bus's visibility
time (30 s), after which a second worker would plan the same at the same time."""
KNOWN_CELEBRITIES = 100_000
"""Authors whom this process remembers to have put on the list; a few megabytes."""

_log = structlog.get_logger()

_Page = tuple[int, Sequence[int]]
"""A tweet, and followers to push it to."""


class Planning:
    """Hybrid fan-out: push up to the threshold of followers, else leave it to the readers.

    `held` says whether operators hold back jobs of a priority: then none of it is pushed at once.
    """

    def __init__(  # noqa: PLR0913 - one argument for each port
        self,
        *,
        followers: Followers,
        deliveries: Deliveries,
        celebrities: Celebrities,
        jobs: Jobs,
        timelines: TimelinePushes,
        threshold: Threshold,
        lag: Lag,
        held: Callable[[Priority], bool] = lambda _: False,
        now_s: Callable[[], float] = time.monotonic,
    ) -> None:
        self._followers = followers
        self._deliveries = deliveries
        self._celebrities = celebrities
        self._jobs = jobs
        self._timelines = timelines
        self._threshold = threshold
        self._lag = lag
        self._held = held
        self._now_s = now_s
        self._known: set[int] = set()

    async def plan(self, tweets: Mapping[int, int]) -> None:
        """Push new tweets, each with its author, or leave them to readers, by their followers.

        Authors with a page of followers or fewer are pushed to here, close friends of all before
        the others of all; larger ones are planned by `plan_from`. Nothing of that is remembered:
        the threshold may have moved when it is done again, see ADR 44.
        """
        until_s = self._now_s() + PUSHING_MAX_S
        of_author: dict[int, list[int]] = {}
        for tweet_id, author in tweets.items():
            of_author.setdefault(author, []).append(tweet_id)
        authors, threshold = list(of_author), self._threshold.followers()
        pushed: dict[int, bool] = {}
        while authors:
            audiences = await self._followers.audiences(authors)
            authors = authors[len(audiences) :]
            pulled = [each.author for each in audiences if each.followers > threshold]
            push = [each for each in audiences if each.followers <= threshold]
            await self._push_whole(push, of_author, until_s)
            large = [
                (each.author, tweet_id)
                for each in push
                if each.page is None
                for tweet_id in of_author[each.author]
            ]
            for author in pulled:
                decided = await self._pull(author, of_author[author])
                pushed |= decided
                large += [(author, tweet_id) for tweet_id, by_push in decided.items() if by_push]
            if large:
                await self._jobs.enqueue_continuations([(*each, 0) for each in large])
            for each in push:
                pushed |= dict.fromkeys(of_author[each.author], True)
        for tweet_id, by_push in pushed.items():
            self._lag.planned(tweet_id, pushed=by_push)

    async def _push_whole(
        self, audiences: Sequence[Audience], of_author: Mapping[int, Sequence[int]], until_s: float
    ) -> None:
        """Push to those whose followers are a page; where that cannot be, queue it.

        So pages are queued while a store is gone, and a retry for its sake does not plan again. The
        jobs fill persistent timelines while the cache alone is gone.
        """
        at_once = True
        for place, priority in enumerate((Priority.CLOSE, Priority.REST)):
            pages: Sequence[_Page] = [
                (tweet_id, each.page[place])
                for each in audiences
                if each.page is not None and each.page[place]
                for tweet_id in of_author[each.author]
            ]
            left = pages
            if at_once and not self._held(priority):
                left = await self._push(pages, until_s)
                at_once = not left
            if left:
                await self._jobs.enqueue(priority, left)

    async def _push(self, pages: Sequence[_Page], until_s: float) -> Sequence[_Page]:
        """Push these; give those that could not be pushed now."""
        done = 0
        for batch in batches(pages):
            if self._now_s() >= until_s:
                return pages[done:]
            try:
                await self._timelines.push_homes(dict(batch))
            except UnavailableError:
                return pages[done:]
            done += len(batch)
            for tweet_id, _ in batch:
                self._lag.pushed(tweet_id)
        return ()

    async def _pull(self, author: int, tweet_ids: Sequence[int]) -> dict[int, bool]:
        """Have readers merge an author's tweets; gives which of them are to be pushed all the same.

        Those are what a process of a release before has decided so.
        """
        if author not in self._known:
            await self._celebrities.add(author)
            if len(self._known) >= KNOWN_CELEBRITIES:
                self._known.clear()
            self._known.add(author)
        decided = await asyncio.gather(*map(self._decide_pull, tweet_ids))
        by_push = dict(zip(tweet_ids, decided, strict=True))
        await self._timelines.left_to_readers(
            {tweet_id: author for tweet_id, pushed in by_push.items() if not pushed}
        )
        return by_push

    async def _decide_pull(self, tweet_id: int) -> bool:
        try:
            return await self._deliveries.decide(tweet_id, push=False)
        except NotFoundError:
            _log.info(EVENT_FANOUT_TWEET_GONE, tweet_id=tweet_id)
            return False

    async def plan_from(self, author: int, tweet_id: int, after: int | None) -> None:
        """Queue a job for each page of followers above `after` (None: all).

        Bounded in time: what is left then is queued as a continuation, so a crash repeats one
        delivery and none outlasts the bus's visibility time.
        """
        until_s = self._now_s() + PLAN_MAX_S
        room = 1
        gathered: list[tuple[list[int], list[int]]] = []
        async with aclosing(self._followers.pages(author, after)) as pages:
            async for close, rest in pages:
                gathered.append((close, rest))
                late = self._now_s() >= until_s
                if late or len(gathered) == room:
                    await self._enqueue(tweet_id, gathered)
                    gathered, room = [], min(2 * room, PAGES_PER_PUBLISH)
                if late:
                    last = max([*close, *rest])
                    await self._jobs.enqueue_continuations([(author, tweet_id, last)])
                    return
        if gathered:
            await self._enqueue(tweet_id, gathered)

    async def _enqueue(
        self, tweet_id: int, pages: Sequence[tuple[Sequence[int], Sequence[int]]]
    ) -> None:
        for place, priority in enumerate((Priority.CLOSE, Priority.REST)):
            if jobs := [(tweet_id, page[place]) for page in pages if page[place]]:
                await self._jobs.enqueue(priority, jobs)


def batches(pages: Sequence[_Page]) -> Iterator[Sequence[_Page]]:
    """Divide pages of up to 1000 followers into batches of about `PUSHES_AT_ONCE` entries."""
    start, entries = 0, 0
    for place, (_, followers) in enumerate(pages):
        if entries and entries + len(followers) > PUSHES_AT_ONCE:
            yield pages[start:place]
            start, entries = place, 0
        entries += len(followers)
    if start < len(pages):
        yield pages[start:]
