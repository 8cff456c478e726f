"""How many streams a user has, in Valkey."""

from collections.abc import Mapping
from typing import Final

from services.live.keys import seats_key
from services.platform.runtime.clock import Clock
from services.platform.valkey.connection import ValkeyClient
from services.platform.valkey.script import Script

__all__ = ["MOST_STREAMS", "ValkeySeats"]

MOST_STREAMS: Final = 10
"""Of one user at a time, over all processes: some devices, each with some tabs."""
KEPT_FOR_MS: Final = 45_000
"""Three times the pace at which seats are kept."""
_PER_ROUND: Final = 500
_ANY: Final = 1_000_000
"""Of streams that are open already: they are not counted again."""

_TAKE: Final = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) then
  if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[4]) then return 0 end
end
redis.call('ZADD', KEYS[1], ARGV[2], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[5])
return 1
"""
_LEAVE: Final = "return redis.call('ZREM', KEYS[1], ARGV[1])"


class ValkeySeats:
    """`Seats` in Valkey, on one node or a cluster: a sorted set for each user."""

    def __init__(self, client: ValkeyClient, clock: Clock) -> None:
        self._clock = clock
        self._take = Script(client, _TAKE)
        self._leave = Script(client, _LEAVE)

    async def take(self, viewer: int, stream: bytes) -> bool:
        """Take a seat, or keep the one that the stream has."""
        return bool(await self._take.run([seats_key(viewer)], *self._args(stream, MOST_STREAMS)))

    async def keep(self, streams: Mapping[bytes, int]) -> None:
        """Keep seats, or take them again: no stream that is open is ended for it."""
        all_of_them = list(streams.items())
        for start in range(0, len(all_of_them), _PER_ROUND):
            some = all_of_them[start : start + _PER_ROUND]
            pages = [([seats_key(viewer)], self._args(one, _ANY)) for one, viewer in some]
            await self._take.run_pages(pages)

    async def leave(self, viewer: int, stream: bytes) -> None:
        """Give a seat back."""
        await self._leave.run([seats_key(viewer)], stream)

    def _args(self, stream: bytes, most: int) -> tuple[bytes | int, ...]:
        now_ms = self._clock.now_ms()
        return (now_ms, now_ms + KEPT_FOR_MS, stream, most, KEPT_FOR_MS)
