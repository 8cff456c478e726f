"""Many at once, oneself, and nobody: over REST, at the edge."""

import httpx
import pytest

from tests.e2e.acting import follow, post, user, way_back
from tests.e2e.conftest import Mesh

NOBODY = 12345


def reason(answer: dict[str, list[dict[str, str]]]) -> str:
    return answer["details"][0]["reason"]


def test_what_is_made_has_a_place(mesh: Mesh) -> None:
    body = {"handle": "placed", "display_name": "Placed", "request_id": "once"}
    for _ in range(2):
        made = mesh.rest.post("/v1/users", json=body)
        assert made.status_code == 201
        ada = made.json()["user"]
        assert made.headers["location"] == f"/v1/users/{ada['user_id']}"
        assert ada.items() <= mesh.rest.get(made.headers["location"]).json()["user"].items()
    taken = mesh.rest.post("/v1/users", json={"handle": "placed", "display_name": "P"})
    assert taken.status_code == 409
    assert "location" not in taken.headers

    body = {"user_id": ada["user_id"], "text": "here", "request_id": "once"}
    for _ in range(2):
        made = mesh.rest.post("/v1/tweets", json=body)
        assert made.status_code == 201
        tweet = made.json()["tweet"]
        assert made.headers["location"] == f"/v1/tweets/{tweet['tweet_id']}"
        assert tweet.items() <= mesh.rest.get(made.headers["location"]).json()["tweet"].items()
    empty = mesh.rest.post("/v1/tweets", json={**body, "text": " "})
    assert empty.status_code == 400
    assert "location" not in empty.headers


def test_what_is_not_there_is_absent(mesh: Mesh) -> None:
    ada = user(mesh)
    first = post(mesh, ada)
    answer = post(mesh, ada, in_reply_to_tweet_id=first)
    quote = post(mesh, ada, quote_tweet_id=first)
    counts = {f"{kind}_count" for kind in ("like", "retweet", "reply", "quote")}
    common = {"tweet_id", "user_id", "text", "created_at", "conversation_id", *counts}
    more = {
        first: set(),
        answer: {"in_reply_to_tweet_id", "in_reply_to_user_id"},
        quote: {"quote_tweet_id"},
    }
    listed = mesh.rest.get("/v1/timeline/user", params={"user_id": ada}).json()["tweets"]
    found = mesh.rest.get("/v1/tweets", params={"ids": ",".join(map(str, more))}).json()["tweets"]
    alone = [mesh.rest.get(f"/v1/tweets/{one}").json()["tweet"] for one in more]
    assert len(listed) == len(found) == 3
    for tweet in (*listed, *found, *alone):
        assert tweet.keys() == common | more[int(tweet["tweet_id"])]


def test_only_what_is_new_is_read(mesh: Mesh) -> None:
    ada = user(mesh)
    tweets = [post(mesh, ada) for _ in range(5)]
    for kind in ("user", "home"):
        query = {"user_id": ada, "since_id": tweets[1], "limit": 2}
        first = mesh.rest.get(f"/v1/timeline/{kind}", params=query).json()
        assert [int(one["tweet_id"]) for one in first["tweets"]] == tweets[:2:-1]
        query["cursor"] = first["next_cursor"]
        rest = mesh.rest.get(f"/v1/timeline/{kind}", params=query).json()
        assert [int(one["tweet_id"]) for one in rest["tweets"]] == [tweets[2]]
        assert "next_cursor" not in rest
        newest = mesh.rest.get(f"/v1/timeline/{kind}?user_id={ada}&since_id={tweets[-1]}")
        assert newest.json().keys() == {"tweets", "previous_cursor"}
        assert newest.json()["tweets"] == []
        assert mesh.rest.get(f"/v1/timeline/{kind}?user_id={ada}&since_id=-1").status_code == 400


def test_pages_lead_to_the_next(mesh: Mesh) -> None:
    ada, others = user(mesh), [user(mesh) for _ in range(3)]
    tweets = [post(mesh, ada) for _ in range(5)]
    new = tweets[:0:-1]
    for other in others:
        follow(mesh, other, ada)
    for path, key, wanted in (
        (
            f"/v1/timeline/user?user_id={ada}&limit=2&since_id={tweets[0]}",
            "tweet_id",
            new,
        ),
        (f"/v1/timeline/home?user_id={ada}&limit=2", "tweet_id", tweets[::-1]),
        (f"/v1/users/{ada}/followers?limit=2", "user_id", others),
    ):
        found, url = list[int](), mesh.rest.base_url.join(path)
        while True:
            answer = mesh.rest.get(url)
            page = answer.json()
            found += [int(one[key]) for one in page.get("tweets", page.get("users"))]
            assert ("next" in answer.links) == ("next_cursor" in page)
            if "next" not in answer.links:
                break
            url = answer.url.join(answer.links["next"]["url"])
            assert url.params["cursor"] == page["next_cursor"]
        assert found == wanted
        if "prev" in answer.links:
            last = page["tweets"]
            assert _above(mesh, answer) == wanted[: -len(last)]


