"""Every public read RPC, asked as several viewers, over REST and gRPC, on all of its pages."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final

import grpc
import httpx
from google.protobuf import descriptor_pb2
from google.protobuf.json_format import MessageToDict, ParseDict
from google.protobuf.message_factory import GetMessageClass

from gateway.envoy.config import own_contracts
from gateway.envoy.contracts import PublicRpc
from tests.e2e.conftest import Mesh

__all__ = [
    "ABSENT",
    "READS",
    "Scene",
    "answers",
    "comes_to_be_found_by",
    "found_by",
    "public_reads",
]

Json = Any
Fields = Mapping[str, Any]
Ask = Callable[[Mesh, PublicRpc, Fields, str], Json]

ALL: Final = "author_id,in_reply_to_tweet_id,quote_tweet_id,entities.mentions"
PAGE: Final = 2
CALL_TIMEOUT_S: Final = 20.0
ABSENT: Final = {httpx.codes.NOT_FOUND, grpc.StatusCode.NOT_FOUND}
"""What is answered to whoever asks for the thing itself."""
BUSY: Final = (
    httpx.codes.SERVICE_UNAVAILABLE,
    httpx.codes.GATEWAY_TIMEOUT,
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
)
ANSWERED_WITHIN_S: Final = 60.0
AGAIN_AFTER_S: Final = 0.5
REFERRING: Final = frozenset({"in_reply_to_tweet_id", "quote_tweet_id", "conversation_id"})
"""Fields of other tweets in which the id of a tweet that is gone stays, by the contract."""


@dataclass(frozen=True, slots=True)
class Scene:
    """A tweet with all that there can be about one."""

    word: str
    """What no other text has."""
    trend: str
    """A hashtag that is trending, with the tweet."""
    author: int
    fan: int
    """Who follows the author, and likes, retweets, bookmarks and answers the tweet."""
    other: int
    """Who is answered and mentioned by the tweet, and quotes it."""
    stranger: int
    """Who follows nobody, and has a list with the author in it."""
    handles: Mapping[int, str]
    answered: int
    tweet: int
    reply: int
    quote: int
    media: int
    list_id: int

    @property
    def viewers(self) -> Sequence[int]:
        return (self.author, self.fan, self.other, self.stranger)

    @property
    def tweets(self) -> Sequence[int]:
        return (self.answered, self.tweet, self.reply, self.quote)


def _of_viewer(_scene: Scene, viewer: int) -> list[Fields]:
    return [{"user_id": viewer}]


def _of_each_user(scene: Scene, _viewer: int) -> list[Fields]:
    return [{"user_id": each} for each in scene.viewers]


def _of_nothing(_scene: Scene, _viewer: int) -> list[Fields]:
    return [{}]


def _drawn_for_viewer(_scene: Scene, viewer: int) -> list[Fields]:
    return [{"user_id": viewer, "expansions": ALL}]


def _of_list(scene: Scene, viewer: int) -> list[Fields]:
    return [{"list_id": scene.list_id, "user_id": viewer}]


def _of_tweet(scene: Scene, _viewer: int) -> list[Fields]:
    return [{"tweet_id": scene.tweet}]


READS: Final[Mapping[str, Callable[[Scene, int], list[Fields]]]] = {
    "aviary.engagement.v1.EngagementService/ListBookmarks": _drawn_for_viewer,
    "aviary.engagement.v1.EngagementService/ListLikers": _of_tweet,
    "aviary.engagement.v1.EngagementService/ListLikes": _drawn_for_viewer,
    "aviary.engagement.v1.EngagementService/ListRetweeters": _of_tweet,
    "aviary.gateway.v1.HealthService/GetHealth": _of_nothing,
    "aviary.graph.v1.GraphService/GetRelationship": lambda scene, viewer: [
        {"user_id": viewer, "target_id": each} for each in scene.viewers if each != viewer
    ],
    "aviary.graph.v1.GraphService/ListFollowRequests": _of_viewer,
    "aviary.graph.v1.GraphService/ListFollowers": _of_each_user,
    "aviary.graph.v1.GraphService/ListFollowing": _of_each_user,
    "aviary.graph.v1.MutedWordService/ListMutedWords": _of_viewer,
    "aviary.list.v1.ListService/GetList": _of_list,
    "aviary.list.v1.ListService/GetListTimeline": _of_list,
    "aviary.list.v1.ListService/ListListMembers": _of_list,
    "aviary.list.v1.ListService/ListLists": _of_viewer,
    "aviary.media.v1.MediaService/GetMedia": lambda scene, viewer: [
        {"media_id": scene.media, "user_id": viewer}
    ],
    "aviary.notification.v1.NotificationService/GetUnreadCount": _of_viewer,
    "aviary.notification.v1.NotificationService/ListNotifications": _of_viewer,
    "aviary.search.v1.SearchService/ListTrends": _of_nothing,
    "aviary.search.v1.SearchService/SearchTweets": lambda scene, viewer: [
        {"user_id": viewer, "query": query, "sort": sort, "expansions": ALL}
        for query in (scene.word, f"#{scene.trend}", f"from:{scene.handles[scene.author]}")
        for sort in ("newest", "relevant")
    ],
    "aviary.timeline.v1.TimelineService/GetHomeTimeline": _drawn_for_viewer,
    "aviary.timeline.v1.TimelineService/GetUserTimeline": lambda scene, _viewer: [
        {"user_id": each, "expansions": ALL} for each in scene.viewers
    ],
    "aviary.tweet.v1.TweetService/GetConversation": lambda scene, viewer: [
        {"tweet_id": each, "user_id": viewer, "expansions": ALL} for each in scene.tweets
    ],
    "aviary.tweet.v1.TweetService/GetTweet": lambda scene, _viewer: [
        {"tweet_id": each, "expansions": ALL} for each in scene.tweets
    ],
    "aviary.tweet.v1.TweetService/GetTweets": lambda scene, _viewer: [
        {"ids": ",".join(map(str, scene.tweets)), "expansions": ALL}
    ],
    "aviary.user.v1.UserService/GetMe": _of_viewer,
    "aviary.user.v1.UserService/GetUser": _of_each_user,
    "aviary.user.v1.UserService/GetUserByHandle": lambda scene, _viewer: [
        {"handle": each} for each in scene.handles.values()
    ],
    "aviary.user.v1.UserService/GetUsers": lambda scene, _viewer: [
        {"ids": ",".join(map(str, scene.viewers))}
    ],
    "aviary.user.v1.UserService/SearchUsers": lambda scene, _viewer: [
        {"query": scene.handles[scene.author]}
    ],
}
"""What each read is asked for, in the fields of its request."""


def public_reads() -> dict[str, PublicRpc]:
    """Every public RPC that changes nothing, by name, as the contracts have them.

    But for streams, which have no end: what they send is read from home timelines.
    """
    files = {
        f"{file.package}.{service.name}/{method.name}": method.options.idempotency_level
        for file in own_contracts().files.file
        for service in file.service
        for method in service.method
    }
    safe = descriptor_pb2.MethodOptions.NO_SIDE_EFFECTS
    return {
        rpc.name: rpc
        for rpc in own_contracts().public
        if files[rpc.name] == safe and not rpc.lasting
    }


def answers(mesh: Mesh, scene: Scene, rpc: PublicRpc, viewer: int, token: str) -> Iterator[Json]:
    """All that one read gives a viewer, page by page, over REST and then over gRPC.

    Where it refuses, the status stands in the place of a page.
    """
    for fields in READS[rpc.name](scene, viewer):
        # A page is short, so that there are many.
        paged = dict(fields) | ({"limit": PAGE} if "limit" in rpc.query else {})
        for ask in (_over_rest, _over_grpc):
            cursor = ""
            while True:
                asked = paged | ({"cursor": cursor} if cursor else {})
                page = _patiently(ask, mesh, rpc, asked, token)
                yield page
                cursor = page.get("next_cursor", "") if isinstance(page, dict) else ""
                if not cursor:
                    break


def _patiently(ask: Ask, mesh: Mesh, rpc: PublicRpc, fields: Fields, token: str) -> Json:
    """Ask until there is an answer: on a busy machine a service may give none in time."""
    deadline = time.monotonic() + ANSWERED_WITHIN_S
    while (page := ask(mesh, rpc, fields, token)) in BUSY and time.monotonic() < deadline:
        time.sleep(AGAIN_AFTER_S)
    return page


def _over_rest(mesh: Mesh, rpc: PublicRpc, fields: Fields, token: str) -> Json:
    query = {name: value for name, value in fields.items() if f"{{{name}}}" not in rpc.template}
    path = rpc.template.format_map(fields)
    headers = {"authorization": token}
    answer = mesh.rest.get(path, params=query, headers=headers, timeout=CALL_TIMEOUT_S)
    return answer.json() if answer.is_success else httpx.codes(answer.status_code)


def _over_grpc(mesh: Mesh, rpc: PublicRpc, fields: Fields, token: str) -> Json:
    pool = own_contracts().pool
    request = ParseDict(dict(fields), GetMessageClass(pool.FindMessageTypeByName(rpc.request))())
    answer = GetMessageClass(pool.FindMessageTypeByName(rpc.response))
    url = mesh.rest.base_url
    channel = _channel(f"{url.host}:{url.port}")
    call = channel.unary_unary(rpc.path, type(request).SerializeToString, answer.FromString)
    try:
        got = call(request, metadata=[("authorization", token)], timeout=CALL_TIMEOUT_S)
    except grpc.RpcError as error:
        return error.code()
    return MessageToDict(got, preserving_proto_field_name=True)


@lru_cache(maxsize=1)
def _channel(address: str) -> grpc.Channel:
    # One system is read at a time, by thousands of calls.
    return grpc.insecure_channel(address)


def found_by(
    mesh: Mesh, scene: Scene, tokens: Mapping[int, str], *, names: Sequence[str] = tuple(READS)
) -> set[str]:
    """The reads, of these, on whose pages any viewer finds something of the tweet."""
    reads = public_reads()
    return {
        name
        for name in names
        for viewer, token in tokens.items()
        for page in answers(mesh, scene, reads[name], viewer, token)
        if any(_traces(scene, page, ()))
    }


def comes_to_be_found_by(  # noqa: PLR0913 - as `found_by`, and what is waited for
    mesh: Mesh,
    scene: Scene,
    tokens: Mapping[int, str],
    expected: AbstractSet[str],
    within_s: float,
    *,
    names: Sequence[str] = tuple(READS),
) -> None:
    """Wait until these reads find something of the tweet, and no others.

    Those that are not as expected are asked again, and in the end all.
    """
    deadline = time.monotonic() + within_s
    asked = names
    while (wrong := found_by(mesh, scene, tokens, names=asked) ^ expected.intersection(asked)) or (
        len(asked) < len(names)
    ):
        assert time.monotonic() < deadline, f"not as expected: {sorted(wrong)}"
        asked = sorted(wrong) or names
        time.sleep(AGAIN_AFTER_S)


def _traces(scene: Scene, part: Json, at: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(part, httpx.codes | grpc.StatusCode):
        assert part in ABSENT, part
    elif isinstance(part, dict):
        for name, each in part.items():
            yield from _traces(scene, each, (*at, name))
    elif isinstance(part, list):
        for each in part:
            yield from _traces(scene, each, at)
    elif _is_trace(scene, str(part), at):
        yield at


def _is_trace(scene: Scene, text: str, at: tuple[str, ...]) -> bool:
    """Whether a field says something of the tweet, and is none that may."""
    if at[0] == "trends":
        return scene.trend in text
    if text == str(scene.tweet):
        return at[-1] not in REFERRING and at[0] != "errors"
    return scene.word in text or text == str(scene.media)
