"""Lists by which edges refuse or slow single names: how long they may be, and their trimming."""

from collections.abc import Sequence
from itertools import chain
from typing import Any, Final

from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.script import Script

__all__ = ["MAX_LISTED", "TrimmedLists"]

MAX_LISTED: Final = 5_000
"""Names of a kind that edges are sent one by one: a megabyte of configuration for each edge, a
quarter of what gRPC takes of one message."""

Bound = bytes | int
"""Of scores, as Valkey writes it; also `-inf`, `+inf`, and exclusive after a `(`."""

_LISTED: Final = """
-- KEYS list; ARGV how many to keep, least and most score wanted; then least and most of each range
-- of scores to drop.
local kind = redis.call('TYPE', KEYS[1])['ok']
if kind ~= 'zset' then
  -- Nobody would ever add to what is no list, or read it; and a list that is lost is filled anew.
  if kind ~= 'none' then redis.call('DEL', KEYS[1]) end
  return {}
end
for at = 4, #ARGV, 2 do
  redis.call('ZREMRANGEBYSCORE', KEYS[1], ARGV[at], ARGV[at + 1])
end
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -ARGV[1] - 1)
return redis.call('ZRANGE', KEYS[1], ARGV[2], ARGV[3], 'BYSCORE', 'WITHSCORES')
"""


class TrimmedLists:
    """Reads lists, names by score, and drops of them what nobody is to read: one round trip."""

    def __init__(self, client: ValkeyClient) -> None:
        self._listed = Script(client, _LISTED)

    async def listed(
        self,
        key: bytes,
        *,
        keep: int,
        least: Bound = b"-inf",
        most: Bound = b"+inf",
        drop: Sequence[tuple[Bound, Bound]],
    ) -> dict[bytes, float]:
        """Give names with scores from `least` to `most`.

        Before that, names in the ranges of scores `drop` go, then all but the `keep` of the highest
        scores. Raises `UnavailableError`.
        """
        arguments = (keep, least, most, *chain.from_iterable(drop))
        found: list[Any] = await self._listed.run([key], *arguments)
        return dict(zip(found[::2], map(float, found[1::2]), strict=True))
