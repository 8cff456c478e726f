"""A search index in OpenSearch, which all replicas search and one of them writes at a time.

Every write has a version, above those of all writes before it (`Versions`). OpenSearch keeps of a
tweet what has the highest, so a write of a process that was writer before and is late is of no
effect.
"""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any, Final

from opensearchpy import AsyncOpenSearch

from services.platform.errors import UnavailableError
from services.search import opensearch_queries as queries
from services.search.analysis import Analysed, analyse
from services.search.fields import GROUP, ID
from services.search.model import Bounds, Found, Query, TweetText
from services.search.near_duplicates import ENOUGH
from services.search.opensearch_client import opensearch_errors
from services.search.opensearch_mapping import document, mapping
from services.search.ports import Versions
from services.search.ranking import MOST_RANKED, Scored, ranked

__all__ = ["OpenSearchIndex"]

WRITE_TIMEOUT_S: Final = 10.0
"""For a thousand tweets, beside searches."""
SEARCHES_PER_CALL: Final = 200
"""For the groups of so many tweets: some hundred kB."""
DROPPED_PER_CALL: Final = 10_000
"""Tweets, within the time of a write."""
MORE_HITS: Final = 32
"""Read beyond what is asked for, in place of tweets that say the same as others."""
CONFLICT: Final = 409


