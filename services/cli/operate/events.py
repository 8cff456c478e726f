"""What messages of each topic say, for people to read."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from aviary.event.v1 import event_pb2
from google.protobuf import text_format
from google.protobuf.message import DecodeError, Message

from services.platform.specs import all_subscriptions

__all__ = ["KINDS", "said"]

KINDS: Final[Mapping[str, type[Message]]] = MappingProxyType(
    {
        "tweet-events": event_pb2.TweetEvent,
        "graph-events": event_pb2.GraphEvent,
        "user-events": event_pb2.UserEvent,
        "engagement-events": event_pb2.EngagementEvent,
        "media-events": event_pb2.MediaEvent,
        "fanout-close": event_pb2.FanoutJob,
        "fanout-rest": event_pb2.FanoutJob,
        "fanout-legs": event_pb2.FanoutLeg,
    }
)
"""Topic to what its messages are."""


def said(subscription: str, data: bytes) -> str:
    """Write a message on one line; empty for one that is not what its topic has."""
    topic = next((each.topic for each in all_subscriptions() if each.name == subscription), "")
    kind = KINDS.get(topic)
    try:
        message = None if kind is None else kind.FromString(data)
    except DecodeError:
        return ""
    return "" if message is None else text_format.MessageToString(message, as_one_line=True)
