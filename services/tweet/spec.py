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
    "CLAIM_MAX_AGE_S",
    "ERASURE",
    "OUTBOX",
    "REPLIES",
    "REQUESTS",
    "RETWEETS",
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
REPLIES: Final = TableSpec(
    "replies", key="{shard:02x}#{tweet:016x}#{~reply:016x}, 64 shards", newest_first=True
)
REQUESTS: Final = TableSpec("requests", max_age_s=CLAIM_MAX_AGE_S, key="{scope}#{request id}")
RETWEETS: Final = TableSpec("retweets", key="{user:016x}#{tweet:016x}")
"""Which retweet stands for a user and a tweet; what it is, is a row of `tweets`."""
OUTBOX: Final = TableSpec("tweet_outbox", key=OUTBOX_KEY)
TABLES: Final = (TWEETS, TWEETS_BY_AUTHOR, REPLIES, REQUESTS, RETWEETS, OUTBOX)

TWEET_EVENTS: Final = "tweet-events"
ERASURE: Final = Subscription("tweet.erasure", USER_EVENTS)

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
        "aviary.graph.v1.GraphService/LookupHidden",
        "aviary.media.v1.MediaService/AttachMedia",
    ),
    operator_calls=("aviary.tweet.v1.TweetService/BackfillReplies",),
    tables=TABLES,
    # Authors see their own tweets at once: written into the timeline's own store, see its `writes`.
    opens_rows_of=("timeline",),
    topics=MappingProxyType({TWEET_EVENTS: "Tweets made and deleted."}),
    subscriptions=(ERASURE,),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
)
