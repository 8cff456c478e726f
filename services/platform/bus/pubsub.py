"""`BusDriver` on Google Cloud Pub/Sub, or on its emulator where `PUBSUB_EMULATOR_HOST` says so."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import cast

from google.pubsub_v1 import PubsubMessage, ReceivedMessage

from services.platform.bus.port import (
    DeadLetter,
    Message,
    PutBack,
    Received,
    Subscription,
    check_sizes,
    subscriptions_of,
)
from services.platform.bus.pubsub_calls import MAX_MESSAGES, PubSubCalls
from services.platform.errors import UnavailableError

__all__ = ["PubSubDriver"]

VISIBILITY_S = 30.0
"""Ack deadline: well above any handler's time. Pub/Sub takes whole seconds, 10 to 600."""
MAX_DELAY_S = 600
"""Pub/Sub's longest ack deadline, so the longest delay."""
LIST_WAIT_S = 1.0
"""A pull that stays empty this long means that no dead letter is left."""
COUNTED_MESSAGES = 100_000
"""Messages whose attempts are remembered; the oldest is forgotten first and starts anew."""
MS_PER_S = 1_000

REASON_ATTRIBUTE = "aviary-dead-reason"
"""Why a dead letter was given up."""
ONLY_ATTRIBUTE = "aviary-only"
"""The one subscription that a redriven message is for; the others ack and drop it."""

_DEAD_SUFFIX = ".dead"


@dataclass(slots=True)
class _Count:
    """What this process has seen of one message."""

    deliveries: int = 0
    outages: int = 0


