"""What is not for a reader is in no answer: all RPCs that show tweets, walked by such a reader."""

import itertools
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pb2 import FileDescriptorSet
from google.protobuf.descriptor_pool import DescriptorPool

from gateway.envoy.config import own_contracts
from gateway.envoy.generated import GENERATED
from services.fanout.spec import GRAPH
from services.local.operator_file import fetch_token, read_operator
from tests.e2e.acting import eventually, follow, home, post
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate
from tests.e2e.test_identity import bearer, sign_up

TWEET = "aviary.tweet.v1.Tweet"
MOST_PAGES = 20
EXPANSIONS = "author_id,in_reply_to_tweet_id,quote_tweet_id"
_words = itertools.count()
_clients: list[httpx.Client] = []
"""Of the test that runs."""


@dataclass
class Person:
    handle: str
    user_id: int
    client: httpx.Client


@dataclass
class World:
    """An author whose tweets are for few, a friend who is about them, and who else reads."""

    mesh: Mesh
    ada: Person
    friend: Person
    """Follows the author, answers, quotes and retweets."""
    reader: Person
    root: int = 0
    """By the friend; the author answers it."""
    quoting: int = 0
    tweets: dict[str, int] = field(default_factory=dict)
    """The author's, by a word that each alone has."""
    lists: dict[int, int] = field(default_factory=dict)


def pages(client: httpx.Client, path: str, **query: object) -> Iterator[tuple[int, str]]:
    """All pages of a read, as text."""
    for _ in range(MOST_PAGES):
        answer = client.get(f"/v1/{path}", params=query)
        yield answer.status_code, answer.text
        body = answer.json()
        if "next_cursor" not in body:
            return
        query["cursor"] = body["next_cursor"]
    raise AssertionError(f"{path} has no end")


def read(world: World, path: str, **query: object) -> list[tuple[int, str]]:
    return list(pages(world.reader.client, path, **query))


def of_each(world: World, path: str, **query: object) -> list[tuple[int, str]]:
    """A read of each tweet by itself."""
    ids = [world.root, world.quoting, *world.tweets.values()]
    return [found for one in ids for found in read(world, path.format(one), **query)]


Walk = Callable[[World], list[tuple[int, str]]]

WALKS: Mapping[str, Walk] = {
    "TweetService/GetTweet": lambda w: of_each(w, "tweets/{}", expansions=EXPANSIONS),
    "TweetService/GetTweets": lambda w: read(
        w,
        "tweets",
        ids=",".join(map(str, [w.root, w.quoting, *w.tweets.values()])),
        expansions=EXPANSIONS,
    ),
    "TweetService/GetConversation": lambda w: of_each(
        w, "tweets/{}/conversation", expansions=EXPANSIONS
    ),
    "TimelineService/GetHomeTimeline": lambda w: read(w, "timeline/home", expansions=EXPANSIONS),
    "TimelineService/GetUserTimeline": lambda w: [
        found
        for one in (w.ada, w.friend)
        for found in read(w, "timeline/user", user_id=one.user_id, expansions=EXPANSIONS)
    ],
    "EngagementService/ListLikes": lambda w: read(w, f"users/{w.reader.user_id}/likes"),
    "EngagementService/ListBookmarks": lambda w: read(w, "bookmarks"),
    "ListService/GetListTimeline": lambda w: read(w, f"lists/{w.lists[w.reader.user_id]}/timeline"),
    "NotificationService/ListNotifications": lambda w: read(w, "notifications"),
    "SearchService/SearchTweets": lambda w: [
        found
        for word in w.tweets
        for sort in ("newest", "relevant")
        for found in read(w, "search", query=word, sort=sort)
    ],
}
"""By each public read that has tweets in its answer, how all of it is read."""


def shows_tweets(message: Descriptor, known: frozenset[str] = frozenset()) -> bool:
    if message.full_name == TWEET:
        return True
    return any(
        each.message_type is not None
        and each.message_type.full_name not in known
        and shows_tweets(each.message_type, known | {message.full_name})
        for each in message.fields
    )


