"""The tweet service in one declaration."""

from types import MappingProxyType
from typing import Final

from services.platform.bus.port import Subscription
from services.platform.drawing.calls import drawing_calls
from services.platform.leasing.calls import LEASE_CALLS
from services.platform.outbox.keys import OUTBOX_KEY
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.user.spec import USER_EVENTS

__all__ = [
    "AUTHOR_COUNTS",
    "CLAIM_MAX_AGE_S",
    "ERASURE",
    "OUTBOX",
    "QUARANTINED",
    "REPLIES",
    "REQUESTS",
    "RETWEETS",
    "SCANNING",
    "SCANS",
    "SPEC",
    "TABLES",
    "TWEETS",
    "TWEETS_BY_AUTHOR",
    "TWEET_EVENTS",
]

CLAIM_MAX_AGE_S: Final = 86_400
"""Clients retry for minutes; a day leaves room for one that was offline."""

TWEETS: Final = TableSpec("tweets", key="{shard:02x}#{tweet:016x}, 64 shards")
TWEETS_BY_AUTHOR: Final = TableSpec(
    "tweets_by_author", key="{author:016x}#{~tweet:016x}", newest_first=True
)
AUTHOR_COUNTS: Final = TableSpec("author_counts", key="{author:016x}")
"""How many places in their lists authors have, see `count_store`."""
REPLIES: Final = TableSpec(
    "replies", key="{shard:02x}#{tweet:016x}#{~reply:016x}, 64 shards", newest_first=True
)
REQUESTS: Final = TableSpec("requests", max_age_s=CLAIM_MAX_AGE_S, key="{scope}#{request id}")
RETWEETS: Final = TableSpec("retweets", key="{user:016x}#{tweet:016x}")
"""Which retweet stands for a user and a tweet; what it is, is a row of `tweets`."""
OUTBOX: Final = TableSpec("tweet_outbox", key=OUTBOX_KEY)
QUARANTINED: Final = TableSpec("tweets_quarantined", key="{tweet:016x}")
SCANS: Final = TableSpec("tweet_scans", key="{job}")
"""How far recent tweets were looked at with the newest list of URLs."""
TABLES: Final = (
    TWEETS,
    TWEETS_BY_AUTHOR,
    AUTHOR_COUNTS,
    REPLIES,
    REQUESTS,
    RETWEETS,
    OUTBOX,
    QUARANTINED,
    SCANS,
)

TWEET_EVENTS: Final = "tweet-events"
ERASURE: Final = Subscription("tweet.erasure", USER_EVENTS)
SCANNING: Final = Subscription("tweet.scanning", TWEET_EVENTS)
"""Also for what else the service itself has to do with tweets that came or went: counting."""

SPEC: Final = ServiceSpec(
    name="tweet",
    summary="tweets: written once, deleted for good",
    port=50_053,
    http_port=50_061,
    json_over_http=True,
    contracts=("aviary.tweet.v1.TweetService",),
    calls=(
        *LEASE_CALLS,
        *drawing_calls("tweet"),
        # Of a process of the release before LookupSights, as long as one may run.
        "aviary.graph.v1.GraphService/LookupHidden",
        "aviary.media.v1.MediaService/AttachMedia",
    ),
    operator_calls=(
        "aviary.tweet.v1.TweetService/BackfillReplies",
        "aviary.tweet.v1.TweetService/ClearTweet",
        "aviary.tweet.v1.TweetService/ListQuarantinedTweets",
        "aviary.tweet.v1.TweetService/QuarantineTweet",
    ),
    tables=TABLES,
    # Authors see their own tweets at once: written into the timeline's own store, see its `writes`.
    opens_rows_of=("timeline",),
    topics=MappingProxyType({TWEET_EVENTS: "Tweets made and deleted."}),
    subscriptions=(ERASURE, SCANNING),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
