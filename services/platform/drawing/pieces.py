"""What is added to a tweet that is kept encoded, encoded in the same two ways.

Of a message in protobuf's wire format what is appended is added to it
(https://protobuf.dev/programming-guides/encoding/); in JSON it goes between the last field and the
brace. The fields of `aviary.tweet.v1.Tweet` that are added here are its last ones, so that both are
what one would get from the whole message.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from aviary.tweet.v1.tweet_pb2 import Tweet, ViewerState

__all__ = [
    "BOOKMARKED",
    "LIKED",
    "NOBODY",
    "RETWEETED",
    "UNKNOWN_COUNTS",
    "TweetPiece",
    "TweetPieces",
    "done_of",
    "pieces_of",
    "without",
]

LIKED: Final = 1
RETWEETED: Final = 2
BOOKMARKED: Final = 4
"""What a viewer did with a tweet, as bits of one number; 0 is nothing."""
NOBODY: Final = -1
"""In place of that number, where nobody in particular reads or it is not known what they did."""
WITHHELD_SHIFT: Final = 3
"""By so many bits above stand those of what is not said, whatever it is (see `without`)."""
MOST: Final = (1 << 31) - 1
"""Of the counts that are shown."""


@dataclass(frozen=True, slots=True)
class TweetPiece:
    """What goes behind one tweet."""

    encoded: bytes
    """Behind the message."""
    json: bytes
    """In place of the closing brace of its JSON."""


class TweetPieces(dict[int, TweetPiece]):
    """The pieces of one tweet, by what is said of what the viewer did; each is made once."""

    __slots__ = ("_encoded", "_json")

    def __init__(self, encoded: bytes, json: str) -> None:
        super().__init__()
        self._encoded = encoded
        self._json = json

    def __missing__(self, done: int) -> TweetPiece:
        """Make the piece for a viewer who did this, or for `NOBODY`."""
        viewer = _NO_VIEWER if done == NOBODY else _VIEWERS[done]
        piece = TweetPiece(self._encoded + viewer.encoded, self._json.encode() + viewer.json + b"}")
        self[done] = piece
        return piece


def pieces_of(*, likes: int, retweets: int, replies: int, quotes: int) -> TweetPieces:
    """Make the pieces of a tweet that has so many of each; a count below 0 is shown as 0.

    A decrement that is counted before its increment leaves one there for a moment.
    """
    likes, retweets, replies, quotes = (
        min(max(0, count), MOST) for count in (likes, retweets, replies, quotes)
    )
    encoded: bytes = Tweet(
        like_count=likes, retweet_count=retweets, reply_count=replies, quote_count=quotes
    ).SerializeToString()
    json = (
        f',"like_count":{likes},"retweet_count":{retweets}'
        f',"reply_count":{replies},"quote_count":{quotes}'
    )
    return TweetPieces(encoded, json)


def done_of(
    liked: Iterable[int], retweeted: Iterable[int], bookmarked: Iterable[int]
) -> dict[int, int]:
    """Put together what somebody did with each of these tweets, as bits."""
    done = Counter[int]()
    for ids, bit in ((liked, LIKED), (retweeted, RETWEETED), (bookmarked, BOOKMARKED)):
        for tweet_id in ids:
            done[tweet_id] |= bit
    return dict(done)


def without(withheld: int, done: int) -> int:
    """Say what somebody did without those bits that are withheld."""
    if done == NOBODY or not withheld:
        return done
    return withheld << WITHHELD_SHIFT | done & ~withheld


UNKNOWN_COUNTS: Final = TweetPieces(b"", "")
"""Of a tweet whose counts are not known."""


def _viewer_piece(said: int) -> TweetPiece:
    names = {LIKED: "liked", RETWEETED: "retweeted", BOOKMARKED: "bookmarked"}
    withheld = said >> WITHHELD_SHIFT
    state = {name: bool(said & bit) for bit, name in names.items() if not withheld & bit}
    json = ",".join(f'"{name}":{"true" if is_so else "false"}' for name, is_so in state.items())
    encoded: bytes = Tweet(viewer=ViewerState(**state)).SerializeToString()
    return TweetPiece(encoded, b',"viewer":{%b}' % json.encode())


_NO_VIEWER: Final = TweetPiece(b"", b"")
_VIEWERS: Final = tuple(map(_viewer_piece, range(1 << 2 * WITHHELD_SHIFT)))
