"""What a tweet must have in its fields to match a term, whatever the engine."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from services.platform.text.bounded_text import without_accents
from services.platform.text.words import words
from services.search.fields import (
    ANSWERED,
    AUTHOR,
    EXACT,
    HASHTAGS,
    KINDS,
    LANGUAGE,
    MENTIONS,
    STEMS,
)
from services.search.model import Term, TermKind
from services.search.stemming import stems

__all__ = ["Match", "match_of"]

_NUMBERS: Final = {TermKind.FROM: AUTHOR, TermKind.TO: ANSWERED}
_KEYWORDS: Final = {
    TermKind.HASHTAG: HASHTAGS,
    TermKind.MENTION: MENTIONS,
    TermKind.LANGUAGE: LANGUAGE,
    TermKind.FILTER: KINDS,
}
_UNSCORED: Final = frozenset({TermKind.FROM, TermKind.TO, TermKind.LANGUAGE, TermKind.FILTER})
"""What a tweet is, and not how well it fits."""


@dataclass(frozen=True, slots=True)
class Match:
    """Either any of some values, or words that follow each other."""

    any_of: tuple[tuple[str, str | int], ...] = ()
    """(field, value); the more of them, the better it fits."""
    phrase: tuple[str, ...] = ()
    """Of `EXACT`; two words or more."""
    scored: bool = True
    """Whether it says how well a tweet fits."""


def match_of(term: Term) -> Match:
    """Give what a term asks for."""
    match term.kind:
        case TermKind.WORDS:
            return _inflected(words(term.text))
        case TermKind.PHRASE:
            return _phrase(words(term.text))
        case TermKind.FROM | TermKind.TO:
            value: str | int = int(term.text)
            field = _NUMBERS[term.kind]
        case TermKind.HASHTAG | TermKind.MENTION | TermKind.LANGUAGE | TermKind.FILTER:
            value, field = term.text, _KEYWORDS[term.kind]
    return Match(((field, value),), scored=term.kind not in _UNSCORED)


def _inflected(found: Sequence[str]) -> Match:
    """Ask for a word in any inflection, or for several that were written together as a phrase."""
    if len(found) > 1:
        return _phrase(found)
    (word,) = found
    # As it stands counts besides: it fits better than another inflection does.
    return Match(((EXACT, without_accents(word)), *((STEMS, each) for each in stems(word))))


def _phrase(found: Sequence[str]) -> Match:
    plain = tuple(map(without_accents, found))
    return Match(((EXACT, plain[0]),)) if len(plain) == 1 else Match(phrase=plain)
