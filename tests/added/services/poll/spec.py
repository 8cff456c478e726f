"""The polls in one declaration, and nothing else anywhere."""

from types import MappingProxyType
from typing import Final

from services.platform.bus.port import Subscription
from services.platform.rows.port import TableSpec
from services.platform.specs import ServiceSpec, SwitchFlag
from services.tweet.spec import TWEET_EVENTS

VOTES: Final = TableSpec("poll_votes", max_age_s=86_400, key="{poll:016x}")
POLL_EVENTS: Final = "poll-events"
TWEETS: Final = Subscription("poll.tweets", TWEET_EVENTS)
TALLIES: Final = Subscription("poll.tallies", POLL_EVENTS)
OPEN: Final = SwitchFlag("poll.open", default=True)

SPEC: Final = ServiceSpec(
    name="poll",
    summary="polls beneath tweets",
    port=50_099,
    contracts=("aviary.poll.v1.PollService",),
    calls=("aviary.tweet.v1.TweetService/LookupTweets",),
    tables=(VOTES,),
    files=("poll.words",),
    topics=MappingProxyType({POLL_EVENTS: "Polls opened and closed."}),
    subscriptions=(TWEETS, TALLIES),
    uses_cache=True,
    secrets=("AVIARY_CURSOR_KEY",),
    flags=(OPEN,),
)
