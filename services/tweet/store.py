"""Tweets as rows: one row a tweet, one in its author's list, one row a request id.

One more is in the list of the tweet that it answers (see `reply_rows`).

A tweet's row has the cells `body` and `said` (JSON), `deleted`, `delivery` and `quarantine` (see
`quarantine_store`); that of a retweet has no body, and is read by `RowRetweetStore` alone. Deletion
is a cell of its own, in the tweet's row and in both lists, and readers believe it above all: a
create that is replayed later writes the first two again and changes nothing of that.
"""

from collections.abc import Sequence
from typing import Any

from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.cells import swap_cell
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.keys import KeyRange, request_row_key
from services.platform.rows.port import CellName, Row, RowMutation, RowStore, Scan, TableSpec
from services.tweet.body_cells import (
    decode_lineage,
    encode_body,
    encode_lineage,
    encode_said,
)
from services.tweet.keys import (
    DELETE_ENTRY_BIT,
    DELETED,
    LISTED,
    RETWEET,
    TWEET_SHARDS,
    author_range,
    author_row_key,
    parse_author_row_key,
    tweet_row_key,
    tweet_shard,
    tweets_after,
)
from services.tweet.model import Delivery, RequestClaim, Tweet, TweetSlice
from services.tweet.reply_rows import listed, unlisted
from services.tweet.spec import REQUESTS, TWEET_EVENTS, TWEETS, TWEETS_BY_AUTHOR
from services.tweet.tweet_rows import BODY, SAID, is_live, readable, tweet_id_of

__all__ = ["RowTweetStore"]


_DELIVERY = b"delivery"
_CLAIM = b"claim"
_AUTHOR = b"author"
_YES = b"1"
_FORGOTTEN = b""
"""The body of a deleted tweet, and what it said."""


