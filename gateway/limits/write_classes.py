"""Classes that all edges count together: what does harm when it is done too often."""

from typing import Final

from gateway.limits.budgets import (
    Budgets,
    EndpointClass,
    SlidingWindow,
    Subject,
    TokenBucket,
    WithoutValkey,
)
from gateway.limits.spans import DAY, HOUR, MINUTE, THREE_HOURS, WHY_APP, WHY_NAT

__all__ = ["WRITE_CLASSES"]

_TWEETS = "aviary.tweet.v1.TweetService"
_GRAPH = "aviary.graph.v1.GraphService"
_MUTED_WORDS = "aviary.graph.v1.MutedWordService"
_USERS = "aviary.user.v1.UserService"
_LISTS = "aviary.list.v1.ListService"
_ENGAGEMENT = "aviary.engagement.v1.EngagementService"
_MEDIA = "aviary.media.v1.MediaService"

# Of a new account's budgets: writing is what spam is made of.
_NEW_WRITER = 4

WRITE_CLASSES: Final = (
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
                TokenBucket(3_000, MINUTE), TokenBucket(100_000, THREE_HOURS), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(200, MINUTE), TokenBucket(3_000, THREE_HOURS), WHY_NAT),
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
                TokenBucket(3_000, MINUTE), TokenBucket(100_000, THREE_HOURS), WHY_APP
            ),
            Subject.IP: Budgets(TokenBucket(300, MINUTE), TokenBucket(9_000, THREE_HOURS), WHY_NAT),
        },
        WithoutValkey.OPEN,
        1,
    ),
    EndpointClass(
        "follow",
        (
            f"{_GRAPH}/Follow",
            f"{_GRAPH}/Unfollow",
            f"{_GRAPH}/FollowUsers",
            f"{_GRAPH}/ApproveFollowRequest",
            f"{_GRAPH}/DenyFollowRequest",
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(30, MINUTE),
                TokenBucket(400, DAY),
                "following in bulk to be followed back is the oldest spam of all",
            ),
            Subject.APP: Budgets(TokenBucket(3_000, MINUTE), TokenBucket(400_000, DAY), WHY_APP),
            Subject.IP: Budgets(TokenBucket(300, MINUTE), TokenBucket(4_000, DAY), WHY_NAT),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
    ),
    EndpointClass(
        "engage",
        tuple(
            f"{_ENGAGEMENT}/{rpc}"
            for rpc in ("Like", "Unlike", "Retweet", "Unretweet", "Bookmark", "Unbookmark")
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(60, MINUTE),
                TokenBucket(1_000, DAY),
                "liking is a tap, now and then several a second; thousands a day are a robot's",
            ),
            Subject.APP: Budgets(TokenBucket(6_000, MINUTE), TokenBucket(1_000_000, DAY), WHY_APP),
            Subject.IP: Budgets(TokenBucket(300, MINUTE), TokenBucket(10_000, DAY), WHY_NAT),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
    ),
    EndpointClass(
        "upload",
        (f"{_MEDIA}/CreateUpload",),
        {
            Subject.USER: Budgets(
                TokenBucket(30, MINUTE),
                TokenBucket(400, DAY),
                "four pictures to a tweet, and some tries; each may be 5 MB that we keep for a day",
            ),
            Subject.APP: Budgets(TokenBucket(3_000, MINUTE), TokenBucket(400_000, DAY), WHY_APP),
            Subject.IP: Budgets(TokenBucket(150, MINUTE), TokenBucket(4_000, DAY), WHY_NAT),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
    ),
    EndpointClass(
        "lists",
        tuple(
            f"{_LISTS}/{rpc}"
            for rpc in (
                "CreateList",
                "UpdateList",
                "DeleteList",
                "AddListMember",
                "RemoveListMember",
            )
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(60, MINUTE),
                TokenBucket(1_500, DAY),
                "a list is filled at once, member by member; few make more than one a day",
            ),
            Subject.APP: Budgets(TokenBucket(3_000, MINUTE), TokenBucket(400_000, DAY), WHY_APP),
            Subject.IP: Budgets(TokenBucket(200, MINUTE), TokenBucket(10_000, DAY), WHY_NAT),
        },
        WithoutValkey.OPEN,
        _NEW_WRITER,
    ),
    EndpointClass(
        "visibility",
        (
            f"{_GRAPH}/Block",
            f"{_GRAPH}/Unblock",
            f"{_GRAPH}/Mute",
            f"{_GRAPH}/Unmute",
            f"{_MUTED_WORDS}/AddMutedWord",
            f"{_MUTED_WORDS}/RemoveMutedWord",
        ),
        {
            Subject.USER: Budgets(
                SlidingWindow(60, MINUTE),
                SlidingWindow(600, HOUR),
                "whoever is piled upon must be able to shut the door on many, fast",
            ),
            Subject.APP: Budgets(
                SlidingWindow(3_000, MINUTE), SlidingWindow(60_000, HOUR), WHY_APP
            ),
            Subject.IP: Budgets(SlidingWindow(600, MINUTE), SlidingWindow(6_000, HOUR), WHY_NAT),
        },
        WithoutValkey.OPEN,
        1,
    ),
    EndpointClass(
        "account",
        (
            f"{_USERS}/UpdateUser",
            f"{_USERS}/DeleteUser",
            f"{_USERS}/PinTweet",
            f"{_USERS}/UnpinTweet",
        ),
        {
            Subject.USER: Budgets(
                TokenBucket(10, MINUTE),
                TokenBucket(60, DAY),
                "handles and names that change all the time are how impostors work",
            ),
            Subject.APP: Budgets(TokenBucket(600, MINUTE), TokenBucket(60_000, DAY), WHY_APP),
            Subject.IP: Budgets(TokenBucket(60, MINUTE), TokenBucket(600, DAY), WHY_NAT),
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
            Subject.APP: Budgets(TokenBucket(600, MINUTE), TokenBucket(50_000, DAY), WHY_APP),
            Subject.IP: Budgets(
                TokenBucket(10, MINUTE),
                TokenBucket(50, DAY),
                "a class in a school signs up together; a farm of accounts needs thousands",
            ),
        },
        WithoutValkey.CLOSED,
        1,
        paths=("/oauth/sign-up",),
        step_up=True,
    ),
    EndpointClass(
        "log-in",
        (),
        {
            Subject.IP: Budgets(
                TokenBucket(40, MINUTE),
                TokenBucket(600, HOUR),
                "typing errors of an office; guessing passwords needs far more",
            ),
        },
        WithoutValkey.CLOSED,
        1,
        paths=("/oauth/log-in", "/oauth/password"),
        step_up=True,
    ),
    EndpointClass(
        "token",
        (),
        {
            Subject.IP: Budgets(
                TokenBucket(240, MINUTE),
                TokenBucket(6_000, HOUR),
                "apps behind a carrier's gateway renew their tokens; codes are too long to guess",
            ),
        },
        WithoutValkey.CLOSED,
        1,
        paths=("/oauth/token",),
        step_up=True,
    ),
)
