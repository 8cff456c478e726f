"""The notification service in one declaration."""

from typing import Final

from services.engagement.spec import ENGAGEMENT_EVENTS
from services.graph.spec import GRAPH_EVENTS
from services.notification.ages import KEPT_MS
from services.notification.keys import expired_entries
from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.platform.visibility.calls import SIGHT_CALLS
from services.tweet.spec import TWEET_EVENTS
from services.user.spec import USER_EVENTS

__all__ = [
    "ENGAGEMENT",
    "ENTRIES",
    "ERASURE",
    "GRAPH",
    "GROUPS",
    "READ",
    "SPEC",
    "TABLES",
    "TOLD",
    "TWEETS",
]

ENTRIES_MAX_AGE_S: Final = KEPT_MS // 1_000
GROUPS_MAX_AGE_S: Final = ENTRIES_MAX_AGE_S + 86_400
"""A day longer, so that no entry is without its group or mark."""

ENTRIES: Final = TableSpec(
    "notifications",
    max_age_s=ENTRIES_MAX_AGE_S,
    key="{user:016x}#{~day:08x}, column {~position}{kind}{tweet}",
    newest_first=True,
    expired=expired_entries,
)
"""The list of a reader: an entry for each group, and for each tweet about the reader."""
GROUPS: Final = TableSpec(
    "notification_groups",
    max_age_s=GROUPS_MAX_AGE_S,
    key="{user:016x}#{kind}#{tweet:016x}, column of each actor",
)
TOLD: Final = TableSpec(
    "notification_told",
    max_age_s=GROUPS_MAX_AGE_S,
    key="{shard:02x}#{tweet:016x}, 64 shards, column {reader}",
)
READ: Final = TableSpec("notification_read", max_age_s=GROUPS_MAX_AGE_S, key="{user:016x}")
"""Up to where each has read: no longer than there is anything that was read."""
TABLES: Final = (ENTRIES, GROUPS, TOLD, READ)

TWEETS: Final = Subscription("notification.tweets", TWEET_EVENTS)
GRAPH: Final = Subscription("notification.graph", GRAPH_EVENTS)
ENGAGEMENT: Final = Subscription("notification.likes", ENGAGEMENT_EVENTS)
ERASURE: Final = Subscription("notification.erasure", USER_EVENTS)

SPEC: Final = ServiceSpec(
    name="notification",
    summary="tells users who follows or asks to, likes, retweets, quotes, answers and names them",
    port=50_068,
    contracts=("aviary.notification.v1.NotificationService",),
    calls=(
        *SIGHT_CALLS,
        "aviary.graph.v1.GraphService/LookupStandings",
        "aviary.tweet.v1.TweetService/LookupTweets",
        "aviary.user.v1.UserService/LookupUsersByHandle",
        "aviary.user.v1.UserService/LookupUsers",
    ),
    tables=TABLES,
    subscriptions=(TWEETS, GRAPH, ENGAGEMENT, ERASURE),
    # Only to hear which users are gone.
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
