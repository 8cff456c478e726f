"""Pinned tweets over REST: by their authors, for who may see them, and no longer than they are."""

from collections.abc import Iterator

import httpx
import pytest

from services.local.operator_file import fetch_token, read_operator
from tests.e2e.acting import eventually, follow, post, stopped, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate
from tests.e2e.test_identity import bearer


def change(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> httpx.Response:
    return mesh.rest.post(f"/v1/{verb}", json={"user_id": user_id, "tweet_id": tweet_id})


def done(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> None:
    answer = change(mesh, verb, user_id, tweet_id)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text


def refused(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["details"][0]["reason"]


@pytest.fixture
def clients(mesh: Mesh) -> Iterator[dict[int, httpx.Client]]:
    """Readers by their ids: of what they may see only."""
    made = Clients(mesh)
    yield made
    for each in made.values():
        each.close()


class Clients(dict[int, httpx.Client]):
    def __init__(self, mesh: Mesh) -> None:
        super().__init__()
        self._mesh = mesh

    def __missing__(self, user_id: int) -> httpx.Client:
        handle = self._mesh.rest.get(f"/v1/users/{user_id}").json()["user"]["handle"]
        token = fetch_token(read_operator(self._mesh.data_dir), handle=handle)
        client = httpx.Client(base_url=self._mesh.rest.base_url, headers=bearer(token), timeout=60)
        self[user_id] = client
        return client


def pinned(client: httpx.Client, user_id: int) -> set[str | None]:
    """What all reads of a user say, which is one thing."""
    one = client.get(f"/v1/users/{user_id}").json()["user"]
    handle = one["handle"]
    (many,) = client.get("/v1/users", params={"ids": user_id}).json()["users"]
    by_handle = client.get(f"/v1/users/by/handle/{handle}").json()["user"]
    found = client.get("/v1/users/search", params={"query": handle}).json()["users"]
    searched = [each for each in found if each["handle"] == handle]
    return {each.get("pinned_tweet_id") for each in (one, many, by_handle, *searched)}


def test_pin_another_unpin_and_delete(mesh: Mesh, clients: dict[int, httpx.Client]) -> None:
    ada, bob = user(mesh), user(mesh)
    first, second = post(mesh, ada), post(mesh, ada)
    assert pinned(clients[bob], ada) == {None}
    for _ in range(2):
        done(mesh, "pin", ada, first)
    assert pinned(clients[bob], ada) == {str(first)}
    me = clients[ada].get("/v1/users/me").json()["user"]
    assert me["pinned_tweet_id"] == str(first)
    done(mesh, "pin", ada, second)
    done(mesh, "unpin", ada, first)
    assert pinned(clients[bob], ada) == {str(second)}
    # Whatever else is changed of the account.
    answer = clients[ada].patch(f"/v1/users/{ada}", json={"bio": "pins"})
    assert answer.is_success, answer.text
    assert pinned(clients[ada], ada) == {str(second)}
    # Deleted is not pinned, from the answer on.
    assert mesh.rest.delete(f"/v1/tweets/{second}", params={"user_id": ada}).is_success
    assert pinned(clients[bob], ada) == pinned(clients[ada], ada) == {None}
    assert refused(change(mesh, "pin", ada, second)) == (404, "TWEET_NOT_FOUND")
    done(mesh, "pin", ada, first)
    for _ in range(2):
        done(mesh, "unpin", ada, first)
        assert pinned(clients[bob], ada) == {None}


def test_what_cannot_be_pinned(mesh: Mesh, clients: dict[int, httpx.Client]) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet, secret = post(mesh, bob), post(mesh, bob, visibility="followers")
    assert refused(change(mesh, "pin", ada, tweet)) == (403, "NOT_THE_AUTHOR")
    # Of what is not for one it is not told that it is there.
    assert refused(change(mesh, "pin", ada, secret)) == (404, "TWEET_NOT_FOUND")
    assert refused(change(mesh, "pin", ada, 1 << 62)) == (404, "TWEET_NOT_FOUND")
    assert refused(change(mesh, "pin", ada, 0)) == (400, "INVALID_FIELD")
    # Nobody pins for another.
    for verb in ("pin", "unpin"):
        body = {"user_id": bob, "tweet_id": tweet}
        assert refused(clients[ada].post(f"/v1/{verb}", json=body)) == (403, "NOT_THE_CALLER")
    answer = clients[bob].post("/v1/pin", json={"tweet_id": tweet})
    assert answer.is_success, answer.text
    assert pinned(clients[ada], bob) == {str(tweet)}


def test_only_who_may_see_it_learns_of_it(mesh: Mesh, clients: dict[int, httpx.Client]) -> None:
    ada, fan, stranger, foe = (user(mesh) for _ in range(4))
    follow(mesh, fan, ada)
    for_followers = post(mesh, ada, visibility="followers")
    done(mesh, "pin", ada, for_followers)
    eventually(lambda: pinned(clients[fan], ada), {str(for_followers)})
    assert pinned(clients[ada], ada) == {str(for_followers)}
    assert pinned(clients[stranger], ada) == {None}
    everybodys = post(mesh, ada)
    done(mesh, "pin", ada, everybodys)
    answer = mesh.rest.post("/v1/block", json={"blocker_id": ada, "blocked_id": foe})
    assert answer.is_success, answer.text
    eventually(lambda: pinned(clients[foe], ada), {None})
    assert pinned(clients[stranger], ada) == {str(everybodys)}
    assert mesh.rest.patch(f"/v1/users/{ada}", json={"protected": True}).is_success
    assert pinned(clients[stranger], ada) == {None}
    assert pinned(clients[fan], ada) == {str(everybodys)}


def test_what_an_operator_hides_is_not_pinned(mesh: Mesh, clients: dict[int, httpx.Client]) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    done(mesh, "pin", ada, tweet)
    operate(mesh, "quarantine-tweet", str(tweet), "reported")
    assert pinned(clients[bob], ada) == {None}
    operate(mesh, "clear-tweet", str(tweet))
    assert pinned(clients[bob], ada) == {str(tweet)}


def test_without_tweets_users_come_all_the_same(
    mesh: Mesh, clients: dict[int, httpx.Client]
) -> None:
    ada = user(mesh)
    tweet = post(mesh, ada)
    done(mesh, "pin", ada, tweet)
    assert pinned(clients[ada], ada) == {str(tweet)}
    with stopped(mesh, "tweet"):
        assert pinned(clients[ada], ada) == {None}
    eventually(lambda: pinned(clients[ada], ada), {str(tweet)})
