"""Reading the row of a tweet: its body, and whether it is there and to be seen."""

from typing import Final

from services.platform.rows.port import Row
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.tweet.body_cells import decode_body, decode_quarantine
from services.tweet.keys import DELETED, parse_tweet_row_key
from services.tweet.model import Tweet
from services.tweet.spec import TWEETS

__all__ = ["BODY", "QUARANTINE", "SAID", "is_live", "readable", "tweet_id_of"]

BODY: Final = b"body"
SAID: Final = b"said"
QUARANTINE: Final = b"quarantine"


def readable(row: Row) -> Tweet | None:
    """Read a row; None for a deleted tweet, and for one that cannot be read, which is logged."""
    if not is_live(row):
        return None
    decided = row.cells.get(QUARANTINE)
    try:
        quarantine = None if decided is None else decode_quarantine(decided)
        body, said = row.cells[BODY], row.cells.get(SAID)
        return decode_body(parse_tweet_row_key(row.key), body, said, quarantine)
    except UNREADABLE as error:
        log_unreadable(TWEETS.name, row, error)
        return None


def tweet_id_of(row: Row) -> int | None:
    """Read a row's key; None for what is no tweet's."""
    try:
        return parse_tweet_row_key(row.key)
    except ValueError:
        return None


def is_live(row: Row) -> bool:
    """Whether a row is a tweet's that was not deleted."""
    return BODY in row.cells and DELETED not in row.cells
