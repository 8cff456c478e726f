"""Deletions told to every process that keeps tweets, over Valkey's publish and subscribe.

A message is delivered at most once and to those who listen at that moment, so a listener says when
it listens and when it does not, and what rests on it must bound its own staleness besides.
"""

import struct
from collections.abc import Callable
from typing import Protocol

import structlog
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.platform.observability.names import EVENT_DELETIONS_UNHEARD
from services.platform.runtime.background import Background

__all__ = ["CHANNEL", "DeletionListener", "encode_deletion"]

CHANNEL = b"tweets.deleted"
# A connection that says nothing this long is asked whether it lives.
PING_INTERVAL_S = 1.0
RECONNECT_S = 0.5

_ID = struct.Struct(">Q")
_log = structlog.get_logger()


class DeletionTarget(Protocol):
    """What is told: `services.timeline.local_tweets`."""

    def open(self) -> None:
        """Deletions are heard from now on."""
        ...

    def close(self) -> None:
        """Deletions may go by unheard."""
        ...

    def bury(self, tweet_id: int) -> None:
        """A tweet was deleted."""
        ...


def encode_deletion(tweet_id: int) -> bytes:
    """Encode one message of `CHANNEL`."""
    return _ID.pack(tweet_id)


class DeletionListener:
    """Tells a target of deletions for as long as it runs; connects again by itself.

    `connect` gives a client of its own, of any one node: a cluster spreads messages to all.
    """

    def __init__(self, connect: Callable[[], Redis], target: DeletionTarget) -> None:
        self._connect = connect
        self._target = target
        self._listening = Background("deletions", self._listen_once)

    async def start(self) -> None:
        """Begin to listen."""
        self._listening.start()

    async def stop(self) -> None:
        """Stop listening; the target is closed."""
        await self._listening.stop()

    def holds(self) -> bool:
        """Tell whether it goes on listening, or trying to."""
        return self._listening.holds()

    async def _listen_once(self) -> float:
        try:
            await self._listen()
        except (RedisError, OSError) as error:
            _log.warning(EVENT_DELETIONS_UNHEARD, error=type(error).__name__)
        finally:
            self._target.close()
        return RECONNECT_S

    async def _listen(self) -> None:
        async with self._connect() as client, client.pubsub() as subscription:
            await subscription.subscribe(CHANNEL)
            pinged = False
            while True:
                message = await subscription.get_message(timeout=PING_INTERVAL_S)
                self._listening.beat()
                if message is None:
                    if pinged:
                        raise ConnectionError("no answer to a ping")
                    await subscription.ping()
                    pinged = True
                    continue
                pinged = False
                if message["type"] == "subscribe":
                    # A client that connects again by itself subscribes again: what it missed
                    # meanwhile is forgotten here.
                    self._target.close()
                    self._target.open()
                elif message["type"] == "message":
                    self._take(message["data"])

    def _take(self, data: bytes) -> None:
        if len(data) == _ID.size:
            self._target.bury(*_ID.unpack(data))
        else:
            # Of which tweet it tells nobody knows: none that is kept may be shown.
            self._target.close()
            self._target.open()
