"""`BusDriver` on Valkey Streams, for one machine or a small cluster.

Every subscription has a stream of its own, so that an acked message can be deleted at once: memory
stays bounded and the stream's length is the backlog. Durability is the server's: run it with
`appendonly yes` and `appendfsync always` where `publish` must mean "on disk".
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any

from redis.exceptions import RedisClusterException, RedisError, ResponseError

from services.platform.bus.port import (
    DeadLetter,
    Message,
    PutBack,
    Received,
    Subscription,
    check_sizes,
    subscriptions_of,
)
from services.platform.bus.valkey_clock import REDATE, Redating
from services.platform.bus.valkey_entries import dead_letter, named, received
from services.platform.bus.valkey_reads import MS_PER_S, WaitingReads
from services.platform.bus.valkey_scripts import (
    ACK,
    BACKLOG,
    DEAD_LETTER,
    DELAY,
    PUBLISH,
    REDRIVE,
    TAKE,
)
from services.platform.errors import UnavailableError
from services.platform.runtime.cancellation import cancellation_kept
from services.platform.runtime.deadlines import allowed_s
from services.platform.valkey.connection import open_valkey
from services.platform.valkey.round_trips import BUS, RoundTrips
from services.platform.valkey.script import Script

__all__ = ["ValkeyStreamsDriver"]

VISIBILITY_S = 30.0
"""Well above any handler's time; a crashed consumer's messages wait this long."""
SOCKET_TIMEOUT_S = 5.0
"""Bound of one call; the caller's deadline may leave less."""
LOOK_EVERY_S = 2.0
"""As often at least, delayed messages that are due and abandoned ones are looked for: in between a
receive is one round trip. A process looks sooner for what it has delayed itself, so that this is
about what others left behind."""
LOOKS_IN_VISIBILITY = 2
"""As often at least where abandoned messages are to come sooner."""
ACKED_AT_ONCE = 1_000
"""Ids of one ack: Lua hands no more than some thousands to a command."""
LONGEST_DELAY_S = 60.0
"""No message is delayed for longer: twice the longest wait between attempts."""

DEAD_LETTER_MS = 31 * 86_400_000
"""A dead letter is kept for so long, as Pub/Sub keeps them at the most; an older one goes when the
next is put aside."""

_GROUP = b"bus"
# One name for all replicas: deliveries differ by id and idle time, and a name for each
# process would stay in the group for ever.
_CONSUMER = b"any"
_NO_CURSOR = b"0-0"
_ENTRY_ID = re.compile(r"[0-9]{1,19}-[0-9]{1,19}")