def _above(mesh: Mesh, answer: httpx.Response) -> list[int]:
    """The tweets of all pages above one, by the links."""
    found: list[int] = []
    while True:
        answer = mesh.rest.get(answer.url.join(answer.links["prev"]["url"]))
        page = answer.json()
        if not page["tweets"]:
            return found
        found = [*(int(one["tweet_id"]) for one in page["tweets"]), *found]


def test_who_asks_for_what_is_new_misses_nothing(mesh: Mesh) -> None:
    """From an empty timeline on, in pages that are too small for all that came."""
    ada = user(mesh)
    query = {"user_id": ada, "limit": 2}
    for kind in ("home", "user"):
        path = f"/v1/timeline/{kind}"
        for count in (1, 5):
            cursor = mesh.rest.get(path, params=query).json()["previous_cursor"]
            new = [post(mesh, ada) for _ in range(count)][::-1]
            page = mesh.rest.get(path, params=query | {"cursor": cursor}).json()
            assert [int(one["tweet_id"]) for one in page["tweets"]] == new[-2:]
            came = way_back(mesh, path, "tweets", query, cursor)
            assert [int(one["tweet_id"]) for one in came] == new


def test_many_are_read_at_once(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweets = [post(mesh, author) for author in (ada, bob, ada)]
    for kind, there, why in (
        ("tweets", tweets, "TWEET_NOT_FOUND"),
        ("users", [bob, ada], "USER_NOT_FOUND"),
    ):
        key = f"{kind[:-1]}_id"
        wanted = [there[0], NOBODY, *there[1:], there[0], NOBODY + 1]
        answer = mesh.rest.get(f"/v1/{kind}", params={"ids": ",".join(map(str, wanted))})
        assert answer.status_code == 200
        assert [int(one[key]) for one in answer.json()[kind]] == there
        assert answer.json()["errors"] == [
            {"resource_id": str(missing), "reason": why} for missing in (NOBODY, NOBODY + 1)
        ]
        most = ",".join(str(NOBODY + at) for at in range(100))
        assert len(mesh.rest.get(f"/v1/{kind}", params={"ids": most}).json()["errors"]) == 100


@pytest.mark.parametrize("kind", ["tweets", "users"])
def test_bad_lists_of_ids_are_refused(mesh: Mesh, kind: str) -> None:
    too_many = ",".join(str(NOBODY + at) for at in range(101))
    for ids in ("", ",", "1,", ",1", "0", "-1", "01", "1,x", "1 ,2", str(1 << 63), too_many):
        answer = mesh.rest.get(f"/v1/{kind}", params={"ids": ids})
        assert (answer.status_code, reason(answer.json())) == (400, "INVALID_FIELD"), ids
        assert answer.json()["message"].startswith("ids: ")
    assert mesh.rest.get(f"/v1/{kind}").status_code == 400
    assert mesh.rest.get(f"/v1/{kind}?ids=1&ids=2").status_code == 400


def test_nobody_is_not_found_on_every_path(mesh: Mesh) -> None:
    ada = user(mesh)
    for path in (
        f"/v1/users/{NOBODY}",
        f"/v1/users/{NOBODY}/followers",
        f"/v1/users/{NOBODY}/following",
        f"/v1/users/{NOBODY}/relationship/{ada}",
        f"/v1/users/{ada}/relationship/{NOBODY}",
        f"/v1/users/me?user_id={NOBODY}",
        f"/v1/timeline/user?user_id={NOBODY}",
        f"/v1/timeline/home?user_id={NOBODY}",
        f"/v1/search?query=x&user_id={NOBODY}",
    ):
        answer = mesh.rest.get(path)
        assert (answer.status_code, reason(answer.json())) == (404, "USER_NOT_FOUND"), path


def test_timelines_of_a_deleted_user_are_not_found(mesh: Mesh) -> None:
    ada = user(mesh)
    post(mesh, ada)
    paths = [f"/v1/timeline/{kind}?user_id={ada}" for kind in ("user", "home")]
    for path in paths:
        assert mesh.rest.get(path).status_code == 200
    assert mesh.rest.delete(f"/v1/users/{ada}").status_code == 200
    assert mesh.rest.get(paths[0]).status_code == 404
