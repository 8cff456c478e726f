"""Retweets as rows: one row a retweet, one in the list of who retweeted, one for whose of what.

A retweet's row is among those of tweets, with the cell `retweet` (JSON) in place of a body, so that
it has its delivery there and its place in an author's list as a tweet has. That it was taken back
is a cell of its own, which readers believe above all: a create that is replayed later changes
nothing.
"""

import json
from collections.abc import Collection, Iterable, Mapping
from typing import Any, Final

from services.platform.bus.tracing import with_trace_context
from services.platform.ids.snowflake_time import time_ms
from services.platform.outbox.outbox import Commits, OutboxEntry
from services.platform.rows.json_cells import JsonCells
from services.platform.rows.port import CellName, Row, RowMutation, RowStore
from services.platform.rows.reading import UNREADABLE, log_unreadable
from services.tweet.keys import (
    DELETE_ENTRY_BIT,
    DELETED,
    LISTED,
    RETWEET,
    author_row_key,
    parse_tweet_row_key,
    retweet_pair_key,
    tweet_row_key,
)
from services.tweet.model import Retweet, RetweetClaim, RetweetPair
from services.tweet.spec import RETWEETS, TWEET_EVENTS, TWEETS, TWEETS_BY_AUTHOR

__all__ = ["RowRetweetStore"]

_YES: Final = b"1"
_FORGOTTEN: Final = b""


class RowRetweetStore:
    """A `RetweetStore` on a `RowStore` and its outbox."""

    def __init__(self, rows: RowStore, outbox: Commits) -> None:
        self._rows = rows
        self._outbox = outbox

    async def claims(self, pairs: Collection[RetweetPair]) -> dict[RetweetPair, RetweetClaim]:
        """Read the cells of the pairs, in one read."""
        cells = await self._rows.read_cells(list(map(_cell, pairs)))
        found = {pair: cells.get(_cell(pair)) for pair in pairs}
        return {pair: _CLAIMS.loads(cell.value) for pair, cell in found.items() if cell is not None}

    async def replace(
        self, pair: RetweetPair, before: RetweetClaim | None, after: RetweetClaim | None
    ) -> bool:
        """Compare and set the cell of the pair."""
        if before is not None:
            return await _CLAIMS.replace(self._rows, _cell(pair), before, after)
        return after is None or await _CLAIMS.add(self._rows, _cell(pair), after) is None

    async def get_many(self, retweet_ids: Collection[int]) -> dict[int, Retweet | None]:
        """Read rows; what is no retweet, or cannot be read, is left out."""
        keys = [tweet_row_key(each) for each in retweet_ids]
        rows = await self._rows.read_rows(TWEETS.name, keys) if keys else {}
        return dict(filter(None, map(_readable, rows.values())))

    async def create(self, retweets: Mapping[int, tuple[Retweet, bytes]]) -> None:
        """Write the rows of all and their events together."""
        await self._commit(
            (retweet_id, _made(retweet), event) for retweet_id, (retweet, event) in retweets.items()
        )

    async def take_back(
        self, retweets: Mapping[int, tuple[RetweetPair, bytes]], at_ms: int
    ) -> None:
        """Mark the rows of all as deleted, with their events."""
        await self._commit(
            (retweet_id | DELETE_ENTRY_BIT, _taken_back(retweet_id, pair.user_id, at_ms), event)
            for retweet_id, (pair, event) in retweets.items()
        )

    async def _commit(self, changes: Iterable[tuple[int, list[RowMutation], bytes]]) -> None:
        entries = [
            OutboxEntry(entry_id, TWEET_EVENTS, event, with_trace_context({}), mutations)
            for entry_id, mutations, event in changes
        ]
        if entries:
            writes = [mutation for entry in entries for mutation in entry.mutations]
            # One table after the other, as a store writes them.
            await self._outbox.commit_all(sorted(writes, key=lambda each: each.table), entries)


def _cell(pair: RetweetPair) -> CellName:
    return CellName(RETWEETS.name, retweet_pair_key(*pair), RETWEET)


def _made(retweet: Retweet) -> list[RowMutation]:
    said = json.dumps([retweet.user_id, retweet.tweet_id, retweet.author_id]).encode()
    # Its own time, so that a replay is older than whatever happened since.
    return _changed(retweet.retweet_id, retweet.user_id, {RETWEET: said}, {LISTED: _YES})


def _taken_back(retweet_id: int, user_id: int, at_ms: int) -> list[RowMutation]:
    cells = {RETWEET: _FORGOTTEN, DELETED: _YES}
    # The id may come from a machine whose clock is ahead.
    at_ms = max(at_ms, time_ms(retweet_id) + 1)
    return _changed(retweet_id, user_id, cells, {DELETED: _YES}, at_ms)


def _changed(
    retweet_id: int,
    user_id: int,
    cells: Mapping[bytes, bytes],
    listed: Mapping[bytes, bytes],
    at_ms: int | None = None,
) -> list[RowMutation]:
    at_ms = time_ms(retweet_id) if at_ms is None else at_ms
    return [
        RowMutation(TWEETS.name, tweet_row_key(retweet_id), cells, timestamp_ms=at_ms),
        RowMutation(
            TWEETS_BY_AUTHOR.name, author_row_key(user_id, retweet_id), listed, timestamp_ms=at_ms
        ),
    ]


def _readable(row: Row) -> tuple[int, Retweet | None] | None:
    if RETWEET not in row.cells:
        return None
    try:
        retweet_id = parse_tweet_row_key(row.key)
        if DELETED in row.cells:
            return retweet_id, None
        user_id, tweet_id, author_id, *_ = map(int, json.loads(row.cells[RETWEET]))
    except UNREADABLE as error:
        log_unreadable(TWEETS.name, row, error)
        return None
    return retweet_id, Retweet(retweet_id, user_id, tweet_id, author_id)


def _encode_claim(claim: RetweetClaim) -> list[Any]:
    return [claim.retweet_id, claim.repeats, int(claim.going)]


def _decode_claim(found: list[Any]) -> RetweetClaim:
    retweet_id, repeats, going, *_ = map(int, found)
    return RetweetClaim(retweet_id, repeats, bool(going))


_CLAIMS: Final = JsonCells(_encode_claim, _decode_claim)
