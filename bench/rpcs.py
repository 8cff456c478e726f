"""RPCs that are measured, as gRPC names them, and what the edge says with each."""

from services.platform.rpc.end_user import ACT_ANY, SCOPE_KEY

__all__ = ["AS_THE_EDGE", "HOME_RPC", "POST_RPC", "USER_RPC"]

HOME_RPC = "/aviary.timeline.v1.TimelineService/GetHomeTimeline"
USER_RPC = "/aviary.timeline.v1.TimelineService/GetUserTimeline"
POST_RPC = "/aviary.tweet.v1.TweetService/CreateTweet"
AS_THE_EDGE = ((SCOPE_KEY, f"timeline:read {ACT_ANY}"),)
"""Metadata of a call for whom the operator's token was shown."""
