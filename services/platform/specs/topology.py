"""Which topics there are and who listens to them, as services declare it."""

from functools import cache
from operator import attrgetter

from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs.discovery import all_specs

__all__ = ["all_subscriptions", "all_topics", "pauses_table"]


@cache
def all_topics() -> tuple[str, ...]:
    """Return every topic that somebody publishes to."""
    return tuple(topic for spec in all_specs().values() for topic in spec.topics)


@cache
def all_subscriptions() -> tuple[Subscription, ...]:
    """Return every subscription, by the name of the service that consumes it."""
    specs = sorted(all_specs().values(), key=attrgetter("name"))
    return tuple(each for spec in specs for each in spec.subscriptions)


@cache
def pauses_table() -> tuple[str, TableSpec]:
    """Return where pauses of subscriptions are kept: the owner of the table, and the table.

    Raises ValueError where not exactly one service keeps them.
    """
    keepers = [
        (spec.name, spec.keeps_pauses)
        for spec in all_specs().values()
        if spec.keeps_pauses is not None
    ]
    if len(keepers) != 1:
        raise ValueError(f"pauses are kept by {len(keepers)} services, not one")
    return keepers[0]
