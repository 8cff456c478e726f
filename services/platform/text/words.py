"""Words of a text, the same for what is indexed and what is asked.

Scripts that are written with spaces are cut into words. Runs of the others (Han, Kana, Hangul, Thai
and their neighbours) become overlapping pairs of characters, the usual way where no dictionary is
at hand (Nie and Ren, "Chinese information retrieval: using characters or words?", 1999).
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from services.platform.text.bounded_text import caseless, without_accents
from services.platform.text.urls import find_urls

__all__ = ["MAX_RUN_CHARS", "has_links", "hashtags", "is_unspaced", "mentions", "words"]

MAX_WORD_CHARS: Final = 64
"""What is longer is no word that anybody types; it is cut."""
MAX_RUN_CHARS: Final = 300
"""Characters without a space: more are a URL's, which may have thousands of words, each to stem in
every language. What is behind is left out."""

_UNSPACED: Final = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"  # Thai, Lao, Burmese, Khmer
    "\u3005-\u3007\u3040-\u30ff\u31f0-\u31ff\u3400-\u4dbf\u4e00-\u9fff"  # Kana, Han
    "\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003134f"  # Hangul, more Han
)
_MARKS: Final = (
    "\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u0900-\u0903\u093a-\u094f"
    "\u0981-\u0983\u09bc-\u09cd\u0a01-\u0a03\u0a3c-\u0a4d\u0a81-\u0a83\u0abc-\u0acd\u0b01-\u0b03"
    "\u0b3c-\u0b4d\u0b82\u0bbe-\u0bcd\u0c00-\u0c04\u0c3e-\u0c4d\u0c81-\u0c83\u0cbc-\u0ccd"
    "\u0d00-\u0d03\u0d3b-\u0d4d\u200c\u200d"
)
"""Within words of scripts that write vowels as marks; and joiners."""
_RUN: Final = re.compile(
    rf"[{_UNSPACED}]+|(?:(?![{_UNSPACED}_])[\w{_MARKS}])+(?:['\u2019](?![{_UNSPACED}_])\w+)*"
)
_ONE_UNSPACED: Final = re.compile(f"[{_UNSPACED}]")
_APOSTROPHE: Final = re.compile("['\u2019]")

_TAG: Final = re.compile(rf"(?<![\w&/])[#\uff03]([\w{_MARKS}]{{1,100}})")
_MENTION: Final = re.compile(r"(?<![\w@])@([A-Za-z0-9_]{1,15})(?![\w@])", re.ASCII)
_SCHEME: Final = re.compile("https?://(?:www\\.)?")
_LINK: Final = re.compile(r"https?://\S", re.IGNORECASE)


def words(text: str) -> list[str]:
    """Cut a text into words, in order, in small letters, with the accents that they have.

    The pairs of an unspaced run stand one after the other, so that a longer word of such a script
    is a phrase of them. A run of one character is that character.
    """
    if len(text) > MAX_RUN_CHARS:
        text = " ".join(run[:MAX_RUN_CHARS] for run in text.split())
    return list(_words(_SCHEME.sub("", caseless(text))))


def is_unspaced(word: str) -> bool:
    """Whether a word of `words` is of a script without spaces."""
    return _ONE_UNSPACED.match(word) is not None


def hashtags(text: str) -> list[str]:
    """Find hashtags, folded, without the sign; one of digits alone is none."""
    # Some characters, such as U+FDFA, become several words, and a tag is one.
    found = ("".join(caseless(tag).split()) for tag in _TAG.findall(text))
    return [without_accents(tag) for tag in found if not tag.isdigit()]


def mentions(text: str) -> list[str]:
    """Find handles that are mentioned, in small letters."""
    return [handle.lower() for handle in _MENTION.findall(text)]


def has_links(text: str) -> bool:
    """Whether there is a URL in it, with a protocol or without, by the rules of tweets."""
    return _LINK.search(text) is not None or any(find_urls(text))


def _words(text: str) -> Iterator[str]:
    for run in _RUN.findall(text):
        if is_unspaced(run):
            yield from _pairs(run)
        else:
            yield _APOSTROPHE.sub("", run)[:MAX_WORD_CHARS]


def _pairs(run: str) -> Sequence[str]:
    if len(run) == 1:
        return run
    return [run[place : place + 2] for place in range(len(run) - 1)]
