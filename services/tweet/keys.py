"""The tweet service's row keys: built and parsed here and nowhere else."""

from services.platform.rows.keys import (
    ID_HEX_DIGITS,
    ID_MASK,
    SHARD_HEX_DIGITS,
    KeyRange,
    checked_id,
    parse_hex,
    prefix_range,
    range_of,
    shard_of,
    split_key,
)

__all__ = [
    "DELETED",
    "DELETE_ENTRY_BIT",
    "LISTED",
    "RETWEET",
    "TWEET_SHARDS",
    "author_range",
    "author_row_key",
    "author_span",
    "parse_author_row_key",
    "parse_quarantined_row_key",
    "parse_reply_row_key",
    "parse_tweet_row_key",
    "quarantined_after",
    "quarantined_row_key",
    "replies_range",
    "reply_row_key",
    "retweet_pair_key",
    "tweet_row_key",
    "tweet_shard",
    "tweets_after",
    "tweets_of_shard",
]


DELETED = b"deleted"
"""The column of a tweet's row, and of its place in its author's list, once it is deleted."""
LISTED = b"listed"
"""The column of a place in an author's list."""
RETWEET = b"retweet"
"""The column that a retweet's row has in place of a body; and of a pair, which retweet stands."""

_AFTER_HEX = b"g"
"""Sorts behind every key that begins with a hex digit."""

DELETE_ENTRY_BIT = 1 << 63
"""Distinguishes the outbox entry of a deletion from the creation's; ids leave this bit clear."""

TWEET_SHARDS = 64
"""Row-key prefixes of the tweet table: snowflakes rise with time, and without a prefix all new
tweets would land on one tablet."""


def tweet_shard(tweet_id: int) -> int:
    """Compute the shard of a tweet, 0 to 63."""
    return shard_of(tweet_id, TWEET_SHARDS)


def tweet_row_key(tweet_id: int) -> bytes:
    """`{shard:02x}#{id:016x}`."""
    return f"{tweet_shard(tweet_id):02x}#{tweet_id:016x}".encode()


def parse_tweet_row_key(key: bytes) -> int:
    """Return the tweet id; `ValueError` if this is no tweet row key."""
    shard, tweet_id = split_key(key, SHARD_HEX_DIGITS, ID_HEX_DIGITS)
    if shard != tweet_shard(tweet_id):
        raise ValueError(f"the shard of row key {key!r} is not its tweet's")
    return tweet_id


def tweets_after(tweet_id: int | None) -> KeyRange:
    """Select all tweets behind this one in the order of their keys; None selects all."""
    start = b"" if tweet_id is None else tweet_row_key(tweet_id) + b"\x00"
    return KeyRange(start, _AFTER_HEX)


def tweets_of_shard(shard: int, after: int) -> KeyRange:
    """Select the tweets of a shard with id > `after`, by rising id."""
    return KeyRange(f"{shard:02x}#{after:016x}".encode() + b"\x00", f"{shard:02x}g".encode())


def quarantined_row_key(tweet_id: int) -> bytes:
    """`{id:016x}`: what is quarantined, or was."""
    return f"{checked_id(tweet_id):016x}".encode()


def parse_quarantined_row_key(key: bytes) -> int:
    """Return the tweet id; `ValueError` if this is no such key."""
    return checked_id(parse_hex(key, ID_HEX_DIGITS))


def quarantined_after(tweet_id: int) -> KeyRange:
    """Select what is listed with larger ids, by rising id."""
    return KeyRange(f"{tweet_id:016x}".encode() + b"\x00", _AFTER_HEX)


def author_row_key(author_id: int, tweet_id: int) -> bytes:
    """`{author:016x}#{~id:016x}`: an author's tweets, newest first."""
    return f"{checked_id(author_id):016x}#{checked_id(tweet_id) ^ ID_MASK:016x}".encode()


def parse_author_row_key(key: bytes) -> tuple[int, int]:
    """Return (author id, tweet id); `ValueError` if this is no author row key."""
    author_id, inverted = split_key(key, ID_HEX_DIGITS, ID_HEX_DIGITS)
    return author_id, checked_id(inverted ^ ID_MASK)


def author_range(author_id: int, before: int | None = None) -> KeyRange:
    """Select the author's tweets with id < `before` (None: all), newest first."""
    whole = prefix_range(author_id)
    if before is None:
        return whole
    # In this order "older than `before`" begins just after the key of `before` itself.
    return KeyRange(author_row_key(author_id, before) + b"\x00", whole.end)


def author_span(author_id: int, first: int, end: int) -> KeyRange:
    """Select the author's tweets with `first` <= id < `end`, newest first."""
    return KeyRange(author_row_key(author_id, end - 1), author_row_key(author_id, first) + b"\x00")


def retweet_pair_key(user_id: int, tweet_id: int) -> bytes:
    """`{user:016x}#{tweet:016x}`: somebody's retweet of a tweet."""
    return f"{checked_id(user_id):016x}#{checked_id(tweet_id):016x}".encode()


def reply_row_key(parent_id: int, reply_id: int) -> bytes:
    """`{shard:02x}#{parent:016x}#{~id:016x}`: the replies to a tweet, newest first.

    By shards of the tweet answered, since most answer one of the newest.
    """
    inverted = checked_id(reply_id) ^ ID_MASK
    return f"{_replies_prefix(parent_id)}#{inverted:016x}".encode()


def parse_reply_row_key(key: bytes) -> tuple[int, int]:
    """Return (the tweet answered, the reply); `ValueError` if this is no key of a reply."""
    parent_key, _, inverted = key.rpartition(b"#")
    return parse_tweet_row_key(parent_key), checked_id(parse_hex(inverted, ID_HEX_DIGITS) ^ ID_MASK)


def replies_range(parent_id: int, before: int | None = None) -> KeyRange:
    """Select the replies to a tweet with id < `before` (None: all), newest first."""
    whole = range_of(_replies_prefix(parent_id))
    if before is None:
        return whole
    return KeyRange(reply_row_key(parent_id, before) + b"\x00", whole.end)


def _replies_prefix(parent_id: int) -> str:
    return tweet_row_key(parent_id).decode()
