"""What a text refers to: users, topics, stocks and pages, and where in it.

By the rules of `twitter-text` 3 (`extractEntitiesWithIndices`): the one that begins first takes its
characters, and what begins within it is none. But for `@user/list`, a list of somebody there, which
is an entity of no kind here.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Final

from services.platform.text.domains import LATIN_AS_WRITTEN
from services.platform.text.hashtag_characters import DIGITS_AND_SIGNS, LETTERS_AND_MARKS
from services.platform.text.urls import Url, find_urls

__all__ = ["NO_ENTITIES", "Cashtag", "Entities", "Hashtag", "Mention", "Url", "find_entities"]


@dataclass(frozen=True, slots=True)
class Mention:
    """A user's handle with its `@`, from `start` to `end`, in code points."""

    start: int
    end: int
    username: str
    """As written: 1 to 20 letters, digits and underscores. Whether anybody has it is not known."""


@dataclass(frozen=True, slots=True)
class Hashtag:
    """A topic with its `#`, from `start` to `end`, in code points."""

    start: int
    end: int
    tag: str


@dataclass(frozen=True, slots=True)
class Cashtag:
    """A stock's symbol with its `$`, from `start` to `end`, in code points."""

    start: int
    end: int
    tag: str


@dataclass(frozen=True, slots=True)
class Entities:
    """All of a text, each kind in the order of the text; none overlaps another of any kind."""

    mentions: tuple[Mention, ...] = ()
    hashtags: tuple[Hashtag, ...] = ()
    cashtags: tuple[Cashtag, ...] = ()
    urls: tuple[Url, ...] = ()


@dataclass(frozen=True, slots=True)
class _ListOfUser:
    start: int
    end: int


_Found = Mention | Hashtag | Cashtag | Url | _ListOfUser
NO_ENTITIES: Final = Entities()
_SIGILS: Final = re.compile("[@\uff20#\uff03$.]")
_SPACE: Final = r"\t-\r \u0085\u00a0\u1680\u180e\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_MENTION: Final = re.compile(
    r"[@\uff20]"
    r"(?:(?<![A-Za-z0-9_!#$%&*@\uff20][@\uff20])|(?<=(?<![A-Za-z0-9_+~.\-])[Rr][Tt][@\uff20]))"
    r"(?P<username>[A-Za-z0-9_]{1,20}+)(?P<list>/[A-Za-z][A-Za-z0-9_\-]{0,24}+)?"
    rf"(?P<void>(?=[@\uff20{LATIN_AS_WRITTEN}]|://))?"
)
_CASHTAG: Final = re.compile(
    rf"\$(?<![^{_SPACE}]\$)(?P<tag>[A-Za-z]{{1,6}}(?:[._][A-Za-z]{{1,2}})?)"
    r"(?=[\t-\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff!#-/:-@\[-_{-~]|\Z)"
)


def find_entities(text: str) -> Entities:
    """Find what a text refers to; takes time in proportion to its length."""
    if _SIGILS.search(text) is None:
        return NO_ENTITIES
    # In this order, as of two that begin at the same place the first is taken.
    found: list[_Found] = [*find_urls(text), *_mentions(text), *_hashtags(text), *_cashtags(text)]
    if not found:
        return NO_ENTITIES
    found.sort(key=lambda entity: entity.start)
    taken = list(_without_overlap(found))
    return Entities(
        mentions=tuple(each for each in taken if isinstance(each, Mention)),
        hashtags=tuple(each for each in taken if isinstance(each, Hashtag)),
        cashtags=tuple(each for each in taken if isinstance(each, Cashtag)),
        urls=tuple(each for each in taken if isinstance(each, Url)),
    )


def _without_overlap(found: Iterable[_Found]) -> Iterator[_Found]:
    end = 0
    for each in found:
        if each.start >= end:
            end = each.end
            yield each


def _mentions(text: str) -> Iterator[Mention | _ListOfUser]:
    for found in _matches(_MENTION, text) if "@" in text or "\uff20" in text else ():
        if found["list"]:
            yield _ListOfUser(*found.span())
        else:
            yield Mention(*found.span(), found["username"])


def _hashtags(text: str) -> Iterator[Hashtag]:
    for found in _matches(_hashtag(), text) if "#" in text or "\uff03" in text else ():
        yield Hashtag(*found.span(), found["tag"])


def _cashtags(text: str) -> Iterator[Cashtag]:
    for found in _CASHTAG.finditer(text) if "$" in text else ():
        yield Cashtag(*found.span(), found["tag"])


def _matches(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Those that are not void, for what follows, and do not begin where one before ends."""
    end = -1
    for found in pattern.finditer(text):
        if found.start() != end and found["void"] is None:
            yield found
        end = found.end()


@cache
def _hashtag() -> re.Pattern[str]:
    """Made for the first text that has a `#`, in some milliseconds."""
    of_tag = LETTERS_AND_MARKS + DIGITS_AND_SIGNS
    return re.compile(
        rf"[#\uff03](?:(?<![{of_tag}&][#\uff03])|(?<=[\ufe0e\ufe0f][#\uff03]))(?![\ufe0f\u20e3])"
        rf"(?P<tag>(?=[{DIGITS_AND_SIGNS}]*+[{LETTERS_AND_MARKS}])[{of_tag}]++)"
        r"(?P<void>(?=[#\uff03]|://))?"
    )
