"""A search index in a folder, by Tantivy. One process writes and reads it.

What Tantivy does blocks, so it is done in threads: all writes in one, searches in two others.
"""

import asyncio
import shutil
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

import structlog
from tantivy import Index, IndexWriter, Order, Searcher
from tantivy import Query as Tantivy

from services.platform.errors import UnavailableError
from services.platform.observability.log_events import EVENT_SEARCH_INDEX_DISCARDED
from services.search import tantivy_queries as queries
from services.search.analysis import Analysed, analyse
from services.search.fields import AUTHOR, GROUP, HASHTAGS, ID
from services.search.model import Bounds, Found, Query, TweetText
from services.search.near_duplicates import ENOUGH
from services.search.ranking import MOST_RANKED, Scored, ranked
from services.search.tantivy_schema import document, register, schema

__all__ = ["TantivyIndex"]

WRITER_BYTES: Final = 15_000_000
"""What Tantivy takes at the least for a thread, and enough for tens of thousands of tweets between
two commits."""
SEARCHES_AT_ONCE: Final = 2
"""Tantivy lets go of the interpreter meanwhile, and a machine has at least two cores."""
MORE_HITS: Final = 32
"""Read beyond what is asked for, in place of tweets that say the same as others."""
_FAILURES: Final = (OSError, ValueError)
"""What the library raises: a full disk comes as either."""

Result = TypeVar("Result")
_log = structlog.get_logger()