class OpenSearchIndex:
    """A `SearchIndex` under an alias of a cluster."""

    def __init__(self, client: AsyncOpenSearch, alias: str, versions: Versions) -> None:
        self._client = client
        self._alias = alias
        self._versions = versions

    async def open(self) -> bool:
        """Make the index where it is missing; gives whether it is empty.

        Raises `UnavailableError`, also where an index of that name is there without the alias.
        """
        with opensearch_errors():
            if await self._client.indices.exists_alias(name=self._alias):
                # One that was made, and its maker killed, has all before it.
                return await self.count() == 0
            name = f"{self._alias}-000001"
            if await self._client.indices.exists(index=name):
                raise UnavailableError(f"the search index {name} lacks its alias {self._alias}")
            await self._client.indices.create(
                index=name, body=mapping(self._alias), params={"request_timeout": WRITE_TIMEOUT_S}
            )
            return True

    async def apply(
        self, puts: Sequence[TweetText], deletes: Collection[int], generation: int
    ) -> None:
        """Put tweets in, and take others out, by one request."""
        if not puts and not deletes:
            return
        # The oldest first: it gives the group its name.
        ordered = sorted(puts, key=lambda each: each.tweet_id)
        known = await asyncio.to_thread(lambda: [analyse(tweet) for tweet in ordered])
        groups = await self._groups([tweet.tweet_id for tweet in ordered], known)
        versioned = {"version": await self._versions.next(), "version_type": "external_gte"}
        lines: list[Mapping[str, Any]] = [
            {"delete": {"_id": str(tweet_id), **versioned}}
            for tweet_id in sorted({*deletes} - {tweet.tweet_id for tweet in ordered})
        ]
        for tweet, analysed, group in zip(ordered, known, groups, strict=True):
            lines.append({"index": {"_id": str(tweet.tweet_id), **versioned}})
            lines.append(document(tweet, analysed, group=group, generation=generation))
        # An index that was lost is not to be made anew by writing to it: hence the alias.
        params = {"refresh": "true", "require_alias": "true", "request_timeout": WRITE_TIMEOUT_S}
        with opensearch_errors():
            answer = await self._client.bulk(index=self._alias, body=lines, params=params)
        _check_written(answer["items"])

    async def drop_before(self, generation: int) -> None:
        """Take out whatever was put in with an earlier generation, some thousands at a time."""
        params = {
            "refresh": "true",
            # What is written meanwhile is of this generation.
            "conflicts": "proceed",
            "max_docs": DROPPED_PER_CALL,
            "request_timeout": WRITE_TIMEOUT_S,
        }
        body = {"query": queries.older_generations(generation)}
        dropped = DROPPED_PER_CALL
        while dropped == DROPPED_PER_CALL:
            # Whoever writes no more is not to go on with this either.
            await self._versions.next()
            with opensearch_errors():
                answer = await self._client.delete_by_query(
                    index=self._alias, body=body, params=params
                )
            if answer["failures"]:
                raise UnavailableError("the search index drops no old tweets")
            dropped = answer["deleted"]

    async def newest(self, query: Query, before: int | None, limit: int) -> Found:
        """Find tweets, the newest first; of those that say the same, the newest that fits."""
        seen, found = set[int](), list[int]()
        whole, position = queries.translated(query, query.bounds), before
        while True:
            below = queries.translated(query, query.bounds.below(position))
            wanted = limit - len(found) + MORE_HITS
            hits = await self._by_id(queries.outside_groups(below, seen), wanted)
            groups = {group for _, group in hits}
            shown = set[int]() if before is None else await self._newer(whole, groups, before)
            found += [tweet_id for tweet_id, group in hits if group not in shown]
            if len(found) >= limit:
                return Found(tuple(found[:limit]), ended=False)
            if len(hits) < wanted:
                return Found(tuple(found), ended=True)
            seen |= groups
            position = hits[-1][0]

    async def relevant(self, query: Query, now_ms: int) -> Sequence[int]:
        """Rank the tweets that fit best."""
        hits = await self._search(
            {
                "query": queries.translated(query, query.bounds),
                "sort": [{"_score": "desc"}, {ID: "desc"}],
                "size": MOST_RANKED,
                "docvalue_fields": [GROUP],
            }
        )
        return ranked([Scored(float(hit["sort"][0]), *_place(hit)) for hit in hits], now_ms)

    async def hashtags(self, language: str, bounds: Bounds, limit: int) -> Mapping[str, int]:
        """Count who used each hashtag, by one pass over its column."""
        body = {
            "query": queries.in_language(language, bounds),
            "size": 0,
            "track_total_hits": False,
            "aggs": queries.tag_counts(limit),
        }
        with opensearch_errors():
            answer = await self._client.search(index=self._alias, body=body, params=_WHOLE)
        buckets = answer["aggregations"]["tags"]["buckets"]
        return {each["key"]: each["authors"]["value"] for each in buckets}

    async def count(self) -> int:
        """Count the tweets in the index."""
        with opensearch_errors():
            return int((await self._client.count(index=self._alias))["count"])

    async def _search(self, body: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
        asked = {**body, "track_total_hits": False}
        with opensearch_errors():
            answer = await self._client.search(index=self._alias, body=asked, params=_WHOLE)
        hits: Sequence[Mapping[str, Any]] = answer["hits"]["hits"]
        return hits

    async def _by_id(self, query: queries.Part, limit: int) -> list[tuple[int, int]]:
        """Give (id, group) of the newest of each group, the newest first."""
        asked = {"query": query, "size": limit, **_NEWEST_OF_GROUPS}
        return [_place(hit) for hit in await self._search(asked)]

    async def _newer(self, query: queries.Part, groups: Collection[int], before: int) -> set[int]:
        """Give those of the groups of which a page before, whose last id is `before`, shows one."""
        if not groups:
            return set()
        hits = await self._by_id(queries.in_groups(query, groups, before), len(groups))
        return {group for _, group in hits}

    async def _groups(self, ids: Sequence[int], known: Sequence[Analysed]) -> Sequence[int]:
        """Find the group of each tweet: in the index, or among those before it in this write."""
        bands = [each.bands.split() for each in known]
        asked = [each for each in bands if each]
        indexed: list[int | None] = []
        for start in range(0, len(asked), SEARCHES_PER_CALL):
            indexed += await self._indexed(asked[start : start + SEARCHES_PER_CALL])
        found = iter(indexed)
        written: dict[str, list[int]] = {}
        groups: list[int] = []
        for tweet_id, each in zip(ids, bands, strict=True):
            group = (next(found) or _just_written(each, written)) if each else None
            groups.append(group or tweet_id)
            for band in each:
                written.setdefault(band, []).append(groups[-1])
        return groups

    async def _indexed(self, asked: Sequence[Sequence[str]]) -> list[int | None]:
        lines: list[Mapping[str, Any]] = []
        for bands in asked:
            lines.append({})
            lines.append({"query": queries.says_nearly(bands), **_OLDEST})
        params = {"request_timeout": WRITE_TIMEOUT_S}
        with opensearch_errors():
            answer = await self._client.msearch(index=self._alias, body=lines, params=params)
        groups: list[int | None] = []
        for each in answer["responses"]:
            if "error" in each:
                raise UnavailableError(f"the search index does not answer: {each['status']}")
            groups.append(next((_place(hit)[1] for hit in each["hits"]["hits"]), None))
        return groups


_WHOLE: Final = {"allow_partial_search_results": "false"}
"""What a part of the index is missing from is an error."""
_NEWEST_OF_GROUPS: Final = {
    "sort": [{ID: "desc"}],
    "collapse": {"field": GROUP},
    "docvalue_fields": [GROUP],
}
_OLDEST: Final = {
    "sort": [{ID: "asc"}],
    "size": 1,
    "docvalue_fields": [GROUP],
    "track_total_hits": False,
}


def _place(hit: Mapping[str, Any]) -> tuple[int, int]:
    """(id, group)."""
    return int(hit["_id"]), int(hit["fields"][GROUP][0])


def _just_written(bands: Sequence[str], written: Mapping[str, Sequence[int]]) -> int | None:
    alike = Counter(group for band in bands for group in set(written.get(band, ())))
    group, most = next(iter(alike.most_common(1)), (None, 0))
    return group if most >= ENOUGH else None


def _check_written(items: Iterable[Mapping[str, Mapping[str, Any]]]) -> None:
    """Raise `UnavailableError` for what was not done; a conflict is a later write's doing."""
    for item in items:
        for done in item.values():
            if "error" in done and done["status"] != CONFLICT:
                kind = done["error"]["type"]
                raise UnavailableError(f"the search index does not write: {done['status']} {kind}")
