"""Finding a topic's subscriptions."""

from collections.abc import Sequence

from services.platform.bus.port import Subscription

__all__ = ["subscriptions_of"]


def subscriptions_of(topology: Sequence[Subscription], topic: str) -> tuple[Subscription, ...]:
    """All subscriptions of `topic`. Raises ValueError for a topic that the topology lacks."""
    found = tuple(each for each in topology if each.topic == topic)
    if not found:
        raise ValueError(f"topic {topic!r} has no subscription in the topology")
    return found
