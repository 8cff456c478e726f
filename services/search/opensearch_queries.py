"""Queries as OpenSearch has them: what is sent, as it is turned into JSON."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Final

from services.search import fields
from services.search.analysis import CLOSED
from services.search.matching import Match, match_of
from services.search.model import Bounds, Query
from services.search.near_duplicates import ENOUGH

__all__ = [
    "MOST_TERMS",
    "Part",
    "in_groups",
    "in_language",
    "older_generations",
    "outside_groups",
    "says_nearly",
    "tag_counts",
    "translated",
]

Part = Mapping[str, Any]
"""A query, or a part of one."""
MOST_TERMS: Final = 65_536
"""What one `terms` takes (`index.max_terms_count`); who hides more authors has several."""


def translated(query: Query, bounds: Bounds) -> Part:
    """Translate a query, within narrower bounds than its own. Words alone give a score."""
    scored: list[Part] = []
    unscored: list[Part] = []
    excluded = _any(fields.AUTHOR, query.hidden)
    for clause in query.clauses:
        match = match_of(clause.term)
        if clause.negated:
            excluded.append(_part(match))
        else:
            (scored if match.scored else unscored).append(_part(match))
    if bounds.since is not None or bounds.before is not None:
        unscored.append(_ids(bounds))
    return _bool(must=scored, filter=unscored, must_not=excluded)


def in_language(language: str, bounds: Bounds) -> Part:
    """Select tweets for everybody in a language (empty: in any) within bounds."""
    wanted = [_ids(bounds), *([_term(fields.LANGUAGE, language)] if language else ())]
    return _bool(filter=wanted, must_not=[_term(fields.KINDS, CLOSED)])


def in_groups(query: Part, groups: Collection[int], at_least: int) -> Part:
    """Select what of a query belongs to one of the groups and has an id of at least this."""
    return _bool(
        filter=[query, _bool(should=_any(fields.GROUP, groups)), _ids(Bounds(since=at_least))]
    )


def outside_groups(query: Part, groups: Collection[int]) -> Part:
    """Select what of a query belongs to none of these groups."""
    return _bool(filter=[query], must_not=_any(fields.GROUP, groups)) if groups else query


def says_nearly(bands: Sequence[str]) -> Part:
    """Select tweets that have so many of these bands that they say nearly the same."""
    alike = {
        "should": [_term(fields.BANDS, band) for band in bands],
        "minimum_should_match": ENOUGH,
    }
    return {"bool": {"filter": [{"bool": alike}]}}


def older_generations(generation: int) -> Part:
    """Select what was put in with an earlier generation."""
    return {"range": {fields.GENERATION: {"lt": generation}}}


def tag_counts(limit: int) -> Part:
    """Count the authors of each hashtag, for the `limit` that most have."""
    by_tag = {"field": fields.HASHTAGS, "size": limit, "order": {"authors": "desc"}}
    authors = {"cardinality": {"field": fields.AUTHOR}}
    return {"tags": {"terms": by_tag, "aggs": {"authors": authors}}}


def _part(match: Match) -> Part:
    if match.phrase:
        return {"match_phrase": {fields.EXACT: " ".join(match.phrase)}}
    first, *others = [_term(field, value) for field, value in match.any_of]
    return _bool(should=[first, *others]) if others else first


def _ids(bounds: Bounds) -> Part:
    sides = {"gte": bounds.since, "lt": bounds.before}
    return {
        "range": {fields.ID: {side: value for side, value in sides.items() if value is not None}}
    }


def _term(field: str, value: str | int) -> Part:
    return {"term": {field: value}}


def _any(field: str, values: Collection[int]) -> list[Part]:
    known = sorted(values)
    starts = range(0, len(known), MOST_TERMS)
    return [{"terms": {field: known[start : start + MOST_TERMS]}} for start in starts]


def _bool(**parts: Sequence[Part]) -> Part:
    return {"bool": {occur: list(found) for occur, found in parts.items() if found}}
