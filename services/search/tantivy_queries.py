"""Queries as Tantivy has them."""

from collections.abc import Collection, Sequence
from typing import Final

from tantivy import FieldType, Occur
from tantivy import Query as Tantivy

from services.platform.text.bounded_text import without_accents
from services.search import tantivy_schema as fields
from services.search.model import Bounds, Clause, Query, Term, TermKind
from services.search.near_duplicates import ENOUGH
from services.search.stemming import stems
from services.search.words import words

__all__ = [
    "in_group",
    "in_language",
    "of_ids",
    "older_generations",
    "outside_groups",
    "says_nearly",
    "translated",
]

_UNSCORED: Final = {
    TermKind.FROM: fields.AUTHOR,
    TermKind.TO: fields.ANSWERED,
    TermKind.LANGUAGE: fields.LANGUAGE,
    TermKind.FILTER: fields.KINDS,
}
"""What a tweet is, and not how well it fits."""


def translated(query: Query, bounds: Bounds) -> Tantivy:
    """Translate a query, within narrower bounds than its own. Words alone give a score."""
    parts = [
        (Occur.MustNot if clause.negated else Occur.Must, _clause(clause))
        for clause in query.clauses
    ]
    if query.hidden:
        parts.append((Occur.MustNot, _any(fields.AUTHOR, list(query.hidden))))
    if bounds.since is not None or bounds.before is not None:
        parts.append((Occur.Must, _unscored(_ids(bounds))))
    return Tantivy.boolean_query(parts)


def in_language(language: str, bounds: Bounds) -> Tantivy:
    """Select tweets in a language (empty: in any) within bounds."""
    within = _ids(bounds)
    if not language:
        return within
    return Tantivy.boolean_query(
        [(Occur.Must, within), (Occur.Must, _term(fields.LANGUAGE, language))]
    )


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
        fields.schema(),
        fields.GENERATION,
        FieldType.Unsigned,
        upper_bound=generation,
        include_upper=False,
    )


def _clause(clause: Clause) -> Tantivy:
    term = clause.term
    match term.kind:
        case TermKind.WORDS:
            return _words(term)
        case TermKind.PHRASE:
            return _phrase([without_accents(word) for word in words(term.text)])
        case TermKind.HASHTAG:
            return _term(fields.HASHTAGS, term.text)
        case TermKind.MENTION:
            return _term(fields.MENTIONS, term.text)
        case TermKind.FROM | TermKind.TO:
            return _unscored(_term(_UNSCORED[term.kind], int(term.text)))
        case TermKind.LANGUAGE | TermKind.FILTER:
            return _unscored(_term(_UNSCORED[term.kind], term.text))


def _words(term: Term) -> Tantivy:
    """Select a word in any inflection, or several, which were written together, as a phrase."""
    found = words(term.text)
    if len(found) > 1:
        return _phrase([without_accents(word) for word in found])
    (word,) = found
    # As it stands counts besides: it fits better than another inflection does.
    parts = [(Occur.Should, _term(fields.EXACT, without_accents(word)))]
    parts += [(Occur.Should, _term(fields.STEMS, each)) for each in stems(word)]
    return Tantivy.boolean_query(parts)


def _phrase(found: Sequence[str]) -> Tantivy:
    if len(found) == 1:
        return _term(fields.EXACT, found[0])
    return Tantivy.phrase_query(fields.schema(), fields.EXACT, list(found))


def _ids(bounds: Bounds) -> Tantivy:
    return Tantivy.range_query(
        fields.schema(),
        fields.ID,
        FieldType.Unsigned,
        lower_bound=bounds.since,
        upper_bound=bounds.before,
        include_upper=bounds.before is None,
    )


def _term(field: str, value: str | int) -> Tantivy:
    return Tantivy.term_query(fields.schema(), field, value)


def _any(field: str, values: list[int]) -> Tantivy:
    return Tantivy.term_set_query(fields.schema(), field, values)


def _unscored(query: Tantivy) -> Tantivy:
    return Tantivy.const_score_query(query, 0.0)
