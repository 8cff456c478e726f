"""Text from callers, bounded before work is done on it.

Putting a text into a normal form sorts each run of combining marks, and takes time by the square of
the run's length. So the length is looked at first, the runs next, and then the text is normalised:
that order is kept here, and nowhere else is text of callers normalised.
"""

import re
import unicodedata
from collections.abc import Sequence
from functools import cache
from typing import Final, Literal

from services.platform.errors import InvalidArgumentError

__all__ = [
    "MAX_EXPANSION",
    "MAX_MARKS_IN_A_ROW",
    "caseless",
    "has_scalars_only",
    "normalized",
    "without_accents",
]

MAX_MARKS_IN_A_ROW: Final = 30
"""Combining marks after one another, as in the Stream-Safe Text Format (UAX #15, section 13): far
beyond what any language needs."""

MAX_EXPANSION: Final = 4
"""Code points that compose to one character at most (UAX #15, canonical decomposition in UTF-32).
So a text that has n characters in a composed form came in at most this many times n."""

_SURROGATES: Final = re.compile("[\ud800-\udfff]")
_ACCENTS: Final = re.compile("[\u0300-\u036f]+")
_BMP_END: Final = 0x10000
_MARKS_END: Final = 0x1F000
"""No mark stands above: a test looks at all of Unicode."""


def has_scalars_only(text: str) -> bool:
    """Whether it has a UTF-8 form; half of a surrogate pair, which JSON can say, has none."""
    return _SURROGATES.search(text) is None


def normalized(
    field: str, text: str, *, most: int, wanted: str, form: Literal["NFC", "NFKC"] = "NFC"
) -> str:
    """Give a text of at most `most` code points, as it came, in a normal form.

    Raises `InvalidArgumentError` on `field` for a longer one, which says what was `wanted`, and for
    a longer run of combining marks than `MAX_MARKS_IN_A_ROW`. Takes time in proportion to the
    length, whatever the text says.
    """
    if len(text) > most:
        raise InvalidArgumentError(field, wanted)
    if text.isascii():
        return text
    _check_runs(field, text)
    normal = unicodedata.normalize(form, text)
    if normal != text:
        # Some marks, such as U+0344, become two; and what was taken must be taken again.
        _check_runs(field, normal)
    return normal


def caseless(text: str) -> str:
    """Give a text that was taken before in NFKC, by which texts are compared, in small letters.

    Of a longer run of combining marks than is taken, the rest is left out.
    """
    if text.isascii():
        return text.lower()
    kept = _shortened(text)
    return _shortened(unicodedata.normalize("NFKC", kept)).casefold()


def without_accents(word: str) -> str:
    """Take the marks of Latin, Greek and Cyrillic letters from a word of a `caseless` text."""
    if word.isascii():
        return word
    bare = _ACCENTS.sub("", unicodedata.normalize("NFD", word))
    return unicodedata.normalize("NFC", bare)


def _shortened(text: str) -> str:
    if not _has_long_run(text):
        return text
    end = _MARKS_END if _SUPPLEMENTARY.search(text) else _BMP_END
    return _runs(end).sub(lambda run: run[0][:MAX_MARKS_IN_A_ROW], text)


def _check_runs(field: str, text: str) -> None:
    if _has_long_run(text):
        raise InvalidArgumentError(
            field, f"must not have more than {MAX_MARKS_IN_A_ROW} combining marks in a row"
        )


def _has_long_run(text: str) -> bool:
    # A class of characters that goes beyond U+FFFF is searched ten times slower, so it is searched
    # only where such a character is.
    runs = _runs(_MARKS_END if _SUPPLEMENTARY.search(text) else _BMP_END)
    return any(len(run) > MAX_MARKS_IN_A_ROW for run in runs.findall(text))


def _is_mark(point: int) -> bool:
    # By what it becomes: a few marks, such as U+0F73, have no combining class themselves but are
    # made of marks that have.
    mark = chr(point)
    becomes = unicodedata.normalize("NFKD", mark)[0] if unicodedata.decomposition(mark) else mark
    return unicodedata.combining(becomes) != 0


@cache
def _marks() -> Sequence[int]:
    return [point for point in range(_MARKS_END) if _is_mark(point)]


@cache
def _runs(end: int) -> re.Pattern[str]:
    """Match runs of marks below `end` as wholes, each read once; the shortest are passed over.

    Made for the first text that is not ASCII, in some 20 ms: a process starts without it.
    """
    marks = [mark for mark in _marks() if mark < end]
    # Those in a row make one range: a class of few ranges is searched faster.
    known = set(marks)
    starts = [chr(mark) for mark in marks if mark - 1 not in known]
    ends = [chr(mark) for mark in marks if mark + 1 not in known]
    ranges = "".join(f"{one}-{last}" for one, last in zip(starts, ends, strict=True))
    # Written twice, for the regex engine skips ahead by a class, but not by a repeated one.
    return re.compile(f"[{ranges}][{ranges}]{{3,}}")


_SUPPLEMENTARY: Final = re.compile(f"[{chr(_BMP_END)}-{chr(_MARKS_END - 1)}]")
