"""Conversations as clients of the edge see them."""

from typing import Any

import httpx

from tests.e2e.acting import eventually, post, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate

Json = dict[str, Any]


def asked(mesh: Mesh, tweet: int, reader: int, **query: object) -> httpx.Response:
    params: Any = {"user_id": reader, **query}
    return mesh.rest.get(f"/v1/tweets/{tweet}/conversation", params=params)


def read(mesh: Mesh, tweet: int, reader: int, **query: object) -> Json:
    answer = asked(mesh, tweet, reader, **query)
    assert answer.status_code == 200, answer.text
    page: Json = answer.json()
    return page


def ids(tweets: list[Json]) -> list[int]:
    return [int(each["tweet_id"]) for each in tweets]


def tree(replies: list[Json]) -> list[Any]:
    """Each reply's id, with those under it where there are any."""
    shown: list[Any] = []
    for each in replies:
        (tweet_id,) = ids([each["tweet"]])
        shown.append((tweet_id, tree(each["replies"])) if each["replies"] else tweet_id)
    return shown


def pages(mesh: Mesh, tweet: int, reader: int, limit: int) -> list[int]:
    """All direct replies, by the links from page to page."""
    found: list[int] = []
    answer = asked(mesh, tweet, reader, limit=limit)
    while True:
        page = answer.json()
        found += tree(page["replies"])
        if "next_cursor" not in page:
            assert "link" not in answer.headers
            return found
        assert page["next_cursor"] in answer.links["next"]["url"]
        answer = mesh.rest.get(str(answer.request.url.join(answer.links["next"]["url"])))
        assert answer.status_code == 200, answer.text


def drop(mesh: Mesh, author: int, tweet: int) -> None:
    assert mesh.rest.delete(f"/v1/tweets/{tweet}", params={"user_id": author}).is_success


def test_a_conversation_is_read_from_any_of_its_tweets(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    root = post(mesh, ada)
    answer = post(mesh, bob, in_reply_to_tweet_id=root)
    middle = post(mesh, ada, in_reply_to_tweet_id=answer)
    leaves = [post(mesh, bob, in_reply_to_tweet_id=middle) for _ in range(4)]
    page = read(mesh, answer, ada)
    assert (ids([page["tweet"]]), ids(page["ancestors"])) == ([answer], [root])
    assert tree(page["replies"]) == [(middle, leaves[:0:-1])]
    (thread,) = page["replies"]
    assert thread["has_more_replies"]
    assert {each["conversation_id"] for each in (page["tweet"], *page["ancestors"])} == {str(root)}
    assert ids(read(mesh, leaves[0], ada)["ancestors"]) == [root, answer, middle]
    alone = mesh.rest.get(f"/v1/tweets/{leaves[0]}").json()["tweet"]
    assert alone["conversation_id"] == str(root)


def test_replies_come_in_pages_the_newest_first(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    root = post(mesh, ada)
    replies = [post(mesh, bob, in_reply_to_tweet_id=root) for _ in range(5)]
    assert pages(mesh, root, ada, 2) == replies[::-1]
    gone = replies.pop(1)
    drop(mesh, bob, gone)
    assert pages(mesh, root, ada, 2) == replies[::-1]
    cursor = read(mesh, root, ada, limit=2)["next_cursor"]
    for bad in (
        {"cursor": cursor[::-1]},
        {"limit": 201},
        {"limit": -1},
        {"cursor": cursor, "reader": bob},
        {"cursor": cursor, "tweet": replies[0]},
    ):
        fields: Json = {"tweet": root, "reader": ada, **bad}
        refused = asked(mesh, **fields)
        assert (refused.status_code, refused.json()["code"]) == (400, 3), bad


def test_who_is_blocked_or_muted_is_not_shown(mesh: Mesh) -> None:
    reader, muted, blocker = user(mesh), user(mesh), user(mesh)
    root = post(mesh, muted)
    own = post(mesh, reader, in_reply_to_tweet_id=root)
    of_muted, of_blocker = (post(mesh, each, in_reply_to_tweet_id=own) for each in (muted, blocker))
    under = post(mesh, reader, in_reply_to_tweet_id=of_muted)
    assert tree(read(mesh, own, reader)["replies"]) == [of_blocker, (of_muted, [under])]
    for body, verb in (
        ({"muter_id": reader, "muted_id": muted}, "mute"),
        ({"blocker_id": blocker, "blocked_id": reader}, "block"),
    ):
        assert mesh.rest.post(f"/v1/{verb}", json=body).status_code == 200
    page = read(mesh, own, reader)
    assert (page["ancestors"], page["replies"]) == ([], [])
    assert tree(read(mesh, own, muted)["replies"]) == [of_blocker, (of_muted, [under])]


def test_what_does_not_exist_is_not_found(mesh: Mesh) -> None:
    ada = user(mesh)
    tweet, gone = post(mesh, ada), post(mesh, ada)
    drop(mesh, ada, gone)
    for fields, reason in (
        ((gone, ada), "TWEET_NOT_FOUND"),
        ((7, ada), "TWEET_NOT_FOUND"),
        ((tweet, 7), "USER_NOT_FOUND"),
    ):
        refused = asked(mesh, *fields)
        assert (refused.status_code, refused.json()["details"][0]["reason"]) == (404, reason)
    assert asked(mesh, -1, ada).status_code == 400
    without = httpx.get(mesh.rest.base_url.join(f"/v1/tweets/{tweet}/conversation"))
    assert without.status_code == 401


def test_a_deleted_user_is_in_no_conversation(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    root = post(mesh, ada)
    answer = post(mesh, bob, in_reply_to_tweet_id=root)
    own = post(mesh, ada, in_reply_to_tweet_id=answer)
    assert mesh.rest.delete(f"/v1/users/{bob}").is_success
    eventually(lambda: tree(read(mesh, root, ada)["replies"]), [])
    assert ids(read(mesh, own, ada)["ancestors"]) == [root]


def test_operators_list_replies_of_before(mesh: Mesh) -> None:
    ada = user(mesh)
    root = post(mesh, ada)
    reply = post(mesh, ada, in_reply_to_tweet_id=root)
    for _ in range(2):
        lines = operate(mesh, "backfill").splitlines()
        assert [line.split()[0] for line in lines] == ["listed", "listed"]
    assert tree(read(mesh, root, ada)["replies"]) == [reply]
