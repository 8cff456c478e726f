"""Which tweets answer a tweet, as rows: one for each reply, in the list of the tweet answered.

Cell `author` says whose the reply is. A deletion is a cell of its own, as in the lists of authors:
a create that is replayed later writes `author` again and changes nothing of that.
"""

from collections.abc import Sequence

from services.platform.ids.model import MAX_ID
from services.platform.rows.port import Row, RowMutation, RowStore, Scan
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.tweet.keys import parse_reply_row_key, replies_range, reply_row_key
from services.tweet.model import RepliesPosition, Reply, ReplySlice, Tweet
from services.tweet.spec import REPLIES

__all__ = ["RowReplies", "listed", "unlisted"]

_AUTHOR = b"author"
_DELETED = b"deleted"
_YES = b"1"


def listed(tweet: Tweet) -> list[RowMutation]:
    """Return what puts a tweet among the replies of the one it answers; nothing where that is none.

    Dated by the tweet's own time, so that a replay is older than whatever happened since.
    """
    return _row(tweet, {_AUTHOR: b"%d" % tweet.user_id}, tweet.created_at_ms)


def unlisted(tweet: Tweet, at_ms: int) -> list[RowMutation]:
    """Return what takes it out for good."""
    return _row(tweet, {_DELETED: _YES}, at_ms)


class RowReplies:
    """A `Replies` on a `RowStore`."""

    def __init__(self, rows: RowStore) -> None:
        self._rows = rows

    async def slices(self, positions: Sequence[RepliesPosition], limit: int) -> list[ReplySlice]:
        """Scan the lists, all in one read."""
        ranges = [replies_range(each.tweet_id, each.before) for each in positions]
        scans = [Scan(REPLIES.name, keys.start, keys.end, limit) for keys in ranges]
        found = await self._rows.scan_many(scans) if scans else []
        return [_slice(rows, limit) for rows in found]

    async def add(self, tweets: Sequence[Tweet]) -> None:
        """Write the rows of those that answer others, as their creation does."""
        if rows := [row for tweet in tweets for row in listed(tweet)]:
            await self._rows.mutate(rows)


def _row(tweet: Tweet, cells: dict[bytes, bytes], at_ms: int) -> list[RowMutation]:
    if not tweet.in_reply_to_tweet_id:
        return []
    key = reply_row_key(tweet.in_reply_to_tweet_id, tweet.tweet_id)
    return [RowMutation(REPLIES.name, key, cells, timestamp_ms=at_ms)]


def _slice(rows: Sequence[Row], limit: int) -> ReplySlice:
    replies = tuple(filter(None, map(_reply, rows)))
    if len(rows) < limit:
        return ReplySlice(replies, None)
    return ReplySlice(replies, next(filter(None, map(_reply_id, reversed(rows))), None))


def _reply_id(row: Row) -> int | None:
    """Read a row's key; None for what is no reply's."""
    try:
        return parse_reply_row_key(row.key)[1]
    except ValueError:
        return None


def _reply(row: Row) -> Reply | None:
    """Read a row; None for a deleted reply, and for one that cannot be read, which is logged."""
    if _DELETED in row.cells:
        return None
    try:
        author_id = int(row.cells[_AUTHOR])
        if not 0 < author_id <= MAX_ID:
            raise ValueError("an author is a positive number of 63 bits")
        return Reply(parse_reply_row_key(row.key)[1], author_id)
    except UNREADABLE as error:
        log_unreadable(REPLIES.name, row, error)
        return None
