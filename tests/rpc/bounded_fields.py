"""Every field of a public RPC that has no size of its own, with its bounds."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from services.graph.follows import MAX_FOLLOWEES
from services.platform.ids.arguments import MAX_LISTED_IDS
from services.platform.ids.model import MAX_ID
from services.tweet.creating import MAX_MEDIA
from tests.rpc.hostile_texts import FOUR_TO_ONE

Made = Callable[[Any], str]
"""Made from a `World` that runs."""


@dataclass(frozen=True, slots=True)
class Field:
    """The greatest texts that a field takes, and the least that it does not; all else is beyond."""

    taken: Sequence[str | Made]
    refused: Sequence[str]


DISPLAY_NAME = Field(
    ["x" * 50, FOUR_TO_ONE * 50, ("x" + "\u0301\u0323" * 15) + "x" * 19],
    ["x" * 51, FOUR_TO_ONE * 51, "x" + "\u0301" * 31, "x" * 200, "x" * 201],
)
BIO = Field(
    ["x" * 160, FOUR_TO_ONE * 160, ("x" + "\u0301\u0323" * 15) + "x" * 129],
    ["x" * 161, FOUR_TO_ONE * 161, "x" + "\u0301" * 31, "x" * 640, "x" * 641],
)
ALT_TEXT = Field(
    ["x" * 1_000, FOUR_TO_ONE * 1_000, "\U0001f600" * 1_000],
    ["x" * 1_001, FOUR_TO_ONE * 1_001, "x" + "\u0301" * 31, "x" * 4_001],
)
LIST_NAME = Field(
    ["x" * 25, FOUR_TO_ONE * 25, "x" + "\u0301\u0323" * 12],
    ["x" * 26, FOUR_TO_ONE * 26, "x" + "\u0301" * 31, "x" * 100, "x" * 101],
)
LIST_DESCRIPTION = Field(
    ["x" * 100, FOUR_TO_ONE * 100, ("x" + "\u0301\u0323" * 15) + "x" * 69],
    ["x" * 101, FOUR_TO_ONE * 101, "x" + "\u0301" * 31, "x" * 400, "x" * 401],
)
IDS = Field(
    [",".join(str(MAX_ID - each) for each in range(MAX_LISTED_IDS))],
    [
        ",".join(str(MAX_ID - each) for each in range(MAX_LISTED_IDS + 1)),
        *("1," * 100, "," * 60_000, "9" * 60_000, "1" + ",1" * 30_000),
    ],
)
EXPANSIONS = Field(
    ["author_id,in_reply_to_tweet_id,quote_tweet_id,entities.mentions"],
    ["author_id" + ",author_id" * 4, "author_id," * 6_000, "," * 60_000, "x" * 60_000],
)
HANDLE = Field(["A" * 15], ["A" * 16, "\u0301" * 15])
NAME_PREFIX = Field(
    ["x" * 50, "\u4e2d" * 50, FOUR_TO_ONE * 12, "\ufdfa" * 50],
    ["x" * 51, "!" * 50, " ", "\u4e2d" * 51],
)
REQUEST_ID = Field(["r" * 64], ["r" * 65, "\u0301" * 64])
URLS = " ".join(["http://a.co/" + "d" * 4_077] * 11)
DOMAINS = " ".join(["http://" + ("\u00e9" * 45 + ".") * 60 + "com"] * 11)
"""Of labels that take long to encode, as many as fit."""
TEXT = Field(
    [
        "x" * 280,
        "\u4e2d" * 140,
        FOUR_TO_ONE * 140,
        "\U0001f600" * 140,
        URLS,
        URLS.replace("d", "é")[:28_600],
        DOMAINS,
    ],
    ["x" * 281, "\u4e2d" * 141, FOUR_TO_ONE * 281, "x" + "\u0301" * 31, URLS + " " + URLS],
)
QUERY = Field(
    ["x" * 500, " ".join(["x" * 15] * 30), "\u4e2d" * 500, FOUR_TO_ONE * 125],
    ["x" * 501, " ".join("abcdefghijklmnopqrstuvwxyzabcde"), "x" + "\u0301" * 31, '"' * 501],
)

MUTED_WORD = Field(
    ["x" * 100, "\u4e2d" * 100, FOUR_TO_ONE * 100, "#" + "x" * 99],
    ["x" * 101, FOUR_TO_ONE * 101, "x" + "\u0301" * 31, "!" * 100],
)

FIELDS: dict[str, Field] = {
    "aviary.engagement.v1.ListBookmarksRequest.cursor": Field([lambda w: w.bookmarks], ["c" * 34]),
    "aviary.engagement.v1.ListBookmarksRequest.expansions": EXPANSIONS,
    "aviary.engagement.v1.ListLikersRequest.cursor": Field([lambda w: w.likers], ["c" * 34]),
    "aviary.engagement.v1.ListLikesRequest.cursor": Field([lambda w: w.likes], ["c" * 34]),
    "aviary.engagement.v1.ListLikesRequest.expansions": EXPANSIONS,
    "aviary.engagement.v1.ListRetweetersRequest.cursor": Field(
        [lambda w: w.retweeters], ["c" * 34]
    ),
    "aviary.gateway.v1.CreateChallengeRequest.flow": Field(["post"], ["posts"]),
    "aviary.graph.v1.ListFollowersRequest.cursor": Field([lambda w: w.followers], ["c" * 34]),
    "aviary.graph.v1.ListFollowRequestsRequest.cursor": Field([lambda w: w.requesters], ["c" * 34]),
    "aviary.graph.v1.ListFollowingRequest.cursor": Field([lambda w: w.following], ["c" * 34]),
    "aviary.graph.v1.AddMutedWordRequest.word": MUTED_WORD,
    "aviary.graph.v1.RemoveMutedWordRequest.word": MUTED_WORD,
    "aviary.media.v1.CreateUploadRequest.alt_text": ALT_TEXT,
    "aviary.media.v1.CreateUploadRequest.content_type": Field(["image/jpeg"], ["image/jpegs"]),
    "aviary.media.v1.CreateUploadRequest.request_id": REQUEST_ID,
    "aviary.list.v1.CreateListRequest.description": LIST_DESCRIPTION,
    "aviary.list.v1.CreateListRequest.name": LIST_NAME,
    "aviary.list.v1.CreateListRequest.request_id": REQUEST_ID,
    "aviary.list.v1.GetListTimelineRequest.expansions": EXPANSIONS,
    "aviary.list.v1.GetListTimelineRequest.cursor": Field([lambda w: w.list_timeline], ["c" * 34]),
    "aviary.list.v1.ListListMembersRequest.cursor": Field([lambda w: w.members], ["c" * 34]),
    "aviary.list.v1.ListListsRequest.cursor": Field([lambda w: w.lists], ["c" * 34]),
    "aviary.list.v1.UpdateListRequest.description": LIST_DESCRIPTION,
    "aviary.list.v1.UpdateListRequest.name": LIST_NAME,
    "aviary.notification.v1.ListNotificationsRequest.cursor": Field(
        [lambda w: w.notifications], ["c" * 34]
    ),
    "aviary.search.v1.ListTrendsRequest.language": Field(["abc"], ["abcd"]),
    "aviary.search.v1.SearchTweetsRequest.cursor": Field([lambda w: w.search], ["c" * 34]),
    "aviary.search.v1.SearchTweetsRequest.expansions": EXPANSIONS,
    "aviary.search.v1.SearchTweetsRequest.query": QUERY,
    "aviary.search.v1.SearchTweetsRequest.sort": Field(["relevant"], ["relevants"]),
    "aviary.timeline.v1.GetHomeTimelineRequest.cursor": Field([lambda w: w.home], ["c" * 34]),
    "aviary.timeline.v1.GetHomeTimelineRequest.expansions": EXPANSIONS,
    "aviary.timeline.v1.GetUserTimelineRequest.cursor": Field([lambda w: w.user], ["c" * 34]),
    "aviary.timeline.v1.GetUserTimelineRequest.expansions": EXPANSIONS,
    "aviary.tweet.v1.CreateTweetRequest.language": Field(["zh-Hant-TW"], ["x" * 36, "\u0301" * 9]),
    "aviary.tweet.v1.CreateTweetRequest.request_id": REQUEST_ID,
    "aviary.tweet.v1.CreateTweetRequest.text": TEXT,
    "aviary.tweet.v1.CreateTweetRequest.visibility": Field(["mentioned"], ["mentioneds"]),
    "aviary.tweet.v1.DeleteTweetRequest.request_id": REQUEST_ID,
    "aviary.tweet.v1.GetTweetRequest.expansions": EXPANSIONS,
    "aviary.tweet.v1.GetTweetsRequest.expansions": EXPANSIONS,
    "aviary.tweet.v1.GetConversationRequest.expansions": EXPANSIONS,
    "aviary.tweet.v1.GetConversationRequest.cursor": Field([lambda w: w.conversation], ["c" * 34]),
    "aviary.tweet.v1.GetTweetsRequest.ids": IDS,
    "aviary.user.v1.CreateUserRequest.display_name": DISPLAY_NAME,
    "aviary.user.v1.CreateUserRequest.handle": HANDLE,
    "aviary.user.v1.CreateUserRequest.request_id": REQUEST_ID,
    "aviary.user.v1.DeleteUserRequest.request_id": REQUEST_ID,
    "aviary.user.v1.GetUserByHandleRequest.handle": HANDLE,
    "aviary.user.v1.GetUsersRequest.ids": IDS,
    "aviary.user.v1.SearchUsersRequest.cursor": Field([lambda w: w.users], ["c" * 34]),
    "aviary.user.v1.SearchUsersRequest.query": NAME_PREFIX,
    "aviary.user.v1.UpdateUserRequest.bio": BIO,
    "aviary.user.v1.UpdateUserRequest.display_name": DISPLAY_NAME,
    "aviary.user.v1.UpdateUserRequest.handle": HANDLE,
    "aviary.user.v1.UpdateUserRequest.request_id": REQUEST_ID,
}
"""Every text field of every public RPC."""

LISTS: dict[str, tuple[int, Sequence[Sequence[int]]]] = {
    "aviary.graph.v1.FollowUsersRequest.followee_ids": (
        MAX_FOLLOWEES,
        [range(2, MAX_FOLLOWEES + 3), [3] * (MAX_FOLLOWEES + 1), [1] * 65_000, [-1] * 6_000],
    ),
    "aviary.tweet.v1.CreateTweetRequest.media_ids": (
        MAX_MEDIA,
        [range(1, MAX_MEDIA + 2), [3] * 2, [1] * 65_000, [-1] * 6_000],
    ),
}
"""Every list: how many it takes, and lists that it does not take."""

DEFAULTS: dict[str, Any] = {
    "handle": "somebody",
    "display_name": "Somebody",
    "text": "hello",
    "flow": "post",
    "query": "from:ada",
    "name": "friends",
}
"""Of fields that a request must have, where it is another that is tried."""