class PubSubDriver:
    """Unary pulls and a dead letter topic per subscription. Make it inside a running loop.

    Attempts are counted in this process, so that another replica or a restart starts anew at 1: a
    poison message may take more attempts, it is still given up. Subscriptions must have no dead
    letter policy of Pub/Sub's own: it counts an outage as an attempt, and would give up messages
    that nothing is wrong with.
    """

    def __init__(
        self,
        project: str,
        topology: Sequence[Subscription],
        *,
        visibility_s: float = VISIBILITY_S,
        given: bool = False,
    ) -> None:
        self._given = given
        self._topology = tuple(topology)
        self._visibility_s = int(visibility_s)
        self._calls = PubSubCalls(project)
        self._counts: dict[str, _Count] = {}

    async def declare(self, subscriptions: Sequence[Subscription]) -> None:
        """Make topics, subscriptions and dead letter twins; existing ones stay as they are.

        Where they are `given`, makes none, and raises `UnavailableError` naming what is missing.
        """
        wanted = [(each.topic, each.name) for each in subscriptions]
        wanted += [(each.name + _DEAD_SUFFIX, each.name + _DEAD_SUFFIX) for each in subscriptions]
        if not self._given:
            for topic, name in wanted:
                await self._calls.ensure(topic, name, self._visibility_s)
            return
        missing = [lack for pair in wanted for lack in await self._calls.missing(*pair)]
        if missing:
            raise UnavailableError(f"Pub/Sub lacks {', '.join(dict.fromkeys(missing))}.")

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Publish in as many requests as Pub/Sub's limits ask for.

        Raises ValueError for a topic that the topology lacks.
        """
        subscriptions_of(self._topology, topic)
        check_sizes(messages)
        await self._calls.publish(
            topic, [PubsubMessage(data=each.data, attributes=each.attributes) for each in messages]
        )

    async def receive(
        self, subscription: str, *, max_messages: int, wait_s: float
    ) -> list[Received]:
        """Pull once. Messages redriven for other subscriptions are dropped on the way.

        A Pub/Sub that hangs looks like an empty subscription; one that is gone does not.
        """
        pulled = await self._calls.pull(subscription, max_messages, wait_s)
        ours: list[ReceivedMessage] = []
        others: list[ReceivedMessage] = []
        for each in pulled:
            only = each.message.attributes.get(ONLY_ATTRIBUTE, subscription)
            (ours if only == subscription else others).append(each)
        await self._calls.acknowledge(subscription, [each.ack_id for each in others])
        return [self._received(subscription, each) for each in ours]

    def _received(self, subscription: str, delivery: ReceivedMessage) -> Received:
        message_id = delivery.message.message_id
        count = self._count(_counted(subscription, message_id))
        return Received(
            _message(delivery.message),
            # Attempts are counted by message, acks name a delivery: the handle carries both.
            f"{message_id} {delivery.ack_id}",
            count.deliveries - count.outages,
            count.outages,
            int(_published(delivery).timestamp() * MS_PER_S),
        )

    def _count(self, key: str) -> "_Count":
        count = self._counts.pop(key, None) or _Count()
        count.deliveries += 1
        # Set again, at the end: a dict keeps the order of insertion.
        self._counts[key] = count
        if len(self._counts) > COUNTED_MESSAGES:
            del self._counts[next(iter(self._counts))]
        return count

    async def ack(self, subscription: str, received: Sequence[Received]) -> None:
        """Acknowledge; best effort, as Pub/Sub's is."""
        handles = [each.handle.split(" ", 1) for each in received]
        await self._calls.acknowledge(subscription, [ack_id for _, ack_id in handles])
        for message_id, _ in handles:
            self._counts.pop(_counted(subscription, message_id), None)

    async def delay(
        self,
        subscription: str,
        received: Received,
        delay_s: float,
        why: PutBack = PutBack.FAILED,
    ) -> None:
        """Move the ack deadline: whole seconds, rounded, 600 at the most."""
        message_id, ack_id = received.handle.split(" ", 1)
        if count := self._counts.get(_counted(subscription, message_id)):
            count.outages += why is PutBack.OUTAGE
            count.deliveries -= why is PutBack.ASKED
        await self._calls.modify_deadline(
            subscription, [ack_id], min(MAX_DELAY_S, max(0, round(delay_s)))
        )

    async def dead_letter(self, subscription: str, received: Received, reason: str) -> None:
        """Publish to the dead letter topic, then ack; a crash in between leaves two."""
        attributes = {**received.message.attributes, REASON_ATTRIBUTE: reason}
        dead = PubsubMessage(data=received.message.data, attributes=attributes)
        await self._calls.publish(subscription + _DEAD_SUFFIX, [dead])
        await self.ack(subscription, [received])

    async def list_dead_letters(self, subscription: str, *, limit: int) -> list[DeadLetter]:
        """Pull, then give back at once; sorted by the time of giving up, as far as pulled."""
        pulled = await self._pull_dead(subscription, limit)
        await self._calls.modify_deadline(
            subscription + _DEAD_SUFFIX, [each.ack_id for each in pulled], 0
        )
        return [
            DeadLetter(
                each.message.message_id,
                _message(each.message),
                each.message.attributes.get(REASON_ATTRIBUTE, ""),
            )
            for each in pulled
        ]

    async def redrive(self, subscription: str, *, limit: int) -> int:
        """Publish to the subscription's topic, marked for it alone, then ack the dead letters."""
        topic = next(each.topic for each in self._topology if each.name == subscription)
        pulled = await self._pull_dead(subscription, limit)
        redriven = []
        for each in pulled:
            message = _message(each.message)
            attributes = {**message.attributes, ONLY_ATTRIBUTE: subscription}
            redriven.append(PubsubMessage(data=message.data, attributes=attributes))
        await self._calls.publish(topic, redriven)
        await self._calls.acknowledge(subscription + _DEAD_SUFFIX, [each.ack_id for each in pulled])
        return len(pulled)

    async def drop_dead_letters(self, subscription: str, ids: Sequence[str]) -> int:
        """Pull all that there are, ack these, and give back the others."""
        pulled = await self._pull_dead(subscription, MAX_MESSAGES)
        wanted = frozenset(ids)
        dropped = [each.ack_id for each in pulled if each.message.message_id in wanted]
        others = [each.ack_id for each in pulled if each.message.message_id not in wanted]
        dead = subscription + _DEAD_SUFFIX
        await self._calls.modify_deadline(dead, others, 0)
        await self._calls.acknowledge(dead, dropped)
        return len(dropped)

    async def _pull_dead(self, subscription: str, limit: int) -> list[ReceivedMessage]:
        found: dict[str, ReceivedMessage] = {}
        loop = asyncio.get_running_loop()
        # The deliveries must be given back, or acked, before they come again.
        deadline = loop.time() + self._visibility_s / 2
        while len(found) < limit and loop.time() < deadline:
            most = min(limit - len(found), MAX_MESSAGES)
            pulled = await self._calls.pull(subscription + _DEAD_SUFFIX, most, LIST_WAIT_S)
            if not pulled:
                break
            found.update((each.message.message_id, each) for each in pulled)
        if not found:
            await self._calls.check(subscription + _DEAD_SUFFIX)
        return sorted(found.values(), key=_published)

    async def backlog(self, subscription: str) -> int | None:  # noqa: ARG002 - the port's shape
        """Return None: only Cloud Monitoring knows the backlog of Pub/Sub."""
        return None

    async def dead_letters(self, subscription: str) -> int | None:  # noqa: ARG002 - as above
        """Return None: as with the backlog."""
        return None

    async def close(self) -> None:
        """Close the channels."""
        await self._calls.close()


def _counted(subscription: str, message_id: str) -> str:
    return f"{subscription} {message_id}"


def _published(delivery: ReceivedMessage) -> datetime:
    # The annotation names the wire type; reading the field gives a datetime.
    return cast("datetime", delivery.message.publish_time)


def _message(message: PubsubMessage) -> Message:
    ours = (REASON_ATTRIBUTE, ONLY_ATTRIBUTE)
    attributes = {name: text for name, text in message.attributes.items() if name not in ours}
    return Message(message.data, attributes)
