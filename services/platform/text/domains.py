"""Names of domains in a text, as Twitter's `twitter-text` 3 has them: where one begins and ends.

A domain is labels with a full stop behind each, then a top-level domain. Labels are of any script,
and have `-` and `_` inside; the last before the top-level domain has no `_`. The longest is taken.
"""

import re
from collections.abc import Iterator
from typing import Final, NamedTuple

from services.platform.text.top_level_domains import top_level_domain_end

__all__ = [
    "BEFORE_URL",
    "DOMAIN_RUN",
    "LATIN",
    "LATIN_AS_WRITTEN",
    "DomainRun",
    "has_valid_labels",
    "latin_domains",
    "may_have_domains",
]

LATIN_AS_WRITTEN: Final = (
    "\u00c0-\u00d6\u00d8-\u00f6\u00f8-\u024f\u0253\u0254\u0256\u0257\u0259\u025b\u0263\u0268"
    "\u026f\u0272\u0289\u028b\u02bb\u0300-\u036f\u1e00-\u1eff"
)
"""Latin letters that are not ASCII and combining marks, for a class of characters."""
LATIN: Final = (
    LATIN_AS_WRITTEN + "\u0260\u0269\u0275\u0280\u0283\u0288\u028a\u028c\u0292\u0399\u03b9\u1fbe"
    "\u2c65\u2c66\u2c7e\u2c7f"
)
"""The same in any case."""
BEFORE_URL: Final = "[^A-Za-z0-9@\uff20$#\uff03\ufeff\ufffe\uffff]"
"""What a URL may stand behind: anything but a letter or digit of ASCII, or a sigil."""

MAX_LABEL_CHARS: Final = 63
"""Of a label as DNS has it, which is Punycode for what is not ASCII."""

_OUTSIDE: Final = (
    r"\t-\r !#-,/:-@\[-\^{-~\u0085\u00a0\u061c\u1680\u180e\u2000-\u200a\u200e\u200f\u2028-\u202f"
    r"\u205f\u2066-\u2069\u3000\ufeff\ufffe\uffff"
)
"""Punctuation, space and marks of direction: what no domain has."""
DOMAIN_RUN: Final = re.compile(rf"[^{_OUTSIDE}]++")
"""Characters that domains have, as many as there are: each domain is within one such run."""
_HAS_DOMAIN: Final = re.compile(rf"[^{_OUTSIDE}.\-_]\.[^{_OUTSIDE}.\-_]")
"""The end of a label and the start of the next: what each domain has, and few sentences."""
_BEGINS: Final = re.compile(
    # `twitter-text` sees halves of what is beyond U+FFFF: a domain may begin with the second.
    rf"(?:(?<={BEFORE_URL})|(?=[\U00010000-\U0010ffff]))[^{_OUTSIDE}.\-_]"
)
_LABEL_CHARACTER: Final = re.compile(rf"[^{_OUTSIDE}.\-_]")
_LABELS: Final = re.compile(rf"(?:[^{_OUTSIDE}.\-_](?:[^{_OUTSIDE}.]*[^{_OUTSIDE}.\-_])?\.)+")
"""Labels without a gap, each with its dot."""
_MAY_BE_TOP_LEVEL: Final = re.compile(r"\.(?=[A-Za-z]{2}|[^\x00-\x7f])")
"""A dot that a top-level domain may follow: no other is looked up."""
_BMP_END: Final = "\uffff"
_LATIN_LABELS: Final = re.compile(rf"(?:[A-Za-z0-9{LATIN}\-]++\.)+")
_LONG_LABELS: Final = re.compile(r"[^.]{9,}+")
"""A code point takes 7 characters of Punycode at most, so a shorter label is never too long."""
_OTHER_FULL_STOPS: Final = re.compile("[\u3002\uff0e\uff61]")
_PUNYCODE: Final = "xn--"


class _End(NamedTuple):
    """A dot with a top-level domain behind it, up to `end`."""

    first: int
    """Where a domain may begin, at the earliest, for this to be its last label."""
    dot: int
    end: int


