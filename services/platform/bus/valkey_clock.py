"""What becomes of messages when the clock of the Valkey server went back.

It dates when a delayed message is due, and since when one is in hand. After it was ahead, both
would lie in the time to come, and the messages wait for as long as it was wrong.
"""

import time
from collections.abc import Callable, Sequence

from services.platform.valkey.script import Script

__all__ = ["REDATE", "Redating"]

REDATED_AT_ONCE = 100
"""Messages of each kind looked at in one call; those dated ahead stay the first to be looked at."""
_MS_PER_S = 1_000

REDATE = """
-- KEYS stream, delayed; ARGV group, consumer, longest delay ms, most. Makes delayed messages due
-- that are so later than any delay lasts, and has those in hand since a time to come be so since
-- now. Returns the greater number of the two.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local late = redis.call(
  'ZRANGEBYSCORE', KEYS[2], '(' .. now + ARGV[3], '+inf', 'LIMIT', 0, ARGV[4])
for _, packed in ipairs(late) do redis.call('ZADD', KEYS[2], now, packed) end

local function named(values, name)
  for at = 1, #values, 2 do
    if values[at] == name then return values[at + 1] end
  end
  return {}
end
local redated = 0
local info = redis.pcall('XINFO', 'STREAM', KEYS[1], 'FULL', 'COUNT', ARGV[4])
-- An error says that there is no stream.
for _, group in ipairs(info['err'] and {} or named(info, 'groups')) do
  if named(group, 'name') == ARGV[1] then
    for _, pending in ipairs(named(group, 'pending')) do
      if pending[3] > now then
        redis.call('XCLAIM', KEYS[1], ARGV[1], ARGV[2], 0, pending[1], 'IDLE', 0, 'JUSTID')
        redated = redated + 1
      end
    end
  end
end
return math.max(#late, redated)
"""


class Redating:
    """Looks now and then whether a subscription's messages are dated ahead, and mends it."""

    def __init__(
        self,
        redate: Script,
        *,
        longest_delay_s: float,
        every_s: float,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._redate = redate
        self._longest_delay_ms = int(longest_delay_s * _MS_PER_S)
        self._every_s = every_s
        self._monotonic = monotonic
        self._due_s: dict[bytes, float] = {}

    async def in_time(self, keys: Sequence[bytes], group: bytes, consumer: bytes) -> None:
        """Look at a subscription, by the keys of the script, if that is due; raises as it does."""
        now_s = self._monotonic()
        if now_s < self._due_s.get(keys[0], 0.0):
            return
        arguments = (group, consumer, self._longest_delay_ms, REDATED_AT_ONCE)
        found: int = await self._redate.run(keys, *arguments)
        if found < REDATED_AT_ONCE:
            self._due_s[keys[0]] = now_s + self._every_s
