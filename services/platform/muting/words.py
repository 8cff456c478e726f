"""Whether a text says a word that a reader has muted.

Texts and muted words are folded alike: cut into words as search cuts them, in small letters and
without accents. So a word matches whole, in any case. A hashtag is there twice, as a word and with
its `#`: a muted word hides its hashtag too, a muted hashtag no plain word. The same goes for `@`.
"""

from bisect import bisect_right
from collections.abc import Collection, Iterable, Sequence
from functools import lru_cache
from typing import Final

from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import MAX_EXPANSION, normalized, without_accents
from services.platform.text.characters import check_characters
from services.platform.text.words import hashtags, is_unspaced, mentions, words

__all__ = [
    "MAX_MUTED_WORDS",
    "MAX_WORD_CHARS",
    "NOTHING_MUTED",
    "MutedWords",
    "folded",
    "folded_word",
    "muted_words",
    "validate_muted_word",
]

MAX_MUTED_WORDS: Final = 200
"""Of one reader: all travel with the reader's relations."""
MAX_WORD_CHARS: Final = 100
"""Of one of them, in NFKC: a phrase of some fifteen words, and the longest hashtag."""
READERS_KEPT: Final = 200
"""Readers whose words are kept ready to match; some 30 MB if all have the most and the longest."""

_WANTED: Final = f"must be 1 to {MAX_WORD_CHARS} characters, with a letter or digit"
_APART: Final = "\n"
"""Between what is one after the other in a text and what is not: no word has it."""


class MutedWords:
    """What one reader has muted. Immutable; true if that is anything."""

    __slots__ = ("_first", "_longest", "_phrases", "_single", "_within", "words")

    def __init__(self, said: Iterable[str]) -> None:
        """Take them as the reader wrote them; what no text can say mutes nothing."""
        self.words: Final = tuple(said)
        found = {each for each in map(folded_word, self.words) if each}
        self._within = frozenset(each for each in found if len(each) == 1 and is_unspaced(each))
        """Of one character of a script without spaces, which stand in pairs."""
        self._single = frozenset(each for each in found if " " not in each)
        self._phrases = _prefix_free(f" {each} " for each in found if " " in each)
        self._first = frozenset(phrase.split(" ", 2)[1] for phrase in self._phrases)
        self._longest = max(map(len, self._phrases), default=0)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return bool(self.words)

    def __len__(self) -> int:
        """Count them."""
        return len(self.words)

    def __eq__(self, other: object) -> bool:
        """Whether they are the same, as written."""
        return isinstance(other, MutedWords) and self.words == other.words

    def __hash__(self) -> int:
        """Go by what was written."""
        return hash(self.words)

    def __repr__(self) -> str:
        """Say how many; never which: they are private, and this ends in logs."""
        return f"MutedWords({len(self.words)})"

    def hide(self, text: str) -> bool:
        """Whether a `folded` text says any of them.

        Takes time in proportion to the text's length, however many there are, but for their
        logarithm.
        """
        tokens = text.split(" ")
        if not self._single.isdisjoint(tokens):
            return True
        if self._within and any(
            is_unspaced(token) and not self._within.isdisjoint(token) for token in tokens if token
        ):
            return True
        return bool(self._phrases) and self._has_phrase(text, tokens)

    def _has_phrase(self, text: str, tokens: Sequence[str]) -> bool:
        at = 0
        for token in tokens[1:]:
            if token in self._first:
                piece = text[at : at + self._longest]
                # What begins with a phrase sorts behind it, and none is between: see below.
                place = bisect_right(self._phrases, piece)
                if place and piece.startswith(self._phrases[place - 1]):
                    return True
            at += len(token) + 1
        return False


def muted_words(said: Collection[str]) -> MutedWords:
    """Make what a reader has muted ready to match, once for as long as the same is asked for."""
    return _kept(tuple(said)) if said else NOTHING_MUTED


def folded(text: str) -> str:
    """Fold a text for `MutedWords.hide`: its words, its hashtags and whom it names, with spaces."""
    parts = (
        *map(without_accents, words(text)),
        *_signed(text),
    )
    return f" {' '.join(parts)} "


def folded_word(word: str) -> str:
    """Fold what a reader mutes: words with spaces between, one hashtag or one name.

    Empty where it has nothing that a text could say. Two of the same are one.
    """
    signed = _signed(word)
    plain = list(map(without_accents, words(word)))
    if len(signed) == 2 and len(word.split()) == 1:  # noqa: PLR2004 - the mark, and the one
        return signed[1]
    return " ".join(plain)


def validate_muted_word(word: str) -> str:
    """Give a word as it is kept: NFKC, with one space in the place of many.

    Raises `InvalidArgumentError` (`word`) for one that is too long, or that no text can say.
    """
    most = MAX_EXPANSION * MAX_WORD_CHARS
    normal = normalized("word", word, most=most, wanted=_WANTED, form="NFKC")
    check_characters("word", normal, lines=False)
    kept = " ".join(normal.split())
    if not 1 <= len(kept) <= MAX_WORD_CHARS or not folded_word(kept):
        raise InvalidArgumentError("word", _WANTED)
    return kept


def _prefix_free(phrases: Iterable[str]) -> Sequence[str]:
    """Sort phrases, without those that begin with another one, which is found wherever they are."""
    kept: list[str] = []
    for phrase in sorted(phrases):
        if not kept or not phrase.startswith(kept[-1]):
            kept.append(phrase)
    return kept


def _signed(text: str) -> list[str]:
    """Find hashtags and names, with their signs, behind a mark that keeps phrases out of them."""
    found = [
        *(f"#{tag}" for tag in hashtags(text)),
        *(f"@{handle}" for handle in mentions(text)),
    ]
    return [_APART, *found] if found else []


@lru_cache(maxsize=READERS_KEPT)
def _kept(said: tuple[str, ...]) -> MutedWords:
    return MutedWords(said)


NOTHING_MUTED: Final = MutedWords(())
