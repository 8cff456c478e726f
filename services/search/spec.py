"""The search service in one declaration."""

from typing import Final

from services.platform.bus.port import Subscription
from services.platform.drawing.calls import drawing_calls
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec
from services.tweet.spec import TWEET_EVENTS

__all__ = ["CHANGES", "CHANGES_MAX_AGE_S", "REPLICAS", "SEARCH_URL", "SPEC", "TABLES", "TWEETS"]

CHANGES_MAX_AGE_S: Final = 2 * 86_400
"""Two days: a replica that was away for a night goes on from where it was; one that was away for
longer builds its index anew."""

CHANGES: Final = TableSpec(
    "search_changes", max_age_s=CHANGES_MAX_AGE_S, key="{unix ms:016x}#{random:016x}"
)
"""Which tweets changed: what every replica applies to its own index."""
REPLICAS: Final = TableSpec("search_replicas", max_age_s=86_400, key="{host}:{slot}")
"""How the index of each replica is, for operators."""
TABLES: Final = (CHANGES, REPLICAS)

TWEETS: Final = Subscription("search.tweets", TWEET_EVENTS)

SEARCH_URL: Final = "AVIARY_SEARCH_URL"
"""Where an OpenSearch is. It may hold a password, and so is a secret."""

SPEC: Final = ServiceSpec(
    name="search",
    summary="finds tweets by what they say",
    port=50_063,
    contracts=("aviary.search.v1.SearchService",),
    calls=(
        *drawing_calls("search"),
        # Of a process of the release before LookupSights, as long as one may run.
        "aviary.graph.v1.GraphService/LookupHidden",
        "aviary.tweet.v1.TweetService/StreamTweets",
        "aviary.user.v1.UserService/GetUserByHandle",
    ),
    operator_calls=(
        "aviary.search.v1.SearchService/GetIndexStatus",
        "aviary.search.v1.SearchService/RequestRebuild",
    ),
    tables=TABLES,
    subscriptions=(TWEETS,),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY", SEARCH_URL),
    # Without an OpenSearch each replica has an index of its own.
    optional_secrets=(SEARCH_URL,),
    keeps_scratch=True,
)
