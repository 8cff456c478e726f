"""The calls to Pub/Sub: names, limits, timeouts and errors, one try each."""

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress

import grpc.aio
from google.api_core.exceptions import (
    AlreadyExists,
    DeadlineExceeded,
    GoogleAPIError,
    InvalidArgument,
    NotFound,
)
from google.auth.exceptions import GoogleAuthError
from google.pubsub_v1 import (
    PublisherAsyncClient,
    PubsubMessage,
    ReceivedMessage,
    SubscriberAsyncClient,
    Topic,
)
from google.pubsub_v1 import Subscription as SubscriptionResource
from google.pubsub_v1.services.publisher.transports import PublisherGrpcAsyncIOTransport
from google.pubsub_v1.services.subscriber.transports import SubscriberGrpcAsyncIOTransport

from services.platform.bus.port import RefusedError
from services.platform.errors import UnavailableError
from services.platform.runtime.deadlines import allowed_s

__all__ = ["EMULATOR_VARIABLE", "MAX_MESSAGES", "PubSubCalls"]

EMULATOR_VARIABLE = "PUBSUB_EMULATOR_HOST"
"""The variable by which Google's own clients find an emulator (host:port)."""
CALL_TIMEOUT_S = 5.0
"""Bound of one call on messages; the caller's deadline may leave less."""
ADMIN_TIMEOUT_S = 30.0
"""Making a topic or a subscription is slow on the real service."""
MAX_MESSAGES = 1_000
"""Pub/Sub's limit of messages per request, of ack ids too for the sake of request size."""
PUBLISH_MAX_BYTES = 4 * 1024 * 1024
"""Bytes per publish request, well below Pub/Sub's 10 MB."""


class PubSubCalls:
    """Topics and subscriptions of one project, by their ids. Make it inside a running loop.

    Every method raises `UnavailableError` when Pub/Sub cannot answer.
    """

    def __init__(self, project: str) -> None:
        self._project = project
        if address := os.environ.get(EMULATOR_VARIABLE):
            self._publisher = PublisherAsyncClient(
                transport=PublisherGrpcAsyncIOTransport(channel=_channel(address))
            )
            self._subscriber = SubscriberAsyncClient(
                transport=SubscriberGrpcAsyncIOTransport(channel=_channel(address))
            )
        else:
            with _errors():
                self._publisher = PublisherAsyncClient()
                self._subscriber = SubscriberAsyncClient()

    def _topic(self, topic: str) -> str:
        return f"projects/{self._project}/topics/{topic}"

    def _subscription(self, subscription: str) -> str:
        return f"projects/{self._project}/subscriptions/{subscription}"

    async def ensure(self, topic: str, subscription: str, ack_deadline_s: int) -> None:
        """Make a topic and a subscription of it, where they are missing."""
        with _errors():
            with suppress(AlreadyExists):
                await self._publisher.create_topic(
                    Topic(name=self._topic(topic)), retry=None, timeout=allowed_s(ADMIN_TIMEOUT_S)
                )
            resource = SubscriptionResource(
                name=self._subscription(subscription),
                topic=self._topic(topic),
                ack_deadline_seconds=ack_deadline_s,
            )
            with suppress(AlreadyExists):
                await self._subscriber.create_subscription(
                    resource, retry=None, timeout=allowed_s(ADMIN_TIMEOUT_S)
                )

    async def missing(self, topic: str, subscription: str) -> list[str]:
        """Name what is not there of a topic and a subscription of it."""
        with _errors():
            try:
                found = await self._subscriber.get_subscription(
                    subscription=self._subscription(subscription),
                    retry=None,
                    timeout=allowed_s(ADMIN_TIMEOUT_S),
                )
            except NotFound:
                return [f"subscription {subscription}"]
            # Its topic may be another, or be gone ("_deleted-topic_").
            return [] if found.topic == self._topic(topic) else [f"topic {topic} of {subscription}"]

    async def publish(self, topic: str, messages: Sequence[PubsubMessage]) -> None:
        """Publish in pages within the limits of one request.

        Raises `RefusedError` where Pub/Sub finds a message invalid.
        """
        with _errors(), _refusals():
            for page in _pages(messages):
                await self._publisher.publish(
                    topic=self._topic(topic),
                    messages=page,
                    retry=None,
                    timeout=allowed_s(CALL_TIMEOUT_S),
                )

    async def pull(self, subscription: str, most: int, wait_s: float) -> list[ReceivedMessage]:
        """Pull once; empty when nothing came in time."""
        with _errors():
            try:
                response = await self._subscriber.pull(
                    subscription=self._subscription(subscription),
                    max_messages=min(most, MAX_MESSAGES),
                    retry=None,
                    timeout=allowed_s(wait_s),
                )
            except DeadlineExceeded:
                return []
            return list(response.received_messages)

    async def check(self, subscription: str) -> None:
        """Make sure that Pub/Sub answers: an empty subscription looks like a hang to a pull."""
        with _errors():
            await self._subscriber.get_subscription(
                subscription=self._subscription(subscription),
                retry=None,
                timeout=allowed_s(CALL_TIMEOUT_S),
            )

    async def acknowledge(self, subscription: str, ack_ids: Sequence[str]) -> None:
        """Acknowledge deliveries; none is fine."""
        with _errors():
            for at in range(0, len(ack_ids), MAX_MESSAGES):
                await self._subscriber.acknowledge(
                    subscription=self._subscription(subscription),
                    ack_ids=list(ack_ids[at : at + MAX_MESSAGES]),
                    retry=None,
                    timeout=allowed_s(CALL_TIMEOUT_S),
                )

    async def modify_deadline(
        self, subscription: str, ack_ids: Sequence[str], deadline_s: int
    ) -> None:
        """Deliver again after `deadline_s` from now; none is fine."""
        with _errors():
            for at in range(0, len(ack_ids), MAX_MESSAGES):
                await self._subscriber.modify_ack_deadline(
                    subscription=self._subscription(subscription),
                    ack_ids=list(ack_ids[at : at + MAX_MESSAGES]),
                    ack_deadline_seconds=deadline_s,
                    retry=None,
                    timeout=allowed_s(CALL_TIMEOUT_S),
                )

    async def close(self) -> None:
        """Close both channels."""
        await self._publisher.transport.close()  # type: ignore[no-untyped-call, unused-ignore]
        await self._subscriber.transport.close()  # type: ignore[no-untyped-call, unused-ignore]


def _channel(address: str) -> grpc.aio.Channel:
    # As Google's clients have it by themselves: a pull may bring more than gRPC's 4 MB.
    return grpc.aio.insecure_channel(address, [("grpc.max_receive_message_length", -1)])


def _pages(messages: Sequence[PubsubMessage]) -> Iterator[list[PubsubMessage]]:
    page: list[PubsubMessage] = []
    page_bytes = 0
    for message in messages:
        size = len(message.data) + sum(len(k) + len(v) for k, v in message.attributes.items())
        if page and (len(page) == MAX_MESSAGES or page_bytes + size > PUBLISH_MAX_BYTES):
            yield page
            page, page_bytes = [], 0
        page.append(message)
        page_bytes += size
    if page:
        yield page


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except InvalidArgument as error:
        raise RefusedError(str(error)) from error


@contextmanager
def _errors() -> Iterator[None]:
    try:
        yield
    except (GoogleAPIError, GoogleAuthError) as error:
        raise UnavailableError("The bus cannot answer now.") from error
