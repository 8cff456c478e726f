"""The engagement service in one declaration."""

from types import MappingProxyType
from typing import Final

from services.platform.bus.port import Subscription
from services.platform.drawing.calls import drawing_calls
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.tweet.spec import TWEET_EVENTS
from services.user.spec import USER_EVENTS

__all__ = [
    "COUNTS",
    "ENGAGED",
    "ENGAGEMENT_EVENTS",
    "ENGAGERS",
    "ERASURE",
    "JOBS",
    "OUTBOX",
    "SPEC",
    "TABLES",
    "TWEETS",
    "TWEET_COUNTS",
]

ENGAGED: Final = TableSpec("engaged", key="{kind}#{actor:016x}, column {~tweet}")
ENGAGERS: Final = TableSpec(
    "engagers", key="{shard:02x}#{tweet:016x}#{kind}#{actor:016x}, 64 shards"
)
EDGE_TABLES: Final = (ENGAGED, ENGAGERS)
"""In the order in which a change writes them: what is counted is written last. An actor is a user,
or of an answer or a quote the tweet that it is. Of an actor there is a wide row for each kind; of a
tweet a row for each actor, since there can be millions."""

TWEET_COUNTS: Final = TableSpec("tweet_counts", key="{shard:02x}#{tweet:016x}#{part}, 64 shards")
JOBS: Final = TableSpec("engagement_jobs", key="{job}")
OUTBOX: Final = TableSpec("engagement_outbox", key=OUTBOX_KEY)
TABLES: Final = (*EDGE_TABLES, TWEET_COUNTS, JOBS, OUTBOX)

ENGAGEMENT_EVENTS: Final = "engagement-events"
COUNTS: Final = Subscription("engagement.counts", ENGAGEMENT_EVENTS)
TWEETS: Final = Subscription("engagement.tweets", TWEET_EVENTS)
ERASURE: Final = Subscription("engagement.erasure", USER_EVENTS)

SPEC: Final = ServiceSpec(
    name="engagement",
    summary="who likes, retweets and bookmarks which tweet, and how many do",
    port=50_064,
    http_port=50_065,
    json_over_http=True,
    contracts=("aviary.engagement.v1.EngagementService",),
    calls=(
        *LEASE_CALLS,
        "aviary.tweet.v1.TweetService/PlaceRetweets",
        "aviary.tweet.v1.TweetService/StreamTweets",
        *drawing_calls("engagement"),
    ),
    operator_calls=(
        "aviary.engagement.v1.EngagementService/BackfillReferences",
        "aviary.engagement.v1.EngagementService/LookupCounts",
        "aviary.engagement.v1.EngagementService/Reconcile",
    ),
    tables=TABLES,
    topics=MappingProxyType({ENGAGEMENT_EVENTS: "Likes, retweets and bookmarks made and removed."}),
    subscriptions=(COUNTS, TWEETS, ERASURE),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