def test_no_read_that_shows_tweets_is_forgotten() -> None:
    pool = DescriptorPool()
    for file in FileDescriptorSet.FromString((GENERATED / "descriptor.pb").read_bytes()).file:
        pool.Add(file)
    found = {
        f"{rpc.service.rpartition('.')[2]}/{rpc.method}"
        for rpc in own_contracts().public
        if rpc.verb == "GET"
        and not rpc.lasting  # test_live.py looks at streams
        and shows_tweets(pool.FindMessageTypeByName(rpc.response))
    }
    assert found == WALKS.keys()


def person(mesh: Mesh) -> Person:
    handle, user_id = sign_up(mesh)
    token = fetch_token(read_operator(mesh.data_dir), handle=handle)
    client = httpx.Client(base_url=mesh.rest.base_url, headers=bearer(token), timeout=10)
    _clients.append(client)
    return Person(handle, user_id, client)


@pytest.fixture(autouse=True)
def closed_clients() -> Iterator[None]:
    yield
    while _clients:
        _clients.pop().close()


def word(kind: str) -> str:
    return f"{kind}{os.getpid()}x{next(_words)}"


def said(person: Person, verb: str, path: str, **body: object) -> Any:
    answer = person.client.request(verb, f"/v1/{path}", json=body or None)
    assert answer.is_success, answer.text
    return answer.json()


def reader_of(world: World, *, follows: bool = False) -> Person:
    """Somebody who has done all that brings tweets before a reader."""
    reader = person(world.mesh)
    follow(world.mesh, reader.user_id, world.friend.user_id)
    if follows:
        follow(world.mesh, reader.user_id, world.ada.user_id)
    for tweet_id in world.tweets.values():
        for verb in ("like", "bookmark"):
            body = {"user_id": reader.user_id, "tweet_id": tweet_id}
            world.mesh.rest.post(f"/v1/{verb}", json=body)
    made = said(reader, "POST", "lists", name="all")
    world.lists[reader.user_id] = list_id = int(made["list"]["list_id"])
    for member in (world.ada, world.friend):
        said(reader, "POST", f"lists/{list_id}/members", member_id=member.user_id)
    return reader


def seen_by(world: World, name: str) -> set[str]:
    """Which of the author's tweets the answers of a read have."""
    texts = [text for _, text in WALKS[name](world)]
    return {each for each in world.tweets for text in texts if each in text}


def seen(world: World) -> dict[str, set[str]]:
    return {name: seen_by(world, name) for name in WALKS}


@pytest.fixture
def world(mesh: Mesh) -> World:
    made = World(mesh, *(person(mesh) for _ in range(3)))
    ada, friend = made.ada, made.friend
    follow(mesh, friend.user_id, ada.user_id)
    made.root = post(mesh, friend.user_id, "what do you say")
    names = {"open": "public", "fans": "followers", "named": "mentioned"}
    for kind, visibility in names.items():
        text = word(kind)
        also = "" if kind == "named" else f" @{made.reader.handle}"
        made.tweets[text] = post(
            mesh,
            ada.user_id,
            f"{text} @{friend.handle}{also}",
            visibility=visibility,
            in_reply_to_tweet_id=made.root,
        )
    opened, fans, _ = made.tweets.values()
    made.quoting = post(mesh, friend.user_id, "see there", quote_tweet_id=fans)
    assert said(friend, "POST", "retweet", tweet_id=opened) == {}
    return made


def in_home(world: World, reader: Person, kinds: set[str]) -> Callable[[], set[str]]:
    ids = {tweet_id: text for text, tweet_id in world.tweets.items() if text in kinds}
    return lambda: {ids[one] for one in home(world.mesh, reader.user_id) if one in ids}


