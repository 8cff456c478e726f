"""Deletions, published to every process that keeps tweets over Valkey's publish and subscribe.

A message is delivered at most once and to those who listen at that moment. So a listener says when
it listens and when it does not, and whoever relies on it bounds its own staleness as well.
"""

import struct
from collections.abc import Callable, Mapping
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from services.platform.observability.log_events import EVENT_DELETIONS_UNHEARD
from services.platform.runtime.background import Background
from services.platform.runtime.cancellation import cancellation_kept

__all__ = ["CHANNEL", "DeletionListener", "encode_deletion"]

CHANNEL = b"tweets.deleted"
# A connection that is silent for this long is sent a ping.
PING_INTERVAL_S = 1.0
RECONNECT_S = 0.5

_ID = struct.Struct(">Q")
_log = structlog.get_logger()


class DeletionTarget(Protocol):
    """What keeps tweets, and has to know of deletions: `services.timeline.local_tweets`."""

    def open(self) -> None:
        """Begin to keep tweets: every deletion is reported from now on."""
        ...

    def close(self) -> None:
        """Forget all and keep nothing: deletions may be missed."""
        ...

    def put_tombstone(self, tweet_id: int) -> None:
        """Replace a tweet that was deleted."""
        ...


def encode_deletion(tweet_id: int) -> bytes:
    """Encode one message of `CHANNEL`."""
    return _ID.pack(tweet_id)


class DeletionListener:
    """Reports deletions to a target for as long as it runs; connects again by itself.

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
        """Whether it goes on listening, or trying to."""
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
            with cancellation_kept():
                await subscription.subscribe(CHANNEL)
            pinged = False
            while True:
                message = await self._next_message(subscription)
                if message is not None:
                    pinged = False
                    self._take(message)
                elif pinged:
                    raise ConnectionError("no answer to a ping")
                else:
                    with cancellation_kept():
                        await subscription.ping()
                    pinged = True

    async def _next_message(self, subscription: PubSub) -> Mapping[str, Any] | None:
        """Wait for a message; None when there was none for a while."""
        with cancellation_kept():
            message: Mapping[str, Any] | None = await subscription.get_message(
                timeout=PING_INTERVAL_S
            )
        self._listening.beat()
        return message

    def _take(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "message" and len(message["data"]) == _ID.size:
            self._target.put_tombstone(*_ID.unpack(message["data"]))
        elif message["type"] in {"message", "subscribe"}:
            # A client that connects again by itself subscribes again, and what came meanwhile was
            # missed. So is a deletion whose tweet cannot be read. Nothing kept may be shown then.
            self._target.close()
            self._target.open()
