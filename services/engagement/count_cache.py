"""The counts of tweets in Valkey: a hash for each, read through to the store.

A hash is filled by whoever finds it missing, and forgotten whenever the store's counts change. So
that no reader fills in what it read before a change, a hash that is missing holds the token of the
reader who looked last: to forget removes it, and only its holder fills.
"""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any, Final

import structlog

from services.engagement.keys import cache_key
from services.engagement.model import COUNTS, Kind, TweetCounts
from services.platform.drawing.channels import COUNTED
from services.platform.observability.log_events import EVENT_CACHE_DAMAGED
from services.platform.valkey.announcements import announce
from services.platform.valkey.cache_metrics import CacheMetrics
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.script import Script

__all__ = ["ValkeyCounts"]

TTL_S: Final = 3_600
"""Life of a hash in seconds: of what nobody asks for any more."""
TOKEN_TTL_MS: Final = 10_000
"""Longer than a read of the store takes, in milliseconds."""
ENTRIES_PER_SCRIPT: Final = 200
"""A script blocks its node: some hundreds of microseconds at this size."""

_KINDS: Final = tuple(Kind)
_FIELDS: Final = ", ".join(f"'{kind.value}'" for kind in _KINDS)
_READ: Final = f"""
-- KEYS: hashes; ARGV: token, its life in ms. Returns the counts of each, nil for none.
local found = {{}}
for place, key in ipairs(KEYS) do
  local counts = redis.call('HMGET', key, {_FIELDS})
  if counts[1] then
    found[place] = counts
  else
    redis.call('HSET', key, 'token', ARGV[1])
    redis.call('PEXPIRE', key, ARGV[2])
    found[place] = false
  end
end
return found
"""
_FILL: Final = f"""
-- KEYS: hashes; ARGV: token, life of a hash in ms, then the counts of each.
for place, key in ipairs(KEYS) do
  if redis.call('HGET', key, 'token') == ARGV[1] then
    redis.call('HDEL', key, 'token')
    local at = 2 + (place - 1) * {len(_KINDS)}
    for nth, field in ipairs({{{_FIELDS}}}) do
      redis.call('HSET', key, field, ARGV[at + nth])
    end
    redis.call('PEXPIRE', key, ARGV[2])
  end
end
return 0
"""
_FORGET: Final = """
-- KEYS: hashes.
return redis.call('UNLINK', unpack(KEYS))
"""

_log = structlog.get_logger()


class ValkeyCounts:
    """A `CountCache` in Valkey, on one node or a cluster."""

    def __init__(self, client: ValkeyClient, metrics: CacheMetrics | None = None) -> None:
        self._client = client
        self._metrics = metrics or CacheMetrics()
        self._read = Script(client, _READ)
        self._fill = Script(client, _FILL)
        self._forget = Script(client, _FORGET)

    async def get(self, tweet_ids: Sequence[int], token: bytes) -> dict[int, TweetCounts]:
        """Read the hashes in one round trip; damaged ones are forgotten."""
        keys = {cache_key(tweet_id): tweet_id for tweet_id in tweet_ids}
        pages = self._read.pages(list(keys), ENTRIES_PER_SCRIPT)
        answers = await self._read.run_pages([(page, (token, TOKEN_TTL_MS)) for page in pages])
        found: dict[int, TweetCounts] = {}
        damaged: list[int] = []
        for key, answer in zip(chain(*pages), chain(*answers), strict=True):
            if answer is None:
                continue
            try:
                found[keys[key]] = _decode(keys[key], answer)
            except (TypeError, ValueError):
                _log.error(EVENT_CACHE_DAMAGED, key=repr(key))
                damaged.append(keys[key])
        if damaged:
            await self.forget(damaged)
        self._metrics.hit(COUNTS, len(found))
        self._metrics.miss(COUNTS, len(keys) - len(found))
        return found

    async def fill(self, counts: Collection[TweetCounts], token: bytes) -> None:
        """Fill the hashes that still wait for the holder of the token."""
        values = {cache_key(each.tweet_id): each for each in counts}
        await self._fill.run_pages(
            [
                (page, (token, TTL_S * 1_000, *chain(*(_encode(values[key]) for key in page))))
                for page in self._fill.pages(list(values), ENTRIES_PER_SCRIPT)
            ]
        )

    async def forget(self, tweet_ids: Collection[int]) -> None:
        """Remove hashes, and with them the tokens of those who are about to fill them.

        Then have processes that keep counts hear of it.
        """
        keys = [cache_key(tweet_id) for tweet_id in tweet_ids]
        if keys:
            pages = self._forget.pages(keys, ENTRIES_PER_SCRIPT)
            await self._forget.run_pages([(page, ()) for page in pages])
            await announce(self._client, COUNTED, *tweet_ids)


def _encode(counts: TweetCounts) -> list[int]:
    return [counts.by_kind.get(kind, 0) for kind in _KINDS]


def _decode(tweet_id: int, fields: Sequence[Any]) -> TweetCounts:
    return TweetCounts(
        tweet_id, {kind: int(text) for kind, text in zip(_KINDS, fields, strict=True)}
    )
