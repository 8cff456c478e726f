"""The one table of limits.

Envoy's configuration, the limiter's decisions and docs/reference/rate-limits.md are made from it.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from gateway.limits.budgets import (
    Budgets,
    EndpointClass,
    SlidingWindow,
    Subject,
    TokenBucket,
    WithoutValkey,
)

__all__ = [
    "ANY_REQUEST",
    "CLASSES",
    "IPV6_PREFIX_BITS",
    "NEW_ACCOUNT_DAYS",
    "PROOF_HEADER",
    "SAFELISTED_SCOPE",
    "by_name",
]

MINUTE: Final = 60
QUARTER_HOUR: Final = 15 * MINUTE
HOUR: Final = 60 * MINUTE
THREE_HOURS: Final = 3 * HOUR
DAY: Final = 24 * HOUR

NEW_ACCOUNT_DAYS: Final = 7
"""Most throw-away accounts are caught within a week; an honest newcomer hardly feels the limits."""

SAFELISTED_SCOPE: Final = "act:any"
"""Internal jobs (loaders, erasure) carry it; they are bounded by what they are given to do."""

PROOF_HEADER: Final = "x-proof-of-work"
"""Where the solution of a challenge goes, in HTTP and in gRPC metadata alike."""

IPV6_PREFIX_BITS: Final = 64
"""What one customer is given: a limit on single addresses would limit nobody."""

_TWEETS = "aviary.tweet.v1.TweetService"
_TIMELINES = "aviary.timeline.v1.TimelineService"
_GRAPH = "aviary.graph.v1.GraphService"
_USERS = "aviary.user.v1.UserService"
_CHALLENGES = "aviary.gateway.v1.ChallengeService/CreateChallenge"
_HEALTH = "aviary.gateway.v1.HealthService"

# Divisors of a new account's budgets. Reading does little harm; writing is what spam is made of.
_NEW_READER = 2
_NEW_WRITER = 4

_WHY_APP = "an app's users together; more is a runaway release, or an app whose keys are stolen"
_WHY_NAT = "an office or a carrier's gateway: some ten busy users at once"

ANY_REQUEST: Final = Budgets(
    TokenBucket(20_000, 5),
    TokenBucket(900_000, QUARTER_HOUR),
    "before tokens are checked, so that a flood costs no signatures; per address, on any path",
)

CLASSES: Final = (
    EndpointClass(
        "home",
        (f"{_TIMELINES}/GetHomeTimeline",),
        {
            Subject.USER: Budgets(
                TokenBucket(60, 10),
                SlidingWindow(1_800, QUARTER_HOUR),
                "a fast scroller turns two pages a second; two a second all along is a scraper",
            ),
            Subject.APP: Budgets(
                TokenBucket(60_000, 10), SlidingWindow(2_700_000, QUARTER_HOUR), _WHY_APP
            ),
            Subject.IP: Budgets(
                TokenBucket(600, 10), SlidingWindow(18_000, QUARTER_HOUR), _WHY_NAT
            ),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "timeline",
        (f"{_TIMELINES}/GetUserTimeline",),
        {
            Subject.USER: Budgets(
                TokenBucket(30, 10),
                SlidingWindow(900, QUARTER_HOUR),
                "profiles are opened one by one; one a second all along is a scraper",
            ),
            Subject.APP: Budgets(
                TokenBucket(30_000, 10), SlidingWindow(1_350_000, QUARTER_HOUR), _WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, 10), SlidingWindow(9_000, QUARTER_HOUR), _WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "lookup",
        (f"{_TWEETS}/GetTweet", f"{_USERS}/GetUser", f"{_USERS}/GetUserByHandle"),
        {
            Subject.USER: Budgets(
                TokenBucket(60, 10),
                TokenBucket(1_800, QUARTER_HOUR),
                "a page of links opens a few at once; walking ids is what this stops",
            ),
            Subject.APP: Budgets(
                TokenBucket(60_000, 10), TokenBucket(2_700_000, QUARTER_HOUR), _WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(600, 10), TokenBucket(18_000, QUARTER_HOUR), _WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "relations",
        (f"{_GRAPH}/ListFollowers", f"{_GRAPH}/ListFollowing", f"{_GRAPH}/GetRelationship"),
        {
            Subject.USER: Budgets(
                TokenBucket(15, 10),
                SlidingWindow(300, QUARTER_HOUR),
                "who follows whom is what scrapers and spammers want most",
            ),
            Subject.APP: Budgets(
                TokenBucket(15_000, 10), SlidingWindow(675_000, QUARTER_HOUR), _WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(150, 10), SlidingWindow(3_000, QUARTER_HOUR), _WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "health",
        (f"{_HEALTH}/GetHealth",),
        {
            Subject.IP: Budgets(
                TokenBucket(200, 10),
                TokenBucket(9_000, QUARTER_HOUR),
                "ten a second: several balancers that ask every second; each asks every service",
            ),
        },
        WithoutValkey.NOT_ASKED,
        1,
    ),
    EndpointClass(
        "post",
        (f"{_TWEETS}/CreateTweet",),
        {
            Subject.USER: Budgets(
                TokenBucket(20, MINUTE),
                TokenBucket(300, THREE_HOURS),
                "a thread is posted at once; each tweet may go to half a million timelines",
            ),
            Subject.APP: Budgets(
                TokenBucket(3_000, MINUTE), TokenBucket(100_000, THREE_HOURS), _WHY_APP
            ),
            Subject.IP: Budgets(
                TokenBucket(200, MINUTE), TokenBucket(3_000, THREE_HOURS), _WHY_NAT
            ),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
        step_up=True,
    ),
    EndpointClass(
        "delete",
        (f"{_TWEETS}/DeleteTweet",),
        {
            Subject.USER: Budgets(
                TokenBucket(30, MINUTE),
                TokenBucket(900, THREE_HOURS),
                "cleaning up is fair, and costs a message to every reader's cache",
            ),
            Subject.APP: Budgets(
                TokenBucket(3_000, MINUTE), TokenBucket(100_000, THREE_HOURS), _WHY_APP
            ),
            Subject.IP: Budgets(
                TokenBucket(300, MINUTE), TokenBucket(9_000, THREE_HOURS), _WHY_NAT
            ),
        },
        WithoutValkey.OPEN,
        1,
    ),
    EndpointClass(
        "follow",
        (f"{_GRAPH}/Follow", f"{_GRAPH}/Unfollow", f"{_GRAPH}/FollowUsers"),
        {
            Subject.USER: Budgets(
                TokenBucket(30, MINUTE),
                TokenBucket(400, DAY),
                "following in bulk to be followed back is the oldest spam of all",
            ),
            Subject.APP: Budgets(TokenBucket(3_000, MINUTE), TokenBucket(400_000, DAY), _WHY_APP),
            Subject.IP: Budgets(TokenBucket(300, MINUTE), TokenBucket(4_000, DAY), _WHY_NAT),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
    ),
    EndpointClass(
        "visibility",
        (f"{_GRAPH}/Block", f"{_GRAPH}/Unblock", f"{_GRAPH}/Mute", f"{_GRAPH}/Unmute"),
        {
            Subject.USER: Budgets(
                SlidingWindow(60, MINUTE),
                SlidingWindow(600, HOUR),
                "whoever is piled upon must be able to shut the door on many, fast",
            ),
            Subject.APP: Budgets(
                SlidingWindow(3_000, MINUTE), SlidingWindow(60_000, HOUR), _WHY_APP
            ),
            Subject.IP: Budgets(SlidingWindow(600, MINUTE), SlidingWindow(6_000, HOUR), _WHY_NAT),
        },
        WithoutValkey.OPEN,
        1,
    ),
    EndpointClass(
        "account",
        (f"{_USERS}/UpdateUser", f"{_USERS}/DeleteUser"),
        {
            Subject.USER: Budgets(
                TokenBucket(10, MINUTE),
                TokenBucket(60, DAY),
                "handles and names that change all the time are how impostors work",
            ),
            Subject.APP: Budgets(TokenBucket(600, MINUTE), TokenBucket(60_000, DAY), _WHY_APP),
            Subject.IP: Budgets(TokenBucket(60, MINUTE), TokenBucket(600, DAY), _WHY_NAT),
        },
        WithoutValkey.OPEN,
        1,
    ),
    EndpointClass(
        "sign-up",
        (f"{_USERS}/CreateUser",),
        {
            Subject.USER: Budgets(
                TokenBucket(2, MINUTE), TokenBucket(5, DAY), "nobody needs more accounts than this"
            ),
            Subject.APP: Budgets(TokenBucket(600, MINUTE), TokenBucket(50_000, DAY), _WHY_APP),
            Subject.IP: Budgets(
                TokenBucket(10, MINUTE),
                TokenBucket(50, DAY),
                "a class in a school signs up together; a farm of accounts needs thousands",
            ),
        },
        WithoutValkey.CLOSED,
        1,
        paths=("/v1/sign-up",),
        step_up=True,
    ),
    EndpointClass(
        "challenge",
        (_CHALLENGES,),
        {
            Subject.IP: Budgets(
                TokenBucket(60, MINUTE),
                TokenBucket(1_800, HOUR),
                "one for each sign-up or post of a suspect; making one costs us a signature",
            ),
        },
        WithoutValkey.NOT_ASKED,
        1,
    ),
    EndpointClass(
        "log-in",
        (),
        {
            Subject.APP: Budgets(TokenBucket(3_000, MINUTE), TokenBucket(90_000, HOUR), _WHY_APP),
            Subject.IP: Budgets(
                TokenBucket(20, MINUTE),
                TokenBucket(300, HOUR),
                "typing errors of an office; guessing passwords needs far more",
            ),
        },
        WithoutValkey.CLOSED,
        1,
        paths=("/v1/log-in", "/oauth2/token", "/oauth2/authorize"),
        step_up=True,
    ),
)


def by_name() -> Mapping[str, EndpointClass]:
    """Give the classes by name."""
    return MappingProxyType({one.name: one for one in CLASSES})