def test_what_is_for_few_is_in_no_answer_to_others(world: World) -> None:
    opened, fans, named = world.tweets
    stranger, follower = reader_of(world), reader_of(world, follows=True)
    # Answers are whole once the queues are drained.
    eventually(in_home(world, follower, {opened, fans}), {opened, fans})
    world.reader = follower
    eventually(lambda: seen_by(world, "SearchService/SearchTweets"), {opened, fans})
    everywhere = seen(world)
    assert named not in set().union(*everywhere.values())
    without = {"NotificationService/ListNotifications"}
    assert {name for name, found in everywhere.items() if found != {opened, fans}} == without
    world.reader = world.friend
    for name in ("GetTweet", "GetTweets", "GetConversation"):
        assert seen_by(world, f"TweetService/{name}") == {opened, fans, named}
    world.reader = stranger
    eventually(lambda: opened in seen_by(world, "TimelineService/GetHomeTimeline"), expected=True)
    for name, found in seen(world).items():
        assert found <= {opened}, name
    # What may not be seen can be neither answered, quoted, liked nor retweeted.
    for about in ("in_reply_to_tweet_id", "quote_tweet_id"):
        answer = stranger.client.post("/v1/tweets", json={"text": "no", about: world.tweets[fans]})
        assert (answer.status_code, reason(answer)) == (404, "TWEET_NOT_FOUND")
    for verb in ("like", "bookmark", "retweet"):
        answer = stranger.client.post(f"/v1/{verb}", json={"tweet_id": world.tweets[fans]})
        assert (answer.status_code, reason(answer)) == (404, "TWEET_NOT_FOUND"), verb
    answer = follower.client.post("/v1/retweet", json={"tweet_id": world.tweets[fans]})
    assert (answer.status_code, reason(answer)) == (403, "TWEET_NOT_PUBLIC")
    for path in ("likers", "retweeters"):
        assert stranger.client.get(f"/v1/tweets/{world.tweets[fans]}/{path}").status_code == 404


def reason(answer: httpx.Response) -> str:
    return str(answer.json()["details"][0]["reason"])


def test_a_block_hides_at_the_next_read_also_while_its_queue_is_paused(world: World) -> None:
    opened, fans, _ = world.tweets
    reader = world.reader = reader_of(world, follows=True)
    eventually(in_home(world, reader, {opened, fans}), {opened, fans})
    eventually(lambda: seen_by(world, "SearchService/SearchTweets"), {opened, fans})
    operate(world.mesh, "pause", GRAPH.name)
    try:
        said(world.ada, "POST", "block", blocked_id=reader.user_id)
        for name, found in seen(world).items():
            assert not found, name
        answer = reader.client.post(
            "/v1/tweets", json={"text": "so", "in_reply_to_tweet_id": world.tweets[opened]}
        )
        assert (answer.status_code, reason(answer)) == (404, "TWEET_NOT_FOUND")
        answer = reader.client.post("/v1/follow", json={"followee_id": world.ada.user_id})
        assert (answer.status_code, reason(answer)) == (403, "BLOCKED")
    finally:
        operate(world.mesh, "resume", GRAPH.name)


def test_a_protected_account_shows_nothing_to_strangers(world: World) -> None:
    opened, fans, _ = world.tweets
    stranger, follower = reader_of(world), reader_of(world, follows=True)
    eventually(in_home(world, stranger, {opened}), {opened})
    path = f"users/{world.ada.user_id}"
    assert said(world.ada, "PATCH", path, protected=True)["user"]["protected"]
    world.reader = stranger
    for name, found in seen(world).items():
        if name != "TimelineService/GetHomeTimeline":
            assert not found, name
    # What processes keep of who is protected changes as soon as they hear of it.
    eventually(in_home(world, stranger, {opened}), set())
    answer = follower.client.post("/v1/retweet", json={"tweet_id": world.tweets[opened]})
    assert (answer.status_code, reason(answer)) == (403, "TWEET_NOT_PUBLIC")
    assert said(stranger, "POST", "follow", followee_id=world.ada.user_id) == {"pending": True}
    asking = said(world.ada, "GET", "follow-requests")["users"]
    assert [int(one["user_id"]) for one in asking] == [stranger.user_id]
    assert not seen_by(world, "TweetService/GetTweets")
    said(world.ada, "POST", "follow-requests/approve", requester_id=stranger.user_id)
    assert seen_by(world, "TweetService/GetTweets") == {opened, fans}
    eventually(in_home(world, stranger, {opened, fans}), {opened, fans})
    late, denied = person(world.mesh), person(world.mesh)
    for one in (late, denied):
        assert said(one, "POST", "follow", followee_id=world.ada.user_id) == {"pending": True}
    said(world.ada, "POST", "follow-requests/deny", requester_id=denied.user_id)
    assert "protected" not in said(world.ada, "PATCH", path, protected=False)["user"]
    assert said(late, "GET", f"users/{late.user_id}/relationship/{world.ada.user_id}")["following"]
    assert said(world.ada, "GET", "follow-requests")["users"] == []
    world.reader = denied
    assert seen_by(world, "TweetService/GetTweets") == {opened}
