"""Leaving out of a query what says nothing: a tweet need not have the same `the`."""

from collections.abc import Sequence
from typing import Final

from services.platform.text.words import words
from services.search.languages import UNKNOWN, guess
from services.search.model import Clause, TermKind
from services.search.stemming import is_stop_word

__all__ = ["without_stop_words"]

USUAL: Final = "en"
"""The language of a query that is too short to say; most are."""


def without_stop_words(clauses: Sequence[Clause]) -> tuple[Clause, ...]:
    """Leave out words that are stop words of the query's language, unless nothing is left to find.

    Words that are excluded stay, and so do phrases.
    """
    language = _language(clauses)
    kept = tuple(clause for clause in clauses if not _says_nothing(clause, language))
    return kept if any(not clause.negated for clause in kept) else tuple(clauses)


def _language(clauses: Sequence[Clause]) -> str:
    asked = [each.term.text for each in clauses if each.term.kind is TermKind.LANGUAGE]
    if asked:
        return asked[0]
    guessed = guess([word for each in clauses if _is_word(each) for word in words(each.term.text)])
    return USUAL if guessed == UNKNOWN else guessed


def _says_nothing(clause: Clause, language: str) -> bool:
    if clause.negated or not _is_word(clause):
        return False
    return all(is_stop_word(language, word) for word in words(clause.term.text))


def _is_word(clause: Clause) -> bool:
    return clause.term.kind is TermKind.WORDS
