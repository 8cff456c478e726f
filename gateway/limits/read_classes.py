"""Classes that an edge counts by itself, since a read pays no call for being counted."""

from typing import Final

from gateway.limits.budgets import (
    Budgets,
    EndpointClass,
    SlidingWindow,
    Subject,
    TokenBucket,
    WithoutValkey,
)
from gateway.limits.spans import HOUR, MINUTE, QUARTER_HOUR, WHY_APP, WHY_NAT

__all__ = ["READ_CLASSES"]

_TWEETS = "aviary.tweet.v1.TweetService"
_TIMELINES = "aviary.timeline.v1.TimelineService"
_GRAPH = "aviary.graph.v1.GraphService"
_MUTED_WORDS = "aviary.graph.v1.MutedWordService"
_USERS = "aviary.user.v1.UserService"
_ENGAGEMENT = "aviary.engagement.v1.EngagementService"
_NOTIFICATIONS = "aviary.notification.v1.NotificationService"
_LIVE = "aviary.live.v1.LiveService"
_LISTS = "aviary.list.v1.ListService"
_SEARCH = "aviary.search.v1.SearchService"
_MEDIA = "aviary.media.v1.MediaService"
_CHALLENGES = "aviary.gateway.v1.ChallengeService/CreateChallenge"
_HEALTH = "aviary.gateway.v1.HealthService"

# Of a new account's budgets: reading does little harm.
_NEW_READER = 2

