"""Where URLs are in a text, by the rules that Twitter published as `twitter-text` 3.

A URL has `http://` or `https://`, or is bare, as in `example.com/a`. Its domain ends with one of
the top-level domains that are known there; of a bare one, only Latin labels count. Port, path and
query may follow, and the last character is none that punctuates: no full stop, and no parenthesis
that was opened outside.

Texts are looked at once, from left to right: a quantifier of one character is possessive, or is
followed by the one that ends the match, so no text makes a pattern go back and forth. Groups are
not possessive, as Python before 3.11.5 matched some of these wrong.
"""

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from services.platform.text.domains import (
    BEFORE_URL,
    DOMAIN_RUN,
    LATIN,
    DomainRun,
    has_valid_labels,
    latin_domains,
    may_have_domains,
)

__all__ = ["MAX_URL_CHARS", "Url", "find_urls"]

MAX_URL_CHARS: Final = 4096
"""Of what is longer, together with its protocol once more, none is a URL."""
MAX_SLUG_CHARS: Final = 40
"""Behind `t.co/`: the shortener's own are far shorter."""

_BARE_PROTOCOL: Final = "https://"
"""What a bare URL is counted with."""
_PROTOCOL: Final = re.compile(r"https?://", re.IGNORECASE | re.ASCII)
_BEFORE_URL: Final = re.compile(BEFORE_URL)
_BEYOND_BMP: Final = re.compile("[\U00010000-\U0010ffff]")
_BEFORE_NO_BARE: Final = "-_./"
"""A bare domain behind one of these is part of something else."""

_ENDS_PATH: Final = rf"[#+\-/-9=A-Z_a-z{LATIN}\u0400-\u04ff\u1c80-\u1c87]"
_IN_PATH: Final = r"[!$-'*,.:;@\[\]|~\u2013]"
"""Inside a path, but not its last character."""
_ANY: Final = _ENDS_PATH[:-1] + _IN_PATH[1:]
_PARENTHESES: Final = rf"\((?:{_ANY}++\)|{_ANY}*+\({_ANY}++\){_ANY}*+\))"
"""Closed, with something inside; one pair in another at most."""
_PORT_AND_PATH: Final = re.compile(
    rf"(?::[0-9]++)?(?P<path>/(?:(?:{_IN_PATH}++|{_PARENTHESES})*{_ENDS_PATH}++)*"
    rf"(?:{_PARENTHESES})*)?"
)
_QUERY: Final = r"\?[!#-;=?-\[\]_a-z|~]*[#&\-/-9=A-Z_a-z]"
_QUERY_PATTERN: Final = re.compile(_QUERY)
_SHORTENED: Final = re.compile(
    rf"https?://t\.co/(?P<slug>[a-z0-9]++)(?:{_QUERY})?", re.IGNORECASE | re.ASCII
)


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in a text: from `start` to `end`, in code points."""

    start: int
    end: int
    url: str
    """The text there, but where a bare domain goes on in another script: without that."""


class _Match(NamedTuple):
    """What looks like a URL: a protocol or none, a domain, and what follows it."""

    start: int
    domain_start: int
    domain_end: int
    end: int
    has_path: bool
    is_bare: bool
    is_void: bool = False
    """Part of something else: no URL, and nothing in it is one."""


def find_urls(text: str, most_between: int = sys.maxsize) -> Iterator[Url]:
    """Find URLs from left to right; takes time in proportion to the text that was looked at.

    The search may end where more than `most_between` code points after one another are in no URL:
    who counts has then found the text too long.
    """
    if not may_have_domains(text):
        return
    counted = searched = 0
    for run in DOMAIN_RUN.finditer(text):
        if run.start() - counted > most_between:
            return
        # Far enough to see of any domain that it is too long, and that no other follows.
        end = min(run.end(), counted + 2 * most_between + MAX_URL_CHARS)
        for match in _matches(text, run.start(), end, searched):
            searched = match.end
            for url in _urls(text, match):
                counted = url.end
                yield url
            if match.end - counted > most_between + MAX_URL_CHARS:
                return


def _matches(text: str, start: int, end: int, searched: int) -> Iterator[_Match]:
    """What looks like a URL with its domain in one run, behind what was `searched` before."""
    if text.find(".", start, end) < 0:
        return
    domains = DomainRun(text, start, end)
    protocol = _protocol_start(text, start, searched)
    domain_end = None if protocol is None else domains.end_from_start()
    if protocol is not None and domain_end is not None:
        has_path, searched = _rest(text, domain_end)
        yield _Match(protocol, start, domain_end, searched, has_path, is_bare=False)
    while (found := domains.find(searched)) is not None:
        begin, domain_end = found
        # At the text's start, or behind half of a character: no other stands before.
        is_void = begin != searched and text[begin - 1] in _BEFORE_NO_BARE
        has_path, searched = _rest(text, domain_end)
        yield _Match(begin, begin, domain_end, searched, has_path, is_bare=True, is_void=is_void)


def _protocol_start(text: str, end: int, searched: int) -> int | None:
    """Where a protocol begins that ends at `end`, if a URL may begin there."""
    for start in (end - len("https://"), end - len("http://")):
        if start >= 0 and _PROTOCOL.fullmatch(text, start, end):
            is_apart = start > searched and _BEFORE_URL.match(text, start - 1)
            return start if start == 0 or is_apart else None
    return None


def _rest(text: str, domain_end: int) -> tuple[bool, int]:
    """(whether a path follows the domain, where the URL ends)."""
    end, has_path = domain_end, False
    if (found := _PORT_AND_PATH.match(text, domain_end)) is not None:
        end, has_path = found.end(), found["path"] is not None
    query = _QUERY_PATTERN.match(text, end)
    return has_path, query.end() if query else end


def _urls(text: str, match: _Match) -> Iterator[Url]:
    if match.is_void:
        return
    url = text[match.start : match.end]
    domain = text[match.domain_start : match.domain_end]
    protocol = _BARE_PROTOCOL if match.is_bare else text[match.start : match.domain_start]
    beyond_bmp = 0 if url.isascii() else len(_BEYOND_BMP.findall(url))
    if len(protocol) + len(url) + beyond_bmp > MAX_URL_CHARS or not has_valid_labels(domain):
        return
    if match.is_bare:
        yield from _bare(url, domain, match)
        return
    shortened = _SHORTENED.match(url)
    if shortened is None:
        yield Url(match.start, match.end, url)
    elif len(shortened["slug"]) <= MAX_SLUG_CHARS:
        yield Url(match.start, match.start + shortened.end(), shortened.group())


def _bare(url: str, domain: str, match: _Match) -> Iterator[Url]:
    """Each Latin domain in it, the last with the path if there is one."""
    found = list(latin_domains(domain))
    for place, (first, end) in enumerate(found, start=1):
        start, name = match.start + first, domain[first:end]
        if match.has_path and place == len(found):
            yield Url(start, match.end, name + url[len(domain) :])
        else:
            yield Url(start, match.start + end, name)
