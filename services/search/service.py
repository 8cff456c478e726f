"""Searching: whom the query names, what the index finds, the tweets themselves."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Final

from services.platform.error_reasons import Reason
from services.platform.errors import InvalidArgumentError, NotFoundError
from services.platform.ids.arguments import check_id
from services.platform.ids.snowflake_time import EPOCH_MS, first_id_at
from services.platform.muting.said import ReadSaid, muted_among
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.platform.runtime.clock import Clock
from services.platform.visibility.ports import Sights
from services.platform.visibility.rule import Regard, Sight, may_see
from services.search.model import (
    Clause,
    IndexReport,
    Query,
    Sort,
    TermKind,
    TweetPage,
)
from services.search.parsing import Parsed, parse
from services.search.ports import (
    Changes,
    EncodedTweets,
    Handles,
    Hidden,
    Readers,
    Reports,
    SearchIndex,
)
from services.search.stop_words import without_stop_words

__all__ = ["SearchService"]

OFFSET_BITS: Final = 12
"""Of a place in a ranking, for the offset: more than are ranked. The rest is its time."""
PAGE_BYTES: Final = 3_500_000
"""Of the tweets of one page: an edge passes answers of up to 4 MB on, and so do channels. Only
texts of many of the longest URLs come to as much."""
OVER_READ: Final = 8
"""Tweets read beyond a page once some were not shown."""
MOST_OVER_READ: Final = 256
"""It doubles with each round up to this: a page has few rounds, however many are not shown."""
MOST_UNSEEN: Final = 1_000
"""Tweets found that are not for the reader, after which a page ends early: so much work it may
be."""
REPORTED_WITHIN_MS: Final = 900_000
"""A quarter of an hour: whoever says nothing for so long is gone."""


@dataclass(frozen=True, slots=True)
class _Shown:
    """What is shown of some found tweets."""

    tweets: Sequence[tuple[int, bytes]]
    hidden: frozenset[int]
    """Authors of whom nothing is, by now."""
    words: MutedWords
    """What the reader has muted."""


class SearchService:
    """The use cases. Every method raises `UnavailableError` where a store or sibling is gone."""

    def __init__(  # noqa: PLR0913 - one argument per port
        self,
        *,
        index: SearchIndex,
        tweets: EncodedTweets,
        handles: Handles,
        readers: Readers,
        hidden: Hidden,
        sights: Sights,
        changes: Changes,
        reports: Reports,
        clock: Clock,
        read_said: ReadSaid,
    ) -> None:
        self._read_said = read_said
        self._index = index
        self._tweets = tweets
        self._handles = handles
        self._readers = readers
        self._hidden = hidden
        self._sights = sights
        self._changes = changes
        self._reports = reports
        self._clock = clock

    async def search(
        self, reader: int, query: str, sort: str, resume: int | None, limit: int
    ) -> TweetPage:
        """Find a page of tweets; `resume` is what the page before gave, None for the first.

        Raises `InvalidArgumentError` for what is no query or no sort, `NotFoundError`
        (`USER_NOT_FOUND`) for a reader who does not exist.
        """
        check_id("user_id", reader)
        order = _sort(sort)
        parsed = parse(query)
        asked, hidden, _ = await asyncio.gather(
            self._looked_up(parsed), self._hidden.from_reader(reader), self._check_exists(reader)
        )
        if asked is None:
            return TweetPage((), None)
        asked = replace(asked, hidden=hidden)
        if order is Sort.NEWEST:
            return await self._newest(reader, asked, resume, limit)
        return await self._relevant(reader, asked, resume, limit)

    async def request_rebuild(self) -> None:
        """Have each replica build its index anew."""
        await self._changes.request_rebuild()

    async def reports(self) -> Sequence[IndexReport]:
        """Read what replicas have said of their indexes lately."""
        since_ms = self._clock.now_ms() - REPORTED_WITHIN_MS
        return [each for each in await self._reports.read() if each.reported_ms >= since_ms]

    async def _check_exists(self, reader: int) -> None:
        if await self._readers.missing([reader]):
            raise NotFoundError(
                f"user_id: no user {reader}",
                reason=Reason.USER_NOT_FOUND,
                metadata={"field": "user_id", "user_id": str(reader)},
            )

    async def _looked_up(self, parsed: Parsed) -> Query | None:
        """Put ids in the place of handles; None where nobody has one that a tweet must be of."""
        named = {
            clause.term.text
            for clause in parsed.clauses
            if clause.term.kind in {TermKind.FROM, TermKind.TO}
        }
        found = await asyncio.gather(*map(self._handles.user_of, sorted(named)))
        users = dict(zip(sorted(named), found, strict=True))
        clauses: list[Clause] = []
        for clause in without_stop_words(parsed.clauses):
            term = clause.term
            if term.kind not in {TermKind.FROM, TermKind.TO}:
                clauses.append(clause)
            elif (user := users[term.text]) is not None:
                clauses.append(replace(clause, term=replace(term, text=str(user))))
            elif not clause.negated:
                return None
        return Query(tuple(clauses), parsed.bounds)

    async def _newest(self, reader: int, query: Query, before: int | None, limit: int) -> TweetPage:
        """Read on for as long as found tweets are not to be shown and older ones exist."""
        shown: list[tuple[int, bytes]] = []
        unseen, over, words = 0, 0, NOTHING_MUTED
        while True:
            # One more than the page has room for says that a page follows.
            found = await self._index.newest(query, before, limit + 1 - len(shown) + over)
            over = _more(over)
            part = await self._shown(reader, found.ids)
            words = part.words or words
            # The next read passes over them, however many tweets they have.
            query = replace(query, hidden=query.hidden | part.hidden)
            shown += part.tweets
            room = _fitting(shown[:limit])
            if len(shown) > room:
                return _page(shown[:room], shown[room - 1][0], words)
            if found.ended:
                return _page(shown, None, words)
            before = found.ids[-1]
            unseen += len(found.ids) - len(part.tweets)
            if unseen >= MOST_UNSEEN:
                return _page(shown, before, words)

    async def _relevant(
        self, reader: int, query: Query, resume: int | None, limit: int
    ) -> TweetPage:
        """Rank what there was at the first page, and go on behind what the pages before showed."""
        as_of_ms, offset = _place(resume) if resume else (self._clock.now_ms(), 0)
        known = query.bounds.below(first_id_at(as_of_ms + 1))
        ids = await self._index.relevant(replace(query, bounds=known), as_of_ms)
        shown: list[tuple[int, bytes]] = []
        over, words = 0, NOTHING_MUTED
        while offset < len(ids) and len(shown) < limit:
            part = ids[offset : offset + limit - len(shown) + over]
            over = _more(over)
            found = await self._shown(reader, part)
            words = found.words or words
            shown += found.tweets
            offset += len(part)
            if (room := _fitting(shown[:limit])) < len(shown):
                # The next page begins behind the last that fits.
                shown = shown[:room]
                offset = ids.index(shown[-1][0]) + 1
                break
        more = offset < len(ids)
        return _page(shown, _resume(as_of_ms, offset) if more else None, words)

    async def _shown(self, reader: int, ids: Sequence[int]) -> _Shown:
        """Read those of the tweets that there are, by whom the reader sees, without muted words."""
        found = await self._tweets.lookup(ids) if ids else {}
        authors = {tweet.author_id for tweet in found.values()} - {reader}
        regard = await self._sights.unasked(reader, authors) if authors else Regard({})
        hidden = frozenset(one for one, sight in regard.sights.items() if _shows_nothing(sight))
        sights = {**regard.sights, reader: Sight()}
        bodies = {
            tweet_id: tweet.body
            for tweet_id in ids
            if (tweet := found.get(tweet_id)) is not None
            and tweet.author_id not in hidden
            and may_see(tweet, reader, sights[tweet.author_id])
        }
        muted = await muted_among(regard.words, reader, bodies, self._quoted, read=self._read_said)
        shown = [(one, body) for one, body in bodies.items() if one not in muted]
        return _Shown(shown, hidden, regard.words)

    async def _quoted(self, tweet_ids: Sequence[int]) -> dict[int, bytes]:
        return {one: tweet.body for one, tweet in (await self._tweets.lookup(tweet_ids)).items()}


def _shows_nothing(sight: Sight) -> bool:
    """Whether a reader sees nothing of an author, whatever it is."""
    return sight.hidden or (sight.protected and not sight.following)


def _sort(name: str) -> Sort:
    try:
        return Sort(name or Sort.NEWEST.value)
    except ValueError:
        raise InvalidArgumentError("sort", "must be newest or relevant") from None


def _page(shown: Sequence[tuple[int, bytes]], resume: int | None, words: MutedWords) -> TweetPage:
    return TweetPage(tuple(body for _, body in shown), resume, words)


def _fitting(shown: Sequence[tuple[int, bytes]]) -> int:
    """Count the first that fit in a page; one does, if there is any."""
    sizes = accumulate(len(body) for _, body in shown)
    return max(min(1, len(shown)), sum(size <= PAGE_BYTES for size in sizes))


def _more(over: int) -> int:
    return min(max(OVER_READ, 2 * over), MOST_OVER_READ)


def _resume(as_of_ms: int, offset: int) -> int:
    return (as_of_ms - EPOCH_MS) << OFFSET_BITS | offset


def _place(resume: int) -> tuple[int, int]:
    """(when the ranking was first made, how much of it was shown)."""
    return (resume >> OFFSET_BITS) + EPOCH_MS, resume & ((1 << OFFSET_BITS) - 1)