READ_CLASSES: Final = (
    EndpointClass(
        "home",
        # A stream begins with the same read; how many are open, its service counts.
        (f"{_TIMELINES}/GetHomeTimeline", f"{_LIVE}/StreamHome"),
        {
            Subject.USER: Budgets(
                TokenBucket(60, 10),
                SlidingWindow(1_800, QUARTER_HOUR),
                "a fast scroller turns two pages a second; two a second all along is a scraper",
            ),
            Subject.APP: Budgets(
                TokenBucket(60_000, 10), SlidingWindow(2_700_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(600, 10), SlidingWindow(18_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "timeline",
        (
            f"{_TIMELINES}/GetUserTimeline",
            f"{_TWEETS}/GetConversation",
            f"{_LISTS}/GetListTimeline",
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(30, 10),
                SlidingWindow(900, QUARTER_HOUR),
                "profiles and threads are opened one by one; one a second all along is a scraper",
            ),
            Subject.APP: Budgets(
                TokenBucket(30_000, 10), SlidingWindow(1_350_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, 10), SlidingWindow(9_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "lookup",
        (
            f"{_TWEETS}/GetTweet",
            f"{_USERS}/GetUser",
            f"{_USERS}/GetUserByHandle",
            f"{_USERS}/GetMe",
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(60, 10),
                TokenBucket(1_800, QUARTER_HOUR),
                "a page of links opens a few at once; walking ids is what this stops",
            ),
            Subject.APP: Budgets(
                TokenBucket(60_000, 10), TokenBucket(2_700_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(600, 10), TokenBucket(18_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "lookups",
        (f"{_TWEETS}/GetTweets", f"{_USERS}/GetUsers"),
        {
            Subject.USER: Budgets(
                TokenBucket(15, 10),
                SlidingWindow(300, QUARTER_HOUR),
                "one call reads what a page of links names; walking ids is a hundred times faster",
            ),
            Subject.APP: Budgets(
                TokenBucket(15_000, 10), SlidingWindow(675_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(150, 10), SlidingWindow(3_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "notifications",
        (f"{_NOTIFICATIONS}/ListNotifications",),
        {
            Subject.USER: Budgets(
                TokenBucket(30, 10),
                SlidingWindow(900, QUARTER_HOUR),
                "a page now and then, and scrolling through a month of them",
            ),
            Subject.APP: Budgets(
                TokenBucket(30_000, 10), SlidingWindow(1_350_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, 10), SlidingWindow(9_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "unread",
        # Marking is no read, but as cheap and as frequent, and does nothing to others.
        (f"{_NOTIFICATIONS}/GetUnreadCount", f"{_NOTIFICATIONS}/MarkNotificationsRead"),
        {
            Subject.USER: Budgets(
                TokenBucket(30, 10),
                SlidingWindow(900, QUARTER_HOUR),
                "several clients of one user ask every few seconds, to show a number, and mark what"
                " is seen",
            ),
            Subject.APP: Budgets(
                TokenBucket(30_000, 10), SlidingWindow(1_350_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, 10), SlidingWindow(9_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "search",
        (f"{_SEARCH}/SearchTweets", f"{_SEARCH}/ListTrends", f"{_USERS}/SearchUsers"),
        {
            Subject.USER: Budgets(
                TokenBucket(20, 10),
                SlidingWindow(450, QUARTER_HOUR),
                "a search as one types, and pages of it; one every two seconds all along harvests",
            ),
            Subject.APP: Budgets(
                TokenBucket(20_000, 10), SlidingWindow(900_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(200, 10), SlidingWindow(4_500, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "relations",
        (
            f"{_GRAPH}/ListFollowers",
            f"{_GRAPH}/ListFollowRequests",
            f"{_GRAPH}/ListFollowing",
            f"{_GRAPH}/GetRelationship",
            f"{_MUTED_WORDS}/ListMutedWords",
            f"{_LISTS}/GetList",
            f"{_LISTS}/ListLists",
            f"{_LISTS}/ListListMembers",
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(15, 10),
                SlidingWindow(300, QUARTER_HOUR),
                "who follows whom is what scrapers and spammers want most",
            ),
            Subject.APP: Budgets(
                TokenBucket(15_000, 10), SlidingWindow(675_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(150, 10), SlidingWindow(3_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "engagement",
        tuple(
            f"{_ENGAGEMENT}/{rpc}"
            for rpc in ("ListLikers", "ListRetweeters", "ListLikes", "ListBookmarks")
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(30, 10),
                SlidingWindow(900, QUARTER_HOUR),
                "a page of one's own list at a time; who likes what is also what scrapers want",
            ),
            Subject.APP: Budgets(
                TokenBucket(30_000, 10), SlidingWindow(1_350_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, 10), SlidingWindow(9_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "media",
        (f"{_MEDIA}/GetMedia",),
        {
            Subject.USER: Budgets(
                TokenBucket(100, 10),
                SlidingWindow(3_000, QUARTER_HOUR),
                "the pictures of a page of tweets, and looks whether an upload is ready",
            ),
            Subject.APP: Budgets(
                TokenBucket(50_000, 10), SlidingWindow(2_250_000, QUARTER_HOUR), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(500, 10), SlidingWindow(15_000, QUARTER_HOUR), WHY_NAT),
        },
        WithoutValkey.NOT_ASKED,
        _NEW_READER,
    ),
    EndpointClass(
        "pictures",
        (),
        {
            Subject.IP: Budgets(
                TokenBucket(1_000, 10),
                TokenBucket(30_000, QUARTER_HOUR),
                "pages full of pictures, for everybody behind one address; caches keep them",
            ),
        },
        WithoutValkey.NOT_ASKED,
        1,
        paths=("/media/files/",),
    ),
    EndpointClass(
        "uploads",
        (),
        {
            Subject.IP: Budgets(
                TokenBucket(120, MINUTE),
                TokenBucket(1_800, HOUR),
                "each needs a URL that a user asked for; a minute of them is 600 MB",
            ),
        },
        WithoutValkey.NOT_ASKED,
        1,
        paths=("/media/uploads/",),
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
        minds_reputation=False,
    ),
    EndpointClass(
        "issuer",
        (),
        {
            Subject.IP: Budgets(
                TokenBucket(120, MINUTE),
                TokenBucket(3_600, HOUR),
                "keys and discovery are cached by whoever reads them; a person asks for a page",
            ),
        },
        WithoutValkey.NOT_ASKED,
        1,
        # Whatever no class of its own has: also what the issuer does not know.
        paths=("/oauth/", "/.well-known/openid-configuration"),
    ),
)
