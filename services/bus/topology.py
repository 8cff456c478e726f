"""Which topics there are and who listens to them."""

from collections.abc import Sequence

from services.bus.port import Subscription

__all__ = [
    "FANOUT_CLOSE",
    "FANOUT_LEGS",
    "FANOUT_REST",
    "GRAPH_EVENTS",
    "SUBSCRIPTIONS",
    "TOPICS",
    "TWEET_EVENTS",
    "USER_EVENTS",
    "subscriptions_of",
]

TWEET_EVENTS = "tweet-events"
"""Tweets made and deleted."""
GRAPH_EVENTS = "graph-events"
"""Follows, blocks and mutes made and removed."""
USER_EVENTS = "user-events"
"""Accounts deleted."""
FANOUT_CLOSE = "fanout-close"
"""Pages of pushes to the followers who should see a tweet first."""
FANOUT_REST = "fanout-rest"
"""Pages of pushes to everybody else."""
FANOUT_LEGS = "fanout-legs"
"""What is left to plan of tweets whose authors have many followers."""

TOPICS = (TWEET_EVENTS, GRAPH_EVENTS, USER_EVENTS, FANOUT_CLOSE, FANOUT_REST, FANOUT_LEGS)

# Pub/Sub allows letters, digits and `-._~+%` in an id, which must begin with a letter.
SUBSCRIPTIONS = (
    Subscription("fanout.plan", TWEET_EVENTS),
    Subscription("fanout.legs", FANOUT_LEGS),
    Subscription("fanout.author", TWEET_EVENTS),
    Subscription("fanout.graph", GRAPH_EVENTS),
    Subscription("fanout.close", FANOUT_CLOSE),
    Subscription("fanout.rest", FANOUT_REST),
    Subscription("tweet.erasure", USER_EVENTS),
    Subscription("graph.erasure", USER_EVENTS),
    Subscription("identity.erasure", USER_EVENTS),
)


def subscriptions_of(topology: Sequence[Subscription], topic: str) -> tuple[Subscription, ...]:
    """All subscriptions of `topic`. Raises ValueError for a topic that the topology lacks."""
    found = tuple(each for each in topology if each.topic == topic)
    if not found:
        raise ValueError(f"topic {topic!r} has no subscription in the topology")
    return found