class ValkeyStreamsDriver:
    """Streams, a sorted set of delayed messages and a dead letter stream per subscription.

    All keys of a subscription share a hash tag, so that a cluster serves as well as one node (for
    the URL see `open_valkey`). `topology` names every subscription there is: publishing writes to
    each one's stream.
    """

    def __init__(
        self, url: str, topology: Sequence[Subscription], *, visibility_s: float = VISIBILITY_S
    ) -> None:
        self._topology = tuple(topology)
        self._visibility_ms = int(visibility_s * MS_PER_S)
        self._look_every_s = min(LOOK_EVERY_S, visibility_s / LOOKS_IN_VISIBILITY)
        self._cursors: dict[str, bytes] = {}
        # When to look for due and abandoned messages of a subscription, by the loop's clock.
        self._looks: dict[str, float] = {}
        self._client = open_valkey(url, timeout_s=SOCKET_TIMEOUT_S)
        self._reads = WaitingReads(self._client, _GROUP, _CONSUMER)
        trips = RoundTrips(BUS)
        self._publish = Script(self._client, PUBLISH, _errors, trips)
        self._take = Script(self._client, TAKE, _errors, trips)
        self._redating = Redating(
            Script(self._client, REDATE, _errors, trips),
            longest_delay_s=LONGEST_DELAY_S,
            every_s=visibility_s,
        )
        self._ack = Script(self._client, ACK, _errors, trips)
        self._delay = Script(self._client, DELAY, _errors, trips)
        self._dead_letter = Script(self._client, DEAD_LETTER, _errors, trips)
        self._redrive = Script(self._client, REDRIVE, _errors, trips)
        self._backlog = Script(self._client, BACKLOG, _errors, trips)

    async def declare(self, subscriptions: Sequence[Subscription]) -> None:
        """Make the streams and their groups; existing ones keep their messages."""
        async with _one_call():
            for each in subscriptions:
                try:
                    await self._client.xgroup_create(
                        _stream(each.name), _GROUP, id="0", mkstream=True
                    )
                except ResponseError as error:
                    if "BUSYGROUP" not in str(error):
                        raise

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Add every message to every stream of the topic, in one round trip.

        Raises ValueError for a topic that the topology lacks.
        """
        streams = [_stream(each.name) for each in subscriptions_of(self._topology, topic)]
        check_sizes(messages)
        if not messages:
            return
        fields: list[bytes] = []
        for message in messages:
            fields += (message.data, json.dumps(dict(message.attributes)).encode())
        async with _one_call():
            await asyncio.gather(*(self._publish.run([stream], *fields) for stream in streams))

    async def receive(
        self, subscription: str, *, max_messages: int, wait_s: float
    ) -> list[Received]:
        """Take new messages, now and then first abandoned ones; delayed ones come as new."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + wait_s
        while True:
            async with _one_call():
                taken: list[Received] = []
                if (now_s := loop.time()) >= self._looks.get(subscription, 0.0):
                    taken, next_due_s = await self._reclaim(subscription, max_messages)
                    # Where there were as many as were asked for, there may be more.
                    pause_s = min(self._look_every_s, next_due_s)
                    more = len(taken) == max_messages
                    self._looks[subscription] = now_s + (0.0 if more else pause_s)
                if not taken:
                    until_s = min(deadline, self._looks[subscription])
                    taken = await self._read(subscription, max_messages, until_s - loop.time())
            if taken or loop.time() >= deadline:
                return taken

    async def _reclaim(self, subscription: str, most: int) -> tuple[list[Received], float]:
        """Promote due messages and take abandoned ones; also the seconds until the next is due."""
        keys = [_stream(subscription), _delayed(subscription)]
        await self._redating.in_time(keys, _GROUP, _CONSUMER)
        answer: list[Any] = await self._take.run(
            keys,
            _GROUP,
            _CONSUMER,
            self._visibility_ms,
            most,
            # One call looks at a part of the pending ones only; the next goes on from there.
            self._cursors.get(subscription, _NO_CURSOR),
        )
        cursor, next_due_ms, *entries = answer
        self._cursors[subscription] = cursor
        taken = [
            received(entry_id, named(fields), deliveries)
            for entry_id, deliveries, fields in entries
        ]
        return taken, float("inf") if next_due_ms < 0 else next_due_ms / MS_PER_S

    async def _read(self, subscription: str, most: int, block_s: float) -> list[Received]:
        try:
            return await self._reads.read(_stream(subscription), most, block_s)
        except ResponseError as error:
            # The stream vanished while we waited; the next reclaim makes it again.
            if "NOGROUP" in str(error) or "UNBLOCKED" in str(error):
                self._looks.pop(subscription, None)
                return []
            raise

    async def ack(self, subscription: str, received: Sequence[Received]) -> None:
        """Delete the messages."""
        if not received:
            return
        handles = [each.handle.encode() for each in received]
        async with _one_call():
            for start in range(0, len(handles), ACKED_AT_ONCE):
                page = handles[start : start + ACKED_AT_ONCE]
                await self._ack.run([_stream(subscription)], _GROUP, *page)

    async def delay(
        self,
        subscription: str,
        received: Received,
        delay_s: float,
        why: PutBack = PutBack.FAILED,
    ) -> None:
        """Move the message into the delayed ones, for at most `LONGEST_DELAY_S`.

        Nothing happens to one acked meanwhile.
        """
        attempt = received.attempt + (why is PutBack.FAILED)
        outages = received.outages + (why is PutBack.OUTAGE)
        delay_ms = int(min(delay_s, LONGEST_DELAY_S) * MS_PER_S)
        keys = [_stream(subscription), _delayed(subscription)]
        async with _one_call():
            await self._delay.run(
                keys, _GROUP, received.handle.encode(), attempt, delay_ms, outages
            )
        due_s = asyncio.get_running_loop().time() + delay_ms / MS_PER_S
        self._looks[subscription] = min(self._looks.get(subscription, 0.0), due_s)

    async def dead_letter(self, subscription: str, received: Received, reason: str) -> None:
        """Move the message into the dead letters. Nothing happens to one acked meanwhile."""
        async with _one_call():
            await self._dead_letter.run(
                [_stream(subscription), _dead(subscription)],
                _GROUP,
                received.handle.encode(),
                reason.encode(errors="backslashreplace"),
                int(received.unreadable is not None),
                DEAD_LETTER_MS,
            )

    async def list_dead_letters(self, subscription: str, *, limit: int) -> list[DeadLetter]:
        """Read the head of the dead letter stream."""
        async with _one_call():
            entries: Any = await self._client.xrange(_dead(subscription), count=limit)
        return [dead_letter(entry_id, fields) for entry_id, fields in entries]

    async def redrive(self, subscription: str, *, limit: int) -> int:
        """Move dead letters back into the stream, as first attempts."""
        async with _one_call():
            return int(await self._redrive.run([_stream(subscription), _dead(subscription)], limit))

    async def drop_dead_letters(self, subscription: str, ids: Sequence[str]) -> int:
        """Delete from the dead letter stream; what is no id of it is not there."""
        known = [each for each in ids if _ENTRY_ID.fullmatch(each)]
        if not known:
            return 0
        async with _one_call():
            return int(await self._client.xdel(_dead(subscription), *known))

    async def backlog(self, subscription: str) -> int | None:
        """Count waiting, in hand and delayed ones; dead letters do not count."""
        async with _one_call():
            return int(await self._backlog.run([_stream(subscription), _delayed(subscription)]))

    async def dead_letters(self, subscription: str) -> int | None:
        """Count the dead letter stream."""
        async with _one_call():
            dead = _dead(subscription)
            return int(await self._client.lines.call(dead, ("XLEN", dead)))

    async def close(self) -> None:
        """Close the connections."""
        await self._reads.close()
        await self._client.aclose()


@asynccontextmanager
async def _one_call() -> AsyncIterator[None]:
    with cancellation_kept(), _errors():
        try:
            async with asyncio.timeout(allowed_s(SOCKET_TIMEOUT_S)):
                yield
        except TimeoutError as error:
            raise UnavailableError("The bus does not answer in time.") from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (RedisError, RedisClusterException, OSError) as error:
        raise UnavailableError("The bus cannot answer now.") from error


def _stream(subscription: str) -> bytes:
    return b"bus:{%s}" % subscription.encode()


def _delayed(subscription: str) -> bytes:
    return _stream(subscription) + b":delayed"


def _dead(subscription: str) -> bytes:
    return _stream(subscription) + b":dead"
