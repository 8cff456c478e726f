"""The fan-out in one declaration."""

from types import MappingProxyType
from typing import Final

from services.graph.spec import GRAPH_EVENTS
from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs import NumberFlag, ServiceSpec, SwitchFlag
from services.platform.visibility.calls import SIGHT_CALLS
from services.tweet.spec import TWEET_EVENTS

__all__ = [
    "AUTHOR",
    "CELEBRITY_THRESHOLD",
    "CLOSE",
    "CLOSE_FRIENDS_FIRST",
    "CONTINUATIONS",
    "CONTROLS",
    "FANOUT_CLOSE",
    "FANOUT_CONTINUATIONS",
    "FANOUT_REST",
    "GRAPH",
    "PLAN",
    "REST",
    "SPEC",
]

CONTROLS: Final = TableSpec("fanout_controls", key="controls, and refused#{outbox}")
"""The threshold, and what is paused of all services. Kept until somebody sets it otherwise. And
what the bus refuses of each outbox, until it takes it or an operator drops it."""

FANOUT_CLOSE: Final = "fanout-close"
FANOUT_REST: Final = "fanout-rest"
FANOUT_CONTINUATIONS: Final = "fanout-legs"

PLAN: Final = Subscription("fanout.plan", TWEET_EVENTS)
CONTINUATIONS: Final = Subscription("fanout.legs", FANOUT_CONTINUATIONS)
AUTHOR: Final = Subscription("fanout.author", TWEET_EVENTS)
GRAPH: Final = Subscription("fanout.graph", GRAPH_EVENTS)
CLOSE: Final = Subscription("fanout.close", FANOUT_CLOSE)
REST: Final = Subscription("fanout.rest", FANOUT_REST)

# More followers than there are people.
CELEBRITY_THRESHOLD: Final = NumberFlag("fanout.celebrity-threshold", 1, 10_000_000_000)
"""T: followers above which an author's tweets are merged at read, not pushed. Comes before the
setting AVIARY_CELEBRITY_THRESHOLD, and after what an operator has set (`aviary threshold`)."""
CLOSE_FRIENDS_FIRST: Final = SwitchFlag("fanout.close-friends-first", default=True)
"""Whether pages of pushes to close friends go before those to all others. Off, both go side by
side: for a flood of the former that starves the latter."""

SPEC: Final = ServiceSpec(
    name="fanout",
    summary="pushes each tweet into the home timelines of its author's followers",
    port=50_055,
    # It answers operators for the queues of all services, see ADR 25.
    contracts=("aviary.fanout.v1.FanoutService", "aviary.queue.v1.QueueService"),
    is_operated=True,
    calls=(
        # GetRelations of a graph process of the release before StreamRelations alone.
        "aviary.graph.v1.GraphService/GetRelations",
        *SIGHT_CALLS,
        "aviary.graph.v1.GraphService/LookupAudiences",
        # Of a graph process of the release before LookupAudiences alone.
        "aviary.graph.v1.GraphService/LookupCounts",
        "aviary.graph.v1.GraphService/LookupRelations",
        "aviary.graph.v1.GraphService/StreamFollowers",
        "aviary.graph.v1.GraphService/StreamRelations",
        "aviary.tweet.v1.TweetService/DecideDelivery",
        "aviary.tweet.v1.TweetService/ListAuthorTweets",
        "aviary.tweet.v1.TweetService/LookupTweets",
    ),
    tables=(CONTROLS,),
    keeps_pauses=CONTROLS,
    # It writes timelines: an RPC for each push would cost more than the push, see its `writes`.
    opens_rows_of=("timeline",),
    topics=MappingProxyType(
        {
            FANOUT_CLOSE: "Pages of pushes to the followers who should see a tweet first.",
            FANOUT_REST: "Pages of pushes to everybody else.",
            FANOUT_CONTINUATIONS: "What is left to plan of tweets by authors with many followers.",
        }
    ),
    subscriptions=(PLAN, CONTINUATIONS, AUTHOR, GRAPH, CLOSE, REST),
    uses_cache=True,
    flags=(CELEBRITY_THRESHOLD, CLOSE_FRIENDS_FIRST),
)