class DomainRun:
    """The domains in one run of the characters that domains have, from left to right.

    Labels without a gap are a chain. Its dots are looked at from the right up to the first with a
    top-level domain behind it, which is where the longest domain ends. A chain that has none has
    none from further right either, so the time is in proportion to the run's length.
    """

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._looked_to = start
        """No domain begins before it, but for `_late`."""
        self._late: list[_End] = []
        """Of the last chain: those that end a domain which begins in that label, behind a `_`."""

    def end_from_start(self) -> int | None:
        """Where the domain ends that begins where the run does; None if none does."""
        chain = _LABELS.match(self._text, self._start, self._end)
        return None if chain is None else self._longest(chain)

    def find(self, searched: int) -> tuple[int, int] | None:
        """(start, end) of the first domain that begins behind a character at `searched` or later.

        Or at the very start of the text. Each time, `searched` is no less than what was found.
        """
        while True:
            while self._late:
                late = self._late.pop()
                begin = self._beginning(max(late.first, searched), searched, late.dot)
                if begin is not None:
                    return begin, late.end
            begin = self._beginning(max(self._looked_to, searched), searched, self._end)
            if begin is None:
                return None
            chain = _LABELS.match(self._text, begin, self._end)
            if chain is None:
                self._looked_to = self._text.find(".", begin, self._end) + 1 or self._end
            elif (end := self._longest(chain)) is not None:
                return begin, end
            else:
                self._looked_to = chain.end()

    def _beginning(self, at: int, searched: int, stop: int) -> int | None:
        """Where the first domain at `at` or later may begin, before `stop`."""
        if at == 0 and self._text[0] <= _BMP_END:
            # The first character stands rather before a domain, where it may, than in it.
            if _BEGINS.match(self._text, 1, stop):
                return 1
            if _LABEL_CHARACTER.match(self._text):
                return 0
        found = _BEGINS.search(self._text, at, stop)
        if found and found.start() == searched and found.group() <= _BMP_END:
            found = _BEGINS.search(self._text, at + 1, stop)
        return found.start() if found else None

    def _longest(self, chain: re.Match[str]) -> int | None:
        """Where the longest domain ends that begins with the chain; keeps `_late` if none does."""
        late = []
        for end in self._ends(chain):
            if end.first == chain.start() or self._text[end.first - 1] == ".":
                return end.end
            late.append(end)
        self._late = late
        return None

    def _ends(self, chain: re.Match[str]) -> Iterator[_End]:
        """Each dot of a chain that a top-level domain is behind, from the right."""
        shapes = _MAY_BE_TOP_LEVEL.finditer(self._text, chain.start(), chain.end() + len(_PUNYCODE))
        dots = [shape.start() for shape in shapes if shape.start() < chain.end()]
        for dot in reversed(dots):
            if (end := top_level_domain_end(self._text, dot + 1)) is not None:
                label = max(chain.start(), self._text.rfind(".", chain.start(), dot) + 1)
                yield _End(max(label, self._text.rfind("_", label, dot) + 1), dot, end)


def may_have_domains(text: str) -> bool:
    """Whether a look for domains is worth its time; most texts have none."""
    return "." in text and _HAS_DOMAIN.search(text) is not None


def has_valid_labels(domain: str) -> bool:
    """Whether DNS could have a domain that was found: by the lengths of labels, encoded."""
    if any(_encoded_length(label) > MAX_LABEL_CHARS for label in _LONG_LABELS.findall(domain)):
        return False
    return not domain.startswith(_PUNYCODE) or any(latin_domains(domain))


def latin_domains(domain: str) -> Iterator[tuple[int, int]]:
    """Where those are that have Latin labels only, in a domain of `has_valid_labels`."""
    position = 0
    while (labels := _LATIN_LABELS.search(domain, position)) is not None:
        position = labels.end()
        end = top_level_domain_end(domain, position)
        cut = position
        while end is None and (cut := domain.rfind(".", labels.start(), cut - 1) + 1):
            end = top_level_domain_end(domain, cut)
        if end is not None:
            yield labels.start(), end
            position = end


def _encoded_length(label: str) -> int:
    if label.isascii() or len(label) > MAX_LABEL_CHARS:
        return len(label)
    parts = _OTHER_FULL_STOPS.split(label)
    return len(parts) - 1 + sum(map(_part_length, parts))


def _part_length(part: str) -> int:
    return len(part) if part.isascii() else len(_PUNYCODE) + len(part.encode("punycode"))
