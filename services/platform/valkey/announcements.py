"""Ids that are gone, or new, announced to all processes over Valkey's publish and subscribe.

A message is delivered at most once and to those who listen at that moment. So a listener says when
it listens and when it does not, and whoever relies on it bounds its own staleness as well.
"""

import struct
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import structlog
from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.exceptions import RedisError

from services.platform.observability.log_events import EVENT_ANNOUNCEMENTS_UNHEARD
from services.platform.runtime.background import Background
from services.platform.runtime.cancellation import cancellation_kept
from services.platform.valkey.connection import ValkeyClient, valkey_errors

__all__ = ["AnnouncementListener", "Hearer", "ListHearer", "ListListener", "announce"]

# A connection that is silent for this long is sent a ping, and is given up if it is silent for as
# long again: before what is kept in process grows too old by itself (ADR 4).
PING_INTERVAL_S = 2.0
RECONNECT_S = 0.5

_ID = struct.Struct(">Q")

_log = structlog.get_logger()


async def announce(client: ValkeyClient, channel: bytes, *ids: int) -> None:
    """Tell all who listen now, on any node of a cluster; raises `UnavailableError`.

    Several ids go in one message.
    """
    with valkey_errors():
        await client.execute_command("PUBLISH", channel, b"".join(map(_ID.pack, ids)))


class Hearer(Protocol):
    """What keeps something that announcements make wrong."""

    def open(self) -> None:
        """Begin to keep things: every announcement is heard from now on."""
        ...

    def close(self) -> None:
        """Forget all and keep nothing: announcements may be missed."""
        ...

    def gone(self, gone_id: int) -> None:
        """Forget what was announced to be gone."""
        ...


class ListHearer(Protocol):
    """The same, to whom the ids of one message mean something together."""

    def open(self) -> None:
        """Everything that is announced is heard from now on."""
        ...

    def close(self) -> None:
        """Announcements may be missed from now on."""
        ...

    def heard(self, ids: Sequence[int]) -> None:
        """Take the ids of one message, in their order."""
        ...


class ListListener:
    """Lets a hearer hear one channel for as long as it runs; connects again by itself.

    `connect` gives a client of its own, of any one node: a cluster spreads messages to all.
    """

    def __init__(self, connect: Callable[[], Redis], channel: bytes, hearer: ListHearer) -> None:
        self._connect = connect
        self._channel = channel
        self._hearer = hearer
        self._listening = Background(f"channel {channel.decode()}", self._listen_once)

    async def start(self) -> None:
        """Begin to listen."""
        self._listening.start()

    async def stop(self) -> None:
        """Stop listening; the hearer is closed."""
        await self._listening.stop()

    def holds(self) -> bool:
        """Whether it goes on listening, or trying to."""
        return self._listening.holds()

    async def _listen_once(self) -> float:
        try:
            await self._listen()
        except (RedisError, OSError) as error:
            _log.warning(
                EVENT_ANNOUNCEMENTS_UNHEARD,
                channel=self._channel.decode(),
                error=type(error).__name__,
            )
        finally:
            self._hearer.close()
        return RECONNECT_S

    async def _listen(self) -> None:
        async with self._connect() as client, client.pubsub() as subscription:
            with cancellation_kept():
                await subscription.subscribe(self._channel)
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
        is_message = message["type"] == "message"
        if is_message and message["data"] and len(message["data"]) % _ID.size == 0:
            self._hearer.heard([one for (one,) in _ID.iter_unpack(message["data"])])
        elif message["type"] in {"message", "subscribe"}:
            # A client that connects again by itself subscribes again, and what came meanwhile was
            # missed. So is a message that cannot be read. Nothing kept may be relied on then.
            self._hearer.close()
            self._hearer.open()


class AnnouncementListener(ListListener):
    """The same for a hearer that takes ids one by one."""

    def __init__(self, connect: Callable[[], Redis], channel: bytes, hearer: Hearer) -> None:
        super().__init__(connect, channel, _OneByOne(hearer))


class _OneByOne:
    def __init__(self, hearer: Hearer) -> None:
        self.open = hearer.open
        self.close = hearer.close
        self._gone = hearer.gone

    def heard(self, ids: Sequence[int]) -> None:
        for one in ids:
            self._gone(one)
