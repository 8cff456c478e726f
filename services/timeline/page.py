"""Page: the tweets of one answer, and its bytes. The last of the four steps of a read.

A page is encoded out of encoded tweets, without parsing any: the wire format of a repeated message
field is the concatenation of tag, length and body
(https://protobuf.dev/programming-guides/encoding/), so a page of cached tweets is a join of bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from services.timeline.model import EncodedTweet

__all__ = ["Page", "cut_page", "splice_json_page", "splice_page"]

_TWEETS_TAG = b"\x0a"
"""Field 1, length-delimited: `repeated Tweet tweets = 1`."""
_NEXT_CURSOR_TAG = b"\x12"
"""Field 2, length-delimited: `string next_cursor = 2`."""
_VARINT_BITS = 7
_VARINT_MORE = 0x80
PAGE_BYTES = 3_500_000
"""Of the tweets of one page: an edge passes answers of up to 4 MB on, and so do channels. Only
texts of many of the longest URLs come to as much."""
_COMMON_BYTES = 2_048
"""Nearly all tweets are shorter; their headers are made once."""


@dataclass(frozen=True, slots=True)
class Page:
    """A page of tweets, newest first; `next_before` is the entry to go on from, None at the end."""

    tweets: Sequence[EncodedTweet]
    next_before: int | None
    first_retweet: int = 0
    """The newest retweet on this page or the pages before it; 0 for none."""
    retweeters: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Of the tweets that retweets brought, who retweeted them, the newest first."""


def cut_page(tweets: Sequence[EncodedTweet], limit: int, resume_before: int | None = None) -> Page:
    """Make a page of the first `limit` tweets; that there are more means that a page follows.

    Of fewer where they are of more than `PAGE_BYTES` together, of one at least. Behind a page of
    all of them, `resume_before` is where to go on (None: nowhere).
    """
    room = _fitting(tweets[:limit])
    if len(tweets) <= room:
        return Page(tweets, resume_before)
    return Page(tweets[:room], tweets[room - 1].entry_id)


def splice_page(tweets: Iterable[bytes], next_cursor: str = "") -> bytes:
    """Encode `{repeated Tweet tweets = 1; string next_cursor = 2;}`.

    `tweets` are encoded Tweet messages, in order; an empty cursor is left out, as proto3 does. The
    bytes equal those of the protobuf runtime.
    """
    parts: list[bytes] = []
    for tweet in tweets:
        length = len(tweet)
        parts += (_HEADERS[length] if length < _COMMON_BYTES else _header(length), tweet)
    if next_cursor:
        cursor = next_cursor.encode()
        parts += (_NEXT_CURSOR_TAG, _varint(len(cursor)), cursor)
    return b"".join(parts)


def splice_json_page(tweets: Iterable[bytes], next_cursor: bytes = b"") -> bytes:
    """Write the same page as JSON, of `tweets` in JSON and a cursor that is a JSON text."""
    cursor = b',"next_cursor":' + next_cursor if next_cursor else b""
    return b'{"tweets":[' + b",".join(tweets) + b"]" + cursor + b"}"


def _fitting(tweets: Sequence[EncodedTweet]) -> int:
    """Count the first that fit in a page."""
    sizes = [len(tweet.body) for tweet in tweets]
    if sum(sizes) <= PAGE_BYTES:
        return len(tweets)
    return max(1, sum(size <= PAGE_BYTES for size in accumulate(sizes)))


def _header(length: int) -> bytes:
    return _TWEETS_TAG + _varint(length)


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number >= _VARINT_MORE:
        encoded.append((number & (_VARINT_MORE - 1)) | _VARINT_MORE)
        number >>= _VARINT_BITS
    encoded.append(number)
    return bytes(encoded)


_HEADERS = tuple(map(_header, range(_COMMON_BYTES)))
