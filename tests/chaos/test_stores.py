"""A store or a sibling is gone: clients get an error in time, and nothing is left half done."""

import itertools
import sqlite3
from collections.abc import Callable

import httpx
import pytest

from tests.chaos.conftest import DEADLINE_S, Faults, within
from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh

_numbers = itertools.count()
Call = Callable[[], httpx.Response]


def create_user(mesh: Mesh) -> Call:
    body = {"handle": f"late{next(_numbers)}", "display_name": "Late"}
    return lambda: mesh.rest.post("/v1/users", json=body)


def create_tweet(mesh: Mesh) -> Call:
    body = {"user_id": user(mesh), "text": "late", "request_id": f"late{next(_numbers)}"}
    return lambda: mesh.rest.post("/v1/tweets", json=body)


def create_follow(mesh: Mesh) -> Call:
    body = {"follower_id": user(mesh), "followee_id": user(mesh)}
    return lambda: mesh.rest.post("/v1/follow", json=body)


def assert_unavailable(call: Call) -> None:
    """The client gets an error that asks for a retry, before the deadline."""
    with within(DEADLINE_S):
        answer = call()
    assert (answer.status_code, answer.json()["code"]) == (503, 14), answer.text
    details = {each["@type"].rpartition(".")[2]: each for each in answer.json()["details"]}
    assert details["RetryInfo"]["retry_delay"].endswith("s")
    assert details["ErrorInfo"]["reason"] == "UNAVAILABLE"


@pytest.mark.parametrize(
    ("owner", "make"),
    [("user", create_user), ("tweet", create_tweet), ("graph", create_follow)],
)
def test_write_to_a_locked_store(faults: Faults, owner: str, make: Callable[[Mesh], Call]) -> None:
    call = make(faults.mesh)
    tables = cells(faults, owner)
    with faults.locked(owner):
        assert_unavailable(call)
    assert cells(faults, owner) == tables
    assert call().is_success
    assert cells(faults, owner) != tables


def cells(faults: Faults, owner: str) -> dict[str, int]:
    path = faults.mesh.data_dir / f"{owner}.db"
    with sqlite3.connect(path) as other:
        names = other.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall()
    other.close()
    return {name: faults.count(owner, name) for (name,) in names}


def test_one_tweet_for_one_request_id_across_a_locked_store(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    body = {"user_id": ada, "text": "once", "request_id": "once"}
    with faults.locked("tweet"):
        assert_unavailable(lambda: mesh.rest.post("/v1/tweets", json=body))
    ids = {mesh.rest.post("/v1/tweets", json=body).json()["tweet_id"] for _ in range(2)}
    assert len(ids) == 1
    eventually(lambda: home(mesh, bob), [int(ids.pop())])


def test_fanout_waits_for_a_locked_store(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    with faults.locked("timeline"):
        with within(DEADLINE_S):
            tweet = post(mesh, ada)
        assert faults.hot_home(bob) == []
    eventually(lambda: home(mesh, bob), [tweet])


@pytest.mark.parametrize("make", [create_tweet, create_follow])
def test_sibling_that_hangs(faults: Faults, make: Callable[[Mesh], Call]) -> None:
    call = make(faults.mesh)
    with faults.stopped(faults.pid("user")):
        assert_unavailable(call)
        assert_unavailable(call)
    assert call().is_success


def test_warm_timelines_need_no_sibling(faults: Faults) -> None:
    mesh = faults.mesh
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    home(mesh, bob)
    tweets = [post(mesh, ada) for _ in range(3)]
    expected = sorted(tweets, reverse=True)
    eventually(lambda: home(mesh, bob), expected)
    with faults.stopped(faults.pid("graph"), faults.pid("tweet"), faults.pid("user")):
        for _ in range(3):
            with within(DEADLINE_S / 5):
                assert home(mesh, bob) == expected