class TantivyIndex:
    """A `SearchIndex` in a folder of its own.

    `open` raises `UnavailableError` where somebody else has the folder, or it cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writing = ThreadPoolExecutor(1, "search-write")
        self._searching = ThreadPoolExecutor(SEARCHES_AT_ONCE, "search-read")
        self._index: Index | None = None
        self._writer: IndexWriter | None = None
        self._searcher: Searcher | None = None

    async def open(self) -> bool:
        """Open it; one that is damaged, or of another schema, is thrown away.

        Gives whether it is new, and so empty.
        """
        return await self._in(self._writing, self._open)

    async def close(self) -> None:
        """Let go of the folder. What was put in is durable already."""
        await asyncio.get_running_loop().run_in_executor(self._writing, self._close)
        self._writing.shutdown()
        self._searching.shutdown()

    async def apply(
        self, puts: Sequence[TweetText], deletes: Collection[int], generation: int
    ) -> None:
        """Put tweets in, and take others out, by one commit."""
        if puts or deletes:
            await self._in(self._writing, lambda: self._apply(puts, deletes, generation))

    async def drop_before(self, generation: int) -> None:
        """Take out whatever was put in with an earlier generation."""

        def drop() -> None:
            self._opened_writer().delete_documents_by_query(queries.older_generations(generation))
            self._commit()

        await self._in(self._writing, drop)

    async def newest(self, query: Query, before: int | None, limit: int) -> Found:
        """Find tweets, the newest first; of those that say the same, the newest that fits."""
        return await self._in(self._searching, lambda: self._newest(query, before, limit))

    async def relevant(self, query: Query, now_ms: int) -> Sequence[int]:
        """Rank the tweets that fit best."""
        return await self._in(self._searching, lambda: self._relevant(query, now_ms))

    async def hashtags(self, language: str, bounds: Bounds, limit: int) -> Mapping[str, int]:
        """Count who used each hashtag, by one pass over its column."""
        asked = queries.in_language(language, bounds)
        return await self._in(self._searching, lambda: _hashtags(self._read(), asked, limit))

    async def count(self) -> int:
        """Count the tweets in the index."""
        return await self._in(self._searching, lambda: self._read().num_docs)

    async def _in(self, pool: ThreadPoolExecutor, work: Callable[[], Result]) -> Result:
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work)
        except _FAILURES as error:
            if pool is self._writing:
                # What it had not committed goes with it; the next write opens another.
                self._writer = None
            raise UnavailableError(f"the search index: {error}") from error

    def _open(self) -> bool:
        self._folder.mkdir(parents=True, exist_ok=True)
        is_new = not Index.exists(str(self._folder))
        try:
            self._open_files()
        except _FAILURES as error:
            _log.error(EVENT_SEARCH_INDEX_DISCARDED, folder=str(self._folder), error=str(error))
            shutil.rmtree(self._folder)
            self._folder.mkdir()
            self._open_files()
            is_new = True
        return is_new

    def _open_files(self) -> None:
        index = Index(schema(), path=str(self._folder))
        register(index)
        # Whoever commits says so itself: nothing watches the folder.
        index.config_reader("manual")
        index.reload()
        self._index, self._searcher = index, index.searcher()

    def _close(self) -> None:
        self._writer = self._searcher = self._index = None

    def _read(self) -> Searcher:
        if self._searcher is None:
            raise UnavailableError("the search index is closed")
        return self._searcher

    def _opened_writer(self) -> IndexWriter:
        if self._index is None:
            raise UnavailableError("the search index is closed")
        if self._writer is None:
            self._writer = self._index.writer(WRITER_BYTES, 1)
        return self._writer

    def _apply(self, puts: Sequence[TweetText], deletes: Collection[int], generation: int) -> None:
        writer = self._opened_writer()
        groups = _Groups(self._read())
        ids = {*deletes, *(tweet.tweet_id for tweet in puts)}
        writer.delete_documents_by_query(queries.of_ids(ids))
        # The oldest first: it gives the group its name.
        for tweet in sorted(puts, key=lambda each: each.tweet_id):
            known = analyse(tweet)
            group = groups.of(tweet.tweet_id, known)
            writer.add_document(document(tweet, known, group=group, generation=generation))
        self._commit()

    def _commit(self) -> None:
        self._opened_writer().commit()
        if self._index is not None:
            self._index.reload()
            self._searcher = self._index.searcher()

    def _newest(self, query: Query, before: int | None, limit: int) -> Found:
        searcher, seen, found = self._read(), set[int](), list[int]()
        whole, position = queries.translated(query, query.bounds), before
        while True:
            below = queries.translated(query, query.bounds.below(position))
            wanted = limit - len(found) + MORE_HITS
            hits = _by_id(searcher, queries.outside_groups(below, seen), wanted)
            for tweet_id, group in hits:
                if group in seen:
                    continue
                seen.add(group)
                if before is not None and _has_newer(searcher, whole, group, before):
                    continue
                found.append(tweet_id)
                if len(found) == limit:
                    return Found(tuple(found), ended=False)
            if len(hits) < wanted:
                return Found(tuple(found), ended=True)
            position = hits[-1][0]

    def _relevant(self, query: Query, now_ms: int) -> Sequence[int]:
        searcher = self._read()
        hits = searcher.search(
            queries.translated(query, query.bounds), MOST_RANKED, count=False
        ).hits
        places = [place for _, place in hits]
        ids = searcher.fast_field_values(ID, places)
        groups = searcher.fast_field_values(GROUP, places)
        return ranked(
            [
                Scored(float(score), int(tweet_id or 0), int(group or 0))
                for (score, _), tweet_id, group in zip(hits, ids, groups, strict=True)
            ],
            now_ms,
        )


class _Groups:
    """Finds the group of each tweet of one write: in the index, or among those before it."""

    def __init__(self, searcher: Searcher) -> None:
        self._searcher = searcher
        self._written: dict[str, list[int]] = {}

    def of(self, tweet_id: int, known: Analysed) -> int:
        bands = known.bands.split()
        if not bands:
            return tweet_id
        group = self._indexed(bands) or self._just_written(bands) or tweet_id
        for band in bands:
            self._written.setdefault(band, []).append(group)
        return group

    def _indexed(self, bands: Sequence[str]) -> int | None:
        hits = _by_id(self._searcher, queries.says_nearly(bands), 1, Order.Asc)
        return hits[0][1] if hits else None

    def _just_written(self, bands: Sequence[str]) -> int | None:
        alike = Counter(group for band in bands for group in set(self._written.get(band, ())))
        group, most = next(iter(alike.most_common(1)), (None, 0))
        return group if most >= ENOUGH else None


def _hashtags(searcher: Searcher, query: Tantivy, limit: int) -> dict[str, int]:
    authors = {"cardinality": {"field": AUTHOR}}
    by_tag = {"terms": {"field": HASHTAGS, "size": limit, "order": {"authors": "desc"}}}
    found = searcher.aggregate(query, {"tags": {**by_tag, "aggs": {"authors": authors}}})
    return {each["key"]: round(each["authors"]["value"]) for each in found["tags"]["buckets"]}


def _by_id(
    searcher: Searcher, query: Tantivy, limit: int, order: Order = Order.Desc
) -> list[tuple[int, int]]:
    """Give (id, group) of the first by id."""
    hits = searcher.search(query, limit, count=False, order_by_field=ID, order=order).hits
    groups = searcher.fast_field_values(GROUP, [place for _, place in hits])
    return [(int(key), int(group or 0)) for (key, _), group in zip(hits, groups, strict=True)]


def _has_newer(searcher: Searcher, query: Tantivy, group: int, before: int) -> bool:
    """Whether a page before, whose last id is `before`, has shown another of the group."""
    if searcher.doc_freq(GROUP, group) <= 1:
        return False
    newer = queries.in_group(query, group, before)
    return bool(searcher.search(newer, 1, count=False).hits)
