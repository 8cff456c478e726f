"""Counts of a user over REST: followers, followed and tweets, whatever is repeated or killed."""

import os
import signal
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import httpx

from tests.e2e.acting import eventually, follow, post, stopped, user
from tests.e2e.conftest import Mesh
from tests.e2e.patient_client import OUTAGE_S

COUNTS = ("followers_count", "following_count", "tweet_count")
AT_ONCE = 8
POSTS = 60
KILLED_AT = {10: "tweet", 30: "graph", 45: "tweet"}


def counts(mesh: Mesh, user_ids: Sequence[int]) -> list[tuple[object, ...]]:
    answer = mesh.rest.get("/v1/users", params={"ids": ",".join(map(str, user_ids))})
    assert answer.status_code == 200, answer.text
    found = {int(each["user_id"]): each for each in answer.json()["users"]}
    return [tuple(found[each].get(name) for name in COUNTS) for each in user_ids]


def act(mesh: Mesh, verb: str, **body: object) -> None:
    answer = mesh.rest.post(f"/v1/{verb}", json=body)
    assert answer.is_success, answer.text


def delete(mesh: Mesh, user_id: int, tweet_id: int) -> None:
    answer = mesh.rest.delete(f"/v1/tweets/{tweet_id}", params={"user_id": user_id})
    assert answer.is_success, answer.text


def test_reads_say_whom_a_user_follows_and_how_much_it_says(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    # Of what was there before anybody asked.
    first = post(mesh, ada)
    follow(mesh, ada, bob)
    eventually(lambda: counts(mesh, [ada, bob, cyd]), [(0, 1, 1), (1, 0, 0), (0, 0, 0)])
    reply = post(mesh, bob, in_reply_to_tweet_id=first)
    quote = post(mesh, bob, quote_tweet_id=first)
    act(mesh, "retweet", user_id=bob, tweet_id=first)
    follow(mesh, bob, cyd)
    eventually(lambda: counts(mesh, [ada, bob, cyd]), [(0, 1, 1), (1, 1, 3), (1, 0, 0)])
    one = mesh.rest.get(f"/v1/users/{bob}").json()["user"]
    by_handle = mesh.rest.get(f"/v1/users/by/handle/{one['handle']}").json()["user"]
    assert [[each.get(name) for name in COUNTS] for each in (one, by_handle)] == [[1, 1, 3]] * 2
    act(mesh, "unretweet", user_id=bob, tweet_id=first)
    delete(mesh, bob, reply)
    follow(mesh, ada, bob, "unfollow")
    eventually(lambda: counts(mesh, [ada, bob]), [(0, 0, 1), (0, 1, 1)])
    delete(mesh, bob, quote)
    # Whom a deleted tweet was retweeted by has it no longer.
    act(mesh, "retweet", user_id=cyd, tweet_id=first)
    eventually(lambda: counts(mesh, [cyd]), [(1, 0, 1)])
    delete(mesh, ada, first)
    eventually(lambda: counts(mesh, [ada, bob, cyd]), [(0, 0, 0), (0, 1, 0), (1, 0, 0)])


def test_what_a_deleted_user_did_is_no_longer_counted(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, ada, bob)
    follow(mesh, bob, ada)
    tweet = post(mesh, ada)
    act(mesh, "retweet", user_id=bob, tweet_id=tweet)
    eventually(lambda: counts(mesh, [ada, bob]), [(1, 1, 1), (1, 1, 1)])
    assert mesh.rest.delete(f"/v1/users/{ada}").is_success
    eventually(lambda: counts(mesh, [bob]), [(0, 0, 0)])


def test_without_who_counts_users_come_without_the_number(mesh: Mesh) -> None:
    ada = user(mesh)
    post(mesh, ada)
    eventually(lambda: counts(mesh, [ada]), [(0, 0, 1)])
    with stopped(mesh, "tweet"):
        assert counts(mesh, [ada]) == [(0, 0, None)]
    eventually(lambda: counts(mesh, [ada]), [(0, 0, 1)])


def patiently(mesh: Mesh, path: str, body: dict[str, object], key: str) -> None:
    """Repeat until it is answered."""
    until_s = time.monotonic() + OUTAGE_S
    while time.monotonic() < until_s:
        with suppress(httpx.TransportError):
            answer = mesh.rest.post(path, json=body, headers={"Idempotency-Key": key})
            if answer.status_code < 500:
                assert answer.is_success, answer.text
                return
    raise AssertionError(f"no answer to {path}")


def listed(mesh: Mesh, user_id: int, which: str) -> int:
    answer = mesh.rest.get(f"/v1/users/{user_id}/{which}")
    return len(answer.json().get("users", [])) if answer.is_success else -1


def test_counts_are_exact_though_services_are_killed(mesh: Mesh) -> None:
    authors = [user(mesh) for _ in range(3)]
    # Counted from here on.
    eventually(lambda: counts(mesh, authors), [(0, 0, 0)] * 3)

    def write(n: int) -> None:
        author, other = authors[n % 3], authors[(n + 1) % 3]
        patiently(mesh, "/v1/tweets", {"user_id": author, "text": f"tweet {n}"}, f"c-{author}-{n}")
        edge: dict[str, object] = {"follower_id": author, "followee_id": other}
        patiently(mesh, "/v1/follow" if n % 4 else "/v1/unfollow", edge, f"f-{author}-{n}")
        if n in KILLED_AT:
            os.kill(mesh.children()[KILLED_AT[n]], signal.SIGKILL)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        list(pool.map(write, range(POSTS)))

    def off() -> list[object]:
        # A counter that a killed process left is put right by whoever reads the list anyway.
        for each in authors:
            mesh.rest.get("/v1/timeline/home", params={"user_id": each})
        exact = [(listed(mesh, each, "following"), POSTS // 3) for each in authors]
        found = [each[1:] for each in counts(mesh, authors)]
        return [pair for pair in zip(found, exact, strict=True) if pair[0] != pair[1]]

    eventually(off, [], OUTAGE_S)
