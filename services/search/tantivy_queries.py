"""Queries as Tantivy has them."""

from collections.abc import Collection, Sequence

from tantivy import FieldType, Occur
from tantivy import Query as Tantivy

from services.search import fields
from services.search.analysis import CLOSED
from services.search.matching import Match, match_of
from services.search.model import Bounds, Query
from services.search.near_duplicates import ENOUGH
from services.search.tantivy_schema import schema

__all__ = [
    "in_group",
    "in_language",
    "of_ids",
    "older_generations",
    "outside_groups",
    "says_nearly",
    "translated",
]


def translated(query: Query, bounds: Bounds) -> Tantivy:
    """Translate a query, within narrower bounds than its own. Words alone give a score."""
    parts = [
        (Occur.MustNot if clause.negated else Occur.Must, _part(match_of(clause.term)))
        for clause in query.clauses
    ]
    if query.hidden:
        parts.append((Occur.MustNot, _any(fields.AUTHOR, list(query.hidden))))
    if bounds.since is not None or bounds.before is not None:
        parts.append((Occur.Must, _unscored(_ids(bounds))))
    return Tantivy.boolean_query(parts)


def in_language(language: str, bounds: Bounds) -> Tantivy:
    """Select tweets for everybody in a language (empty: in any) within bounds."""
    parts = [(Occur.Must, _ids(bounds)), (Occur.MustNot, _term(fields.KINDS, CLOSED))]
    if language:
        parts.append((Occur.Must, _term(fields.LANGUAGE, language)))
    return Tantivy.boolean_query(parts)


def in_group(query: Tantivy, group: int, at_least: int) -> Tantivy:
    """Select what of a query belongs to a group and has an id of at least this."""
    return Tantivy.boolean_query(
        [
            (Occur.Must, query),
            (Occur.Must, _term(fields.GROUP, group)),
            (Occur.Must, _ids(Bounds(since=at_least))),
        ]
    )


def outside_groups(query: Tantivy, groups: Collection[int]) -> Tantivy:
    """Select what of a query belongs to none of these groups."""
    if not groups:
        return query
    parts = [(Occur.Must, query), (Occur.MustNot, _any(fields.GROUP, list(groups)))]
    return Tantivy.boolean_query(parts)


def says_nearly(bands: Sequence[str]) -> Tantivy:
    """Select tweets that have so many of these bands that they say nearly the same."""
    parts = [(Occur.Should, _term(fields.BANDS, band)) for band in bands]
    return Tantivy.boolean_query(parts, minimum_number_should_match=ENOUGH)


def of_ids(ids: Collection[int]) -> Tantivy:
    """Select tweets by id."""
    return _any(fields.ID, list(ids))


def older_generations(generation: int) -> Tantivy:
    """Select what was put in with an earlier generation."""
    return Tantivy.range_query(
        schema(),
        fields.GENERATION,
        FieldType.Unsigned,
        upper_bound=generation,
        include_upper=False,
    )


def _part(match: Match) -> Tantivy:
    if match.phrase:
        return Tantivy.phrase_query(schema(), fields.EXACT, list(match.phrase))
    first, *others = [_term(field, value) for field, value in match.any_of]
    any_of = [(Occur.Should, each) for each in (first, *others)]
    part = Tantivy.boolean_query(any_of) if others else first
    return part if match.scored else _unscored(part)


def _ids(bounds: Bounds) -> Tantivy:
    return Tantivy.range_query(
        schema(),
        fields.ID,
        FieldType.Unsigned,
        lower_bound=bounds.since,
        upper_bound=bounds.before,
        include_upper=bounds.before is None,
    )


def _term(field: str, value: str | int) -> Tantivy:
    return Tantivy.term_query(schema(), field, value)


def _any(field: str, values: list[int]) -> Tantivy:
    return Tantivy.term_set_query(schema(), field, values)


def _unscored(query: Tantivy) -> Tantivy:
    return Tantivy.const_score_query(query, 0.0)
