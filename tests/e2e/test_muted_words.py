"""Words that a user has muted, at the edge: whatever shows tweets unasked leaves them out."""

import itertools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from services.fanout.spec import GRAPH
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh
from tests.e2e.live_stream import streaming
from tests.e2e.operators import operate
from tests.e2e.test_lists import make

_words = itertools.count()


def word() -> str:
    """What no other text has."""
    return f"zz{os.getpid():x}w{next(_words)}"


def change(mesh: Mesh, path: str, user_id: int, said: str) -> httpx.Response:
    answer = mesh.rest.post(f"/v1/{path}", json={"user_id": user_id, "word": said})
    assert answer.status_code == 200, answer.text
    return answer


def mute(mesh: Mesh, user_id: int, said: str) -> None:
    change(mesh, "muted-words", user_id, said)


def unmute(mesh: Mesh, user_id: int, said: str) -> None:
    change(mesh, "muted-words/remove", user_id, said)


def muted(mesh: Mesh, user_id: int) -> list[str]:
    answer = mesh.rest.get("/v1/muted-words", params={"user_id": user_id})
    assert answer.status_code == 200, answer.text
    return [each["word"] for each in answer.json()["muted_words"]]


def shown(mesh: Mesh, path: str, **query: object) -> list[int]:
    """All pages of a read, of which each is full."""
    ids: list[int] = []
    while True:
        answer = mesh.rest.get(f"/v1/{path}", params={"limit": 2, **query})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [int(each["tweet_id"]) for each in page["tweets"]]
        if "next_cursor" not in page:
            return ids
        assert len(page["tweets"]) == 2
        query["cursor"] = page["next_cursor"]


def told(mesh: Mesh, user_id: int) -> list[int]:
    answer = mesh.rest.get("/v1/notifications", params={"user_id": user_id})
    assert answer.status_code == 200, answer.text
    return [int(each["tweet_id"]) for each in answer.json()["notifications"] if "tweet_id" in each]


def unread(mesh: Mesh, user_id: int) -> int:
    answer = mesh.rest.get("/v1/notifications/unread_count", params={"user_id": user_id})
    assert answer.status_code == 200, answer.text
    return int(answer.json()["unread_count"])


@contextmanager
def paused(mesh: Mesh) -> Iterator[None]:
    """The fan-out takes no change of the graph."""
    operate(mesh, "pause", GRAPH.name)
    try:
        yield
    finally:
        operate(mesh, "resume", GRAPH.name)


def search(mesh: Mesh, reader: int, query: str, sort: str = "newest") -> list[int]:
    return shown(mesh, "search", user_id=reader, query=query, sort=sort)


def test_whatever_shows_tweets_unasked_leaves_them_out(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    hidden, topic = word(), word()
    for author in (bob, cyd):
        follow(mesh, ada, author)
    handle = mesh.rest.get(f"/v1/users/{ada}").json()["user"]["handle"]
    # No two say nearly the same, of which a search gives one.
    mine = post(mesh, ada, f"{topic} all of my own opinions on {hidden} are here")
    plain = [
        post(mesh, bob, f"{topic} {text}")
        for text in ("violins in the morning", "a tram crosses Baker Street", "twelve green pears")
    ]
    said = post(mesh, bob, f"{topic} guess who did it: #{hidden.upper()}!")
    longer = post(mesh, bob, f"{topic} {hidden}s is another word, of quite another meaning")
    quote = post(mesh, cyd, f"{topic} look what he gives away there", quote_tweet_id=said)
    answer = post(
        mesh, cyd, f"never heard about {hidden}, {topic} nor cared", in_reply_to_tweet_id=mine
    )
    named = post(mesh, bob, f"@{handle} have you seen {hidden} with your cousins? {topic}")
    kind = post(mesh, bob, f"@{handle} hello dear, how was the summer? {topic}")
    everything = [kind, named, answer, quote, longer, said, *plain[::-1], mine]
    left = [kind, longer, *plain[::-1], mine]
    list_id = make(mesh, ada, bob, cyd)
    of_list = {"path": f"lists/{list_id}/timeline", "user_id": ada}
    eventually(lambda: home(mesh, ada), everything)
    eventually(lambda: shown(mesh, **of_list), everything[:-1])  # type: ignore[arg-type]
    eventually(lambda: sorted(search(mesh, ada, topic)), sorted(everything))
    eventually(lambda: sorted(told(mesh, ada)), sorted([kind, named, answer]))
    mute(mesh, ada, f" {hidden} ")
    assert muted(mesh, ada) == [hidden]
    assert muted(mesh, bob) == []
    for limit in (1, 2, 50):
        assert home(mesh, ada, limit) == left
    assert shown(mesh, **of_list) == left[:-1]  # type: ignore[arg-type]
    for sort in ("newest", "relevant"):
        assert sorted(search(mesh, ada, topic, sort)) == sorted(left)
    assert told(mesh, ada) == [kind]
    assert unread(mesh, ada) == 1
    # Others see all of it, and so does she what she asks for.
    assert sorted(search(mesh, cyd, topic)) == sorted(everything)
    assert mesh.rest.get(f"/v1/tweets/{said}").status_code == 200
    assert said in shown(mesh, "timeline/user", user_id=bob)
    unmute(mesh, ada, hidden.upper())
    assert muted(mesh, ada) == []
    assert home(mesh, ada) == everything
    assert sorted(told(mesh, ada)) == sorted([kind, named, answer])


def test_a_change_shows_at_the_next_read_also_while_the_queue_is_paused(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    hidden = word()
    for author in (bob, cyd):
        follow(mesh, ada, author)
    said = post(mesh, bob, f"so {hidden} it is")
    other = post(mesh, cyd, "an owl")
    stranger = user(mesh)
    brought = post(mesh, stranger, f"{hidden} by a stranger")
    retweet = mesh.rest.post("/v1/retweet", json={"user_id": cyd, "tweet_id": brought})
    assert retweet.status_code == 200, retweet.text
    eventually(lambda: home(mesh, ada), [brought, other, said])
    with paused(mesh):
        for _ in range(3):
            mute(mesh, ada, f"{hidden} IT")
            assert home(mesh, ada) == [brought, other]
            mute(mesh, ada, hidden)
            assert home(mesh, ada) == [other]
            unmute(mesh, ada, hidden)
            unmute(mesh, ada, f"{hidden} it")
            assert home(mesh, ada) == [brought, other, said]
    with mesh.valkey("cache") as cache:
        mute(mesh, ada, hidden)
        cache.flushall()
    assert home(mesh, ada) == [other]


def test_what_is_muted_goes_by_no_live_stream(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    hidden = word()
    follow(mesh, ada, bob)
    assert home(mesh, ada) == []
    mute(mesh, ada, hidden)
    with streaming(mesh, ada) as stream:
        post(mesh, bob, f"so {hidden} it is")
        seen = post(mesh, bob, "an owl")
        stream.until(lambda each: each.tweets())
        assert stream.tweets() == [seen]


def test_what_cannot_be_muted_is_refused(mesh: Mesh) -> None:
    ada = user(mesh)

    def refused(said: str, user_id: int = ada) -> Any:
        answer = mesh.rest.post("/v1/muted-words", json={"user_id": user_id, "word": said})
        return answer.status_code, answer.json()["details"][0].get("reason")

    for said in ("", "!?", "x" * 101):
        assert refused(said)[0] == 400
    assert refused("fox", 9_000_001) == (404, "USER_NOT_FOUND")
    assert muted(mesh, ada) == []
