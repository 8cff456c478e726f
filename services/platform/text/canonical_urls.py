"""One form for all the ways to write a URL, and the prefixes by which lists name it.

After the canonicalization and the host-suffix and path-prefix expressions of Google's Safe Browsing
(Update API v4, "URLs and Hashing"), with what browsers do with names that are not ASCII: the
mapping of UTS 46 in so far as NFKC and small letters give it. Scheme, user, port and fragment say
nothing of where a page is, and are left out.
"""

import re
from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Final, NamedTuple
from urllib.parse import quote, unquote_to_bytes

from services.platform.text.bounded_text import caseless

__all__ = ["CanonicalUrl", "canonical_url", "expressions", "loose_urls"]

MOST_LABELS: Final = 10
"""Of a name, from its end, that lists can name: longer ones are made to be passed over."""
LONGEST_LABEL: Final = 63
"""Of a name, as DNS has it: a longer one leads nowhere. Writing it in Punycode takes time by the
square of its length."""
MOST_SEGMENTS: Final = 32
"""Of a path, from its beginning, that lists can name."""
MOST_ROUNDS: Final = 16
"""Of decoding what was encoded again and again; each makes a URL shorter."""
MAX_IPV4: Final = (1 << 32) - 1
_SCHEME: Final = re.compile(r"[a-z][a-z0-9+.\-]*:[/\\]{2,}", re.IGNORECASE | re.ASCII)
_LOOSE: Final = re.compile(r"https?:[/\\]{2,}[^\s<>\"]+", re.IGNORECASE)
_IGNORED: Final = re.compile(
    "[\u0000-\u0020\u007f\u00ad\u034f\u180e\u200b-\u200f\u2060-\u2064\ufeff]"
)
"""Controls, and what is not drawn: names and paths are the same without them."""
_STOPS: Final = re.compile("[\u3002\uff61]")
"""Full stops of other scripts, which part names as well; NFKC makes one of all others."""
_SAFE_IN_PATH: Final = "!$&'()*+,-./:;=@_~"
_SAFE: Final = _SAFE_IN_PATH + "?"
_NUMBER: Final = re.compile(r"0x[0-9a-f]*|[0-9]+", re.ASCII)


class CanonicalUrl(NamedTuple):
    """Where a URL leads."""

    host: str
    """In small letters of ASCII, an address of IPv4 with four numbers; never empty."""
    path: str
    """Begins with a slash, and ends with none: empty for the root."""
    query: str
    """With its question mark; empty for none."""


def canonical_url(text: str) -> CanonicalUrl | None:
    """Read a URL, with or without its scheme; None for what has no name of a host."""
    text = _SCHEME.sub("", _IGNORED.sub("", text), count=1)
    text = text.partition("#")[0].replace("\\", "/")
    # Parted before anything is decoded: an encoded slash ends no name.
    end = min(at for at in (text.find("/"), text.find("?"), len(text)) if at >= 0)
    host = _host(_decoded(text[:end]))
    if not host:
        return None
    path, mark, query = text[end:].partition("?")
    return CanonicalUrl(host, _path(_decoded(path)), quote(mark + _decoded(query), safe=_SAFE))


def expressions(url: CanonicalUrl) -> Iterator[str]:
    """Give all that may stand in a list for this URL, from the whole of it to its domain alone.

    A host and a path: `a.example.com/x?y`, `a.example.com/x`, `a.example.com`, `example.com/x?y`, …
    """
    paths = [url.path + url.query] if url.query else []
    segments = url.path.split("/")[: MOST_SEGMENTS + 1]
    paths += [url.path] if len(segments) <= MOST_SEGMENTS else []
    paths += ["/".join(segments[:count]) for count in range(len(segments), 0, -1)]
    for host in _suffixes(url.host):
        for path in dict.fromkeys(paths):
            yield host + path


def loose_urls(text: str) -> Iterator[str]:
    """Give all that a browser's address bar would take for a URL with a scheme, in any text."""
    for found in _LOOSE.finditer(text):
        yield found[0]


def _decoded(text: str) -> str:
    """Take percent-encoding away, however often it was put on."""
    for _ in range(MOST_ROUNDS):
        again = unquote_to_bytes(text).decode("utf-8", "replace")
        if again == text:
            break
        text = again
    return text


def _host(authority: str) -> str:
    """Give the name of the host, without user and port."""
    name = caseless(authority.rpartition("@")[2])
    name = _IGNORED.sub("", _STOPS.sub(".", name))
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    name = name.partition(":")[0]
    labels = [_ascii(label) for label in name.split(".") if label]
    return _address(labels) or ".".join(labels)


def _ascii(label: str) -> str:
    """Write a label as DNS has it; one that is none stays as it is."""
    if label.isascii() or len(label) > LONGEST_LABEL:
        return label
    try:
        return f"xn--{label.encode('punycode').decode('ascii')}"
    except UnicodeError:
        return label


def _address(labels: list[str]) -> str | None:
    """Read an address of IPv4 in any of the forms that `inet_aton` takes; None for a name."""
    if not 1 <= len(labels) <= 4 or not all(map(_NUMBER.fullmatch, labels)):  # noqa: PLR2004
        return None
    try:
        *first, last = [_number(label) for label in labels]
    except ValueError:
        return None
    room = 8 * (4 - len(first))
    if any(each > 0xFF for each in first) or last >> room:  # noqa: PLR2004 - a byte each
        return None
    whole = sum(each << 8 * (3 - place) for place, each in enumerate(first)) + last
    return str(IPv4Address(whole))


def _number(digits: str) -> int:
    if digits.startswith("0x"):
        return int(digits[2:] or "0", 16)
    return int(digits, 8 if digits.startswith("0") and digits != "0" else 10)


def _path(path: str) -> str:
    """Resolve `.` and `..`, and leave out what is empty."""
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    return quote("".join(f"/{each}" for each in kept), safe=_SAFE_IN_PATH)


def _suffixes(host: str) -> list[str]:
    """Give the host, and the domains that it is in; an address is in none."""
    labels = host.split(".")
    if labels[-1].isdigit():
        return [host]
    most = range(min(len(labels), MOST_LABELS), 0, -1)
    return list(dict.fromkeys([host, *(".".join(labels[-count:]) for count in most)]))
