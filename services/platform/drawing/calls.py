"""What whoever answers with tweets calls."""

from typing import Final

__all__ = ["drawing_calls"]

_CALLS: Final = (
    "aviary.engagement.v1.EngagementService/ListNewestEngaged",
    "aviary.engagement.v1.EngagementService/LookupCounts",
    "aviary.engagement.v1.EngagementService/LookupEngaged",
    "aviary.graph.v1.GraphService/LookupSights",
    # Of a graph process of the release before LookupSights.
    "aviary.graph.v1.GraphService/StreamRelations",
    "aviary.tweet.v1.TweetService/LookupTweets",
    "aviary.user.v1.UserService/LookupUsers",
    "aviary.user.v1.UserService/LookupUsersByHandle",
)


def drawing_calls(service: str) -> tuple[str, ...]:
    """Give them for the `calls` of a service's declaration: but for those of its own RPCs."""
    return tuple(call for call in _CALLS if not call.startswith(f"aviary.{service}."))
