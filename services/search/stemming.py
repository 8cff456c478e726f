"""Stems and stop words of the languages that Tantivy has Snowball stemmers for.

What they give is part of what is stored: `ANALYSIS` has to change with them.
"""

from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from tantivy import Filter, TextAnalyzer, TextAnalyzerBuilder, Tokenizer

from services.platform.text.bounded_text import without_accents
from services.platform.text.words import is_unspaced

__all__ = ["ANALYSIS", "LANGUAGES", "is_stop_word", "stem", "stems", "stop_words_in"]

ANALYSIS: Final = 1
"""Version of how texts are cut, stemmed and compared: an index of another one is built anew."""

LANGUAGES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "ar": "arabic",
        "da": "danish",
        "de": "german",
        "el": "greek",
        "en": "english",
        "es": "spanish",
        "fi": "finnish",
        "fr": "french",
        "hu": "hungarian",
        "it": "italian",
        "nl": "dutch",
        "no": "norwegian",
        "pt": "portuguese",
        "ro": "romanian",
        "ru": "russian",
        "sv": "swedish",
        "ta": "tamil",
        "tr": "turkish",
    }
)
"""BCP 47 code to the name of the Snowball stemmer."""
_WITH_STOP_WORDS: Final = frozenset(LANGUAGES) - {"ar", "el", "ro", "ta", "tr"}
KNOWN_WORDS: Final = 4_000
"""Words whose stem is kept, and as many whose stems in every language are, some MB together: most
words of a text are those of many others."""


@lru_cache(maxsize=KNOWN_WORDS)
def stem(language: str, word: str) -> str:
    """Give the stem of a word of `words`, without accents; the word where there is no stemmer."""
    return _stem(language, word)


def _stem(language: str, word: str) -> str:
    analyzer = _stemmer(language)
    if analyzer is None or is_unspaced(word):
        return without_accents(word)
    return without_accents(" ".join(analyzer.analyze(word)) or word)


@lru_cache(maxsize=KNOWN_WORDS)
def stems(word: str) -> Sequence[str]:
    """Give what a word may have become in any language, the word itself among it; each once."""
    if is_unspaced(word):
        return (without_accents(word),)
    found = (_stem(each, word) for each in LANGUAGES)
    return tuple(dict.fromkeys((without_accents(word), *found)))


def is_stop_word(language: str, word: str) -> bool:
    """Whether a word says nothing in this language; false where nobody knows."""
    analyzer = _stopper(language)
    return analyzer is not None and not analyzer.analyze(word)


def stop_words_in(language: str, known: Sequence[str]) -> int:
    """Count those of the words that are stop words of the language."""
    analyzer = _stopper(language)
    return 0 if analyzer is None else len(known) - len(analyzer.analyze(" ".join(known)))


@cache
def _stemmer(language: str) -> TextAnalyzer | None:
    if language not in LANGUAGES:
        return None
    builder = TextAnalyzerBuilder(Tokenizer.raw())
    return builder.filter(Filter.stemmer(LANGUAGES[language])).build()


@cache
def _stopper(language: str) -> TextAnalyzer | None:
    if language not in _WITH_STOP_WORDS:
        return None
    builder = TextAnalyzerBuilder(Tokenizer.whitespace())
    return builder.filter(Filter.stopword(LANGUAGES[language])).build()
