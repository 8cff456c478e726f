"""Page: the tweets of one answer, and its bytes. The last of the four steps of a read.

A page is encoded out of encoded tweets, without parsing any: the wire format of a repeated message
field is the concatenation of tag, length and body
(https://protobuf.dev/programming-guides/encoding/), so a page of cached tweets is a join of bytes.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from services.platform.drawing.wire import field_head
from services.platform.muting.words import NOTHING_MUTED, MutedWords
from services.timeline.model import EncodedTweet

__all__ = ["Page", "cut_page", "fitting", "splice_json_page", "splice_page"]

_TWEETS_FIELD = 1
"""`repeated Tweet tweets = 1`."""
_CURSOR_FIELD = 2
"""`string next_cursor = 2`."""
_PREVIOUS_FIELD = 3
"""`string previous_cursor = 3`."""
_INCLUDES_FIELD = 20
"""`Includes includes = 20`."""
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
    previous_after: int = 0
    """The entry above which newer pages are, however few there are yet."""
    first_retweet: int = 0
    """The newest retweet on this page or the pages before it; 0 for none."""
    retweeters: Mapping[int, Sequence[int]] = field(default_factory=dict)
    """Of the tweets that retweets brought, who retweeted them, the newest first."""
    mark: bytes = b""
    """Under which what the viewer did with tweets can be kept, see `HotHome`; empty for none."""
    words: MutedWords = NOTHING_MUTED
    """What its reader has muted: by this too goes what is shown with the tweets."""


def cut_page(  # noqa: PLR0913 - what a page says besides its tweets
    tweets: Sequence[EncodedTweet],
    limit: int,
    resume_before: int | None = None,
    *,
    behind: int = 0,
    mark: bytes = b"",
    words: MutedWords = NOTHING_MUTED,
) -> Page:
    """Make a page of the first `limit` tweets; that there are more means that a page follows.

    Of fewer where they are of more than `PAGE_BYTES` together, of one at least. Behind a page of
    all of them, `resume_before` is where to go on (None: nowhere). Where there are none, newer ones
    are those above `behind`.
    """
    previous_after = tweets[0].entry_id if tweets else behind
    room = fitting(tweets[:limit])
    if len(tweets) <= room:
        return Page(tweets, resume_before, previous_after, mark=mark, words=words)
    next_before = tweets[room - 1].entry_id
    return Page(tweets[:room], next_before, previous_after, mark=mark, words=words)


def splice_page(
    tweets: Iterable[bytes],
    next_cursor: str = "",
    includes: bytes = b"",
    previous_cursor: str = "",
) -> bytes:
    """Encode a page: the tweets, `next_cursor`, `previous_cursor` and includes.

    `tweets` are encoded Tweet messages, in order, and `includes` an encoded Includes; an empty
    cursor is left out, as proto3 does, and so are empty includes. The bytes equal those of the
    protobuf runtime.
    """
    parts: list[bytes] = []
    for tweet in tweets:
        length = len(tweet)
        parts += (
            _HEADERS[length] if length < _COMMON_BYTES else field_head(_TWEETS_FIELD, length),
            tweet,
        )
    for field_number, text in ((_CURSOR_FIELD, next_cursor), (_PREVIOUS_FIELD, previous_cursor)):
        if text:
            cursor = text.encode()
            parts += (field_head(field_number, len(cursor)), cursor)
    if includes:
        parts += (field_head(_INCLUDES_FIELD, len(includes)), includes)
    return b"".join(parts)


def splice_json_page(
    tweets: Iterable[bytes],
    next_cursor: bytes = b"",
    includes: bytes = b"",
    previous_cursor: bytes = b"",
) -> bytes:
    """Write the same page as JSON, of the parts in JSON; the cursors are JSON texts."""
    cursor = b',"next_cursor":' + next_cursor if next_cursor else b""
    previous = b',"previous_cursor":' + previous_cursor if previous_cursor else b""
    included = b',"includes":' + includes if includes else b""
    return b"".join((b'{"tweets":[', b",".join(tweets), b"]", cursor, previous, included, b"}"))


def fitting(tweets: Sequence[EncodedTweet]) -> int:
    """Count the first that fit in a page: one at least, where there is one."""
    sizes = [len(tweet.body) for tweet in tweets]
    if sum(sizes) <= PAGE_BYTES:
        return len(tweets)
    return max(1, sum(size <= PAGE_BYTES for size in accumulate(sizes)))


_HEADERS = tuple(field_head(_TWEETS_FIELD, length) for length in range(_COMMON_BYTES))
