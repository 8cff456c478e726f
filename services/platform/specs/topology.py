"""Which topics there are and who listens to them, as services declare it."""

from functools import cache

from services.platform.bus.port import Subscription
from services.platform.specs.discovery import all_specs

__all__ = ["all_subscriptions", "all_topics"]


@cache
def all_topics() -> tuple[str, ...]:
    """Return every topic that somebody publishes to."""
    return tuple(topic for spec in all_specs().values() for topic in spec.topics)


@cache
def all_subscriptions() -> tuple[Subscription, ...]:
    """Return every subscription."""
    return tuple(each for spec in all_specs().values() for each in spec.subscriptions)
