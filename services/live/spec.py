"""The live service in one declaration."""

from typing import Final

from services.platform.specs import ServiceSpec

__all__ = ["SPEC"]

SPEC: Final = ServiceSpec(
    name="live",
    summary="streams what changes in home timelines, as it does",
    port=50_070,
    contracts=("aviary.live.v1.LiveService",),
    calls=(
        "aviary.engagement.v1.EngagementService/LookupCounts",
        "aviary.graph.v1.GraphService/LookupStandings",
        "aviary.timeline.v1.TimelineService/GetHomeTimeline",
        "aviary.tweet.v1.TweetService/LookupTweets",
    ),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
