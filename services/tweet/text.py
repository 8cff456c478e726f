"""What a tweet may say, and how long it is.

Lengths follow version 3 of Twitter's public `twitter-text` configuration: text is normalised to
NFC, most scripts count 1 a character and the rest (CJK, emoji) 2, an emoji sequence counts 2 as a
whole, a URL counts 23 however long it is. They equal those of npm's `twitter-text`, except that a
line end counts as the one character that is stored.
"""

import re

from services.platform.errors import InvalidArgumentError
from services.platform.text.bounded_text import normalized
from services.platform.text.characters import check_characters, is_blank
from services.platform.text.emoji import emoji_sequences, may_have_sequences
from services.platform.text.urls import find_urls

__all__ = ["MAX_WEIGHTED_LENGTH", "URL_LENGTH", "validate_text", "weighted_length"]

MAX_WEIGHTED_LENGTH = 280

URL_LENGTH = 23
"""What each URL counts, as if shortened."""

MAX_RAW_CHARS = 50_000
"""More cannot fit: eleven URLs of 4,089 characters and the text between. Checked first, so that
nobody makes us parse megabytes."""

MAX_PLAIN_CHARS = MAX_WEIGHTED_LENGTH // 2 * 8
"""More cannot fit without a URL: the longest emoji sequence has 8 code points and counts 2. So
whoever counts looks no further."""

_SCALE = 100
_DEFAULT_WEIGHT = 200
_LIGHT_WEIGHT = 100
_LIGHT_RANGES = ((0, 4351), (8192, 8205), (8208, 8223), (8242, 8247))
"""Code points, both ends included, that weigh `_LIGHT_WEIGHT`."""

_LIGHT = re.compile("[" + "".join(f"{chr(lo)}-{chr(hi)}" for lo, hi in _LIGHT_RANGES) + "]+")

_LINE_ENDS = re.compile("\r\n?")


def weighted_length(text: str) -> int:
    """Count `text` as users see it counted, to be held against `MAX_WEIGHTED_LENGTH`.

    Beyond that, counting may end early: of a text that is too long it says no more than that.
    Raises `InvalidArgumentError` on `text` for one that is not worth counting: longer than
    `MAX_RAW_CHARS`, or with more combining marks in a row than any language has.
    """
    return _composed_length(_composed(text))


def validate_text(text: str) -> str:
    """Check the text of a tweet and give it in NFC with lines that end in U+000A.

    Raises `InvalidArgumentError` on `text` if it is blank, longer than `MAX_WEIGHTED_LENGTH`, has
    what `check_characters` refuses, or has more combining marks in a row than any language.
    """
    text = _composed(text)
    check_characters("text", text, lines=True)
    if is_blank(text):
        raise InvalidArgumentError("text", "must not be blank")
    length = _composed_length(text)
    if length > MAX_WEIGHTED_LENGTH:
        raise InvalidArgumentError(
            "text",
            f"must have a weighted length of at most {MAX_WEIGHTED_LENGTH}, has {length} or more",
        )
    return text


def _composed(text: str) -> str:
    wanted = f"must be at most {MAX_RAW_CHARS} characters"
    composed = normalized("text", text, most=MAX_RAW_CHARS, wanted=wanted)
    return _LINE_ENDS.sub("\n", composed)


def _composed_length(text: str) -> int:
    """Count a text in NFC, up to where it is too long."""
    if text.isascii() and "." not in text:
        return len(text)
    weight = position = 0
    for url in find_urls(text, MAX_PLAIN_CHARS):
        weight += _plain_weight(text[position : min(url.start, position + MAX_PLAIN_CHARS + 1)])
        weight += URL_LENGTH * _SCALE
        position = url.start + len(url.url)
        if weight > MAX_WEIGHTED_LENGTH * _SCALE:
            return weight // _SCALE
    weight += _plain_weight(text[position : position + MAX_PLAIN_CHARS + 1])
    return weight // _SCALE


def _plain_weight(text: str) -> int:
    """Weigh, in hundredths, text without URLs."""
    if text.isascii():
        return len(text) * _LIGHT_WEIGHT
    weight = _weight_of_each(text)
    if may_have_sequences(text):
        for sequence in emoji_sequences().findall(text):
            weight += _DEFAULT_WEIGHT - _weight_of_each(sequence)
    return weight


def _weight_of_each(text: str) -> int:
    heavy = len(_LIGHT.sub("", text))
    return heavy * _DEFAULT_WEIGHT + (len(text) - heavy) * _LIGHT_WEIGHT