class RowTweetStore:
    """A `TweetStore` on a `RowStore` and its outbox."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def get_many(self, tweet_ids: Sequence[int], *, hidden: bool = False) -> dict[int, Tweet]:
        """Read tweets by id; what is unknown, deleted, unreadable or not to be seen is left out."""
        found, _ = await self._read_many(tweet_ids, hidden=hidden)
        return found

    async def read_many(self, tweet_ids: Sequence[int]) -> tuple[dict[int, Tweet], frozenset[int]]:
        """Read tweets by id, and tell which rows are those of tweets and give none."""
        return await self._read_many(tweet_ids, hidden=False)

    async def _read_many(
        self, tweet_ids: Sequence[int], *, hidden: bool
    ) -> tuple[dict[int, Tweet], frozenset[int]]:
        keys = [tweet_row_key(tweet_id) for tweet_id in tweet_ids]
        rows = await self._rows.read_rows(TWEETS.name, keys)
        found: dict[int, Tweet] = {}
        withheld: set[int] = set()
        for tweet_id, key in zip(tweet_ids, keys, strict=True):
            row = rows.get(key)
            if row is None or not is_live(row):
                continue
            tweet = readable(row)
            if tweet is None or (tweet.is_hidden and not hidden):
                withheld.add(tweet_id)
            else:
                found[tweet_id] = tweet
        return found, frozenset(withheld)

    async def was_created(self, tweet_id: int) -> bool:
        """Whether the row has a body, which a deletion leaves there, empty."""
        row = await self._read(TWEETS, tweet_row_key(tweet_id))
        return row is not None and BODY in row.cells

    async def create(self, tweet: Tweet, event: bytes) -> None:
        """Write the tweet, its places in lists and its event together."""
        # The tweet's own time, so that a replay is older than whatever happened since.
        at_ms = tweet.created_at_ms
        await self._outbox.commit(
            [
                RowMutation(
                    TWEETS.name,
                    tweet_row_key(tweet.tweet_id),
                    {BODY: encode_body(tweet), SAID: encode_said(tweet)},
                    timestamp_ms=at_ms,
                ),
                RowMutation(
                    TWEETS_BY_AUTHOR.name,
                    author_row_key(tweet.user_id, tweet.tweet_id),
                    {LISTED: _YES},
                    timestamp_ms=at_ms,
                ),
                *listed(tweet),
            ],
            OutboxEntry(tweet.tweet_id, TWEET_EVENTS, event),
        )

    async def delete(self, tweet: Tweet, at_ms: int, event: bytes) -> None:
        """Mark the tweet and its places in lists as deleted, with the event."""
        # The id may come from a machine whose clock is ahead, and a body of the same millisecond
        # would win if the create were replayed.
        at_ms = max(at_ms, tweet.created_at_ms + 1)
        await self._outbox.commit(
            [
                RowMutation(
                    TWEETS.name,
                    tweet_row_key(tweet.tweet_id),
                    {BODY: _FORGOTTEN, SAID: _FORGOTTEN, DELETED: _YES},
                    timestamp_ms=at_ms,
                ),
                # A cell, not a deleted row, which a replayed create would bring back.
                RowMutation(
                    TWEETS_BY_AUTHOR.name,
                    author_row_key(tweet.user_id, tweet.tweet_id),
                    {DELETED: _YES},
                    timestamp_ms=at_ms,
                ),
                *unlisted(tweet, at_ms),
            ],
            OutboxEntry(tweet.tweet_id | DELETE_ENTRY_BIT, TWEET_EVENTS, event),
        )

    async def claim(self, user_id: int, request_id: str, claim: RequestClaim) -> RequestClaim:
        """Bind a request id to `claim` if it is unbound; gives the claim that holds."""
        key = request_row_key(user_id, request_id)
        cell = CellName(REQUESTS.name, key, _CLAIM)
        return await _CLAIMS.add(self._rows, cell, claim) or claim

    async def find_claim(self, user_id: int, request_id: str) -> RequestClaim | None:
        """Read what a request id stands for; None if it is unbound."""
        row = await self._read(REQUESTS, request_row_key(user_id, request_id))
        return None if row is None else _CLAIMS.loads(row.cells[_CLAIM])

    async def claim_deletion(self, tweet: Tweet, request_id: str) -> None:
        """Note that this request asked for the deletion of the tweet, and whose it was."""
        key = _deletion_key(tweet.tweet_id, request_id)
        cells = {_CLAIM: _YES, _AUTHOR: b"%d" % tweet.user_id}
        await self._rows.mutate([RowMutation(REQUESTS.name, key, cells)])

    async def deletion_of(self, tweet_id: int, request_id: str) -> int | None:
        """Give whose tweet this request asked to delete before; None if it did not."""
        row = await self._read(REQUESTS, _deletion_key(tweet_id, request_id))
        return None if row is None else int(row.cells.get(_AUTHOR, b"0"))

    async def list_by_author(self, user_id: int, before: int | None, limit: int) -> list[int]:
        """Read the author's newest ids below `before`, passing over deleted ones."""
        return (await self.list_by_authors([user_id], before, limit))[user_id]

    async def list_by_authors(
        self, user_ids: Sequence[int], before: int | None, limit: int
    ) -> dict[int, list[int]]:
        """Read the newest ids of each author, in one read but for those with deleted tweets."""
        found: dict[int, list[int]] = {user_id: [] for user_id in user_ids}
        wanted = {user_id: author_range(user_id, before) for user_id in found}
        while wanted:
            scans = [
                Scan(TWEETS_BY_AUTHOR.name, keys.start, keys.end, limit - len(found[user_id]))
                for user_id, keys in wanted.items()
            ]
            rest: dict[int, KeyRange] = {}
            each = zip(wanted.items(), scans, await self._rows.scan_many(scans), strict=True)
            for (user_id, keys), scan, rows in each:
                ids = found[user_id]
                ids += [
                    parse_author_row_key(row.key)[1] for row in rows if DELETED not in row.cells
                ]
                if len(rows) == scan.limit and len(ids) < limit:
                    # Deleted tweets took places in this scan: the next one begins just after it.
                    rest[user_id] = KeyRange(rows[-1].key + b"\x00", keys.end)
            wanted = rest
        return found

    async def read_slice(self, after: int | None, limit: int) -> TweetSlice:
        """Scan the rows behind that of `after`, by shard and id."""
        keys = tweets_after(after)
        rows = await self._rows.scan(TWEETS.name, keys.start, keys.end, limit=limit)
        found = filter(None, map(readable, rows))
        tweets = tuple(tweet for tweet in found if not tweet.is_hidden)
        if len(rows) < limit:
            return TweetSlice(tweets, None, 100)
        last = next(filter(None, map(tweet_id_of, reversed(rows))), after)
        if last == after:
            raise ValueError(f"{limit} rows of {TWEETS.name} in a row have no key of a tweet")
        return TweetSlice(tweets, last, 100 * tweet_shard(last or 0) // TWEET_SHARDS)

    async def decide_delivery(self, tweet_id: int, delivery: Delivery) -> Delivery | None:
        """Write the decision if there is none; gives the one that holds."""
        key = tweet_row_key(tweet_id)
        row = await self._read(TWEETS, key)
        if row is None or not (is_live(row) or row.cells.get(RETWEET)):
            return None
        decided = row.cells.get(_DELIVERY)
        if decided is None:
            cell = CellName(TWEETS.name, key, _DELIVERY)
            decided = await swap_cell(self._rows, cell, None, delivery.value.encode())
        return delivery if decided is None else Delivery(decided.decode())

    async def _read(self, table: TableSpec, key: bytes) -> Row | None:
        return (await self._rows.read_rows(table.name, [key])).get(key)


def _deletion_key(tweet_id: int, request_id: str) -> bytes:
    # Of the tweet: whose it was is not known any more to whoever asks again.
    return request_row_key(f"delete#{tweet_id:016x}", request_id)


def _encode_claim(claim: RequestClaim) -> list[Any]:
    return [claim.tweet_id, claim.fingerprint, encode_lineage(claim.lineage)]


def _decode_claim(found: list[Any]) -> RequestClaim:
    # Claims of the release before there were lineages end here.
    tweet_id, fingerprint, lineage, *_ = (*found, None)
    return RequestClaim(tweet_id, fingerprint, decode_lineage(lineage))


_CLAIMS = JsonCells(_encode_claim, _decode_claim)
