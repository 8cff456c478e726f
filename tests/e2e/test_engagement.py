"""Likes, retweets, bookmarks and their counts, as clients of the edge see them."""

import json
from typing import Any

import httpx
from aviary.engagement.v1 import engagement_service_pb2 as pb
from aviary.engagement.v1 import engagement_service_pb2_grpc as pb_grpc

from services.engagement.spec import COUNTS
from tests.e2e.acting import eventually, listing, post, restart, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate

WAIT_S = 10.0
AFTER_A_KILL_S = 90.0  # what failed in an outage is tried again after up to 30 s more
LIKES, RETWEETS, BOOKMARKS, REPLIES, QUOTES = (
    f"{kind}_count" for kind in ("like", "retweet", "bookmark", "reply", "quote")
)


def send(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> httpx.Response:
    return mesh.rest.post(f"/v1/{verb}", json={"user_id": user_id, "tweet_id": tweet_id})


def done(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> None:
    answer = send(mesh, verb, user_id, tweet_id)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text


def refused(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> tuple[int, str]:
    answer = send(mesh, verb, user_id, tweet_id)
    return answer.status_code, answer.json()["details"][0]["reason"]


def listed(mesh: Mesh, path: str, what: str, **query: object) -> list[int]:
    """The ids of a whole list, two to a page."""
    found = listing(mesh, f"/v1/{path}", what, query | {"limit": 2})
    return [int(one[f"{what[:-1]}_id"]) for one in found]


def likers(mesh: Mesh, tweet_id: int) -> list[int]:
    return listed(mesh, f"tweets/{tweet_id}/likers", "users")


def own(mesh: Mesh, user_id: int) -> tuple[list[int], list[int]]:
    """The user's likes and bookmarks."""
    return (
        listed(mesh, f"users/{user_id}/likes", "tweets"),
        listed(mesh, "bookmarks", "tweets", user_id=user_id),
    )


def counts(mesh: Mesh, tweet_id: int) -> dict[str, int]:
    """Counts that are not 0, as an operator reads them."""
    with mesh.sync_channel("engagement") as channel:
        answer = pb_grpc.EngagementServiceStub(channel).LookupCounts(
            pb.LookupCountsRequest(tweet_ids=[tweet_id]), timeout=WAIT_S
        )
    (found,) = answer.counts
    return {name.name: value for name, value in found.ListFields() if name.name != "tweet_id"}


def reconciled(mesh: Mesh, tweet_id: int) -> list[Any]:
    with mesh.sync_channel("engagement") as channel:
        answer = pb_grpc.EngagementServiceStub(channel).Reconcile(
            pb.ReconcileRequest(tweet_ids=[tweet_id]), timeout=WAIT_S
        )
    return [(one.kind, one.counted, one.exact) for one in answer.drifts]


def test_each_counts_once_however_often_it_is_said(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    tweet = post(mesh, ada)
    for one in (ada, bob, cyd, bob):
        done(mesh, "like", one, tweet)
    for verb in ("retweet", "bookmark", "retweet", "unlike", "unlike"):
        done(mesh, verb, bob, tweet)
    assert likers(mesh, tweet) == sorted([ada, cyd])
    assert listed(mesh, f"tweets/{tweet}/retweeters", "users") == [bob]
    assert own(mesh, bob) == ([], [tweet])
    eventually(lambda: counts(mesh, tweet), {LIKES: 2, RETWEETS: 1, BOOKMARKS: 1})
    for verb in ("unretweet", "unbookmark"):
        done(mesh, verb, bob, tweet)
    eventually(lambda: counts(mesh, tweet), {LIKES: 2})
    assert reconciled(mesh, tweet) == []


def test_lists_of_own_have_the_newest_tweet_first(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweets = [post(mesh, ada) for _ in range(5)]
    for tweet in (tweets[3], tweets[0], tweets[4], tweets[1], tweets[2]):
        done(mesh, "like", bob, tweet)
        done(mesh, "bookmark", bob, tweet)
    done(mesh, "unlike", bob, tweets[2])
    assert own(mesh, bob) == ([tweets[4], tweets[3], tweets[1], tweets[0]], tweets[::-1])


def test_what_does_not_exist_is_not_found(mesh: Mesh) -> None:
    ada = user(mesh)
    tweet, deleted = post(mesh, ada), post(mesh, ada)
    assert mesh.rest.delete(f"/v1/tweets/{deleted}", params={"user_id": ada}).status_code == 200
    for verb in ("like", "retweet", "bookmark"):
        for nothing in (deleted, 7):
            assert refused(mesh, verb, ada, nothing) == (404, "TWEET_NOT_FOUND")
        assert refused(mesh, verb, 7, tweet) == (404, "USER_NOT_FOUND")
        assert refused(mesh, verb, ada, -1) == (400, "INVALID_FIELD")
        assert refused(mesh, f"un{verb}", 7, tweet) == (404, "USER_NOT_FOUND")
    done(mesh, "unlike", ada, deleted)
    answer = mesh.rest.get(f"/v1/tweets/{deleted}/likers")
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (404, "TWEET_NOT_FOUND")


def test_answers_and_quotes_are_counted_while_they_are_there(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    replies = [post(mesh, bob, in_reply_to_tweet_id=tweet) for _ in range(2)]
    post(mesh, bob, quote_tweet_id=tweet, in_reply_to_tweet_id=replies[0])
    eventually(lambda: counts(mesh, tweet), {REPLIES: 2, QUOTES: 1})
    eventually(lambda: counts(mesh, replies[0]), {REPLIES: 1})
    assert mesh.rest.delete(f"/v1/tweets/{replies[1]}", params={"user_id": bob}).is_success
    eventually(lambda: counts(mesh, tweet), {REPLIES: 1, QUOTES: 1})


def test_a_deleted_tweet_and_a_deleted_user_take_all_with_them(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    tweet, gone = post(mesh, ada), post(mesh, ada)
    for verb in ("like", "retweet", "bookmark"):
        for one in (bob, cyd):
            for each in (tweet, gone):
                done(mesh, verb, one, each)
    assert mesh.rest.delete(f"/v1/tweets/{gone}", params={"user_id": ada}).is_success
    eventually(lambda: (own(mesh, bob), counts(mesh, gone)), (([tweet], [tweet]), {}))
    assert mesh.rest.delete(f"/v1/users/{bob}").is_success
    eventually(lambda: counts(mesh, tweet), {LIKES: 1, RETWEETS: 1, BOOKMARKS: 1})
    assert likers(mesh, tweet) == [cyd]


def test_counts_come_back_after_the_cache_was_wiped(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    done(mesh, "like", bob, tweet)
    eventually(lambda: counts(mesh, tweet), {LIKES: 1})
    mesh.valkey("cache").flushall()
    assert counts(mesh, tweet) == {LIKES: 1}
    done(mesh, "like", ada, tweet)
    eventually(lambda: counts(mesh, tweet), {LIKES: 2})


def restarted(mesh: Mesh) -> None:
    """Kill the service, and wait until another process has its place."""
    reader = user(mesh)
    restart(mesh, "engagement")

    def reached() -> set[int]:
        # By gRPC and by HTTP: what is known of a process may be some moments old.
        read = mesh.rest.get("/v1/bookmarks", params={"user_id": reader})
        return {read.status_code, send(mesh, "unlike", reader, 1).status_code}

    eventually(reached, {200})


def liked_by_ten(mesh: Mesh) -> tuple[int, list[int]]:
    tweet, fans = post(mesh, user(mesh)), [user(mesh) for _ in range(10)]
    for fan in fans:
        done(mesh, "like", fan, tweet)
    return tweet, sorted(fans)


def test_what_was_answered_is_counted_though_the_service_is_killed(mesh: Mesh) -> None:
    tweet, fans = liked_by_ten(mesh)
    restarted(mesh)
    assert likers(mesh, tweet) == fans
    eventually(lambda: counts(mesh, tweet), {LIKES: len(fans)}, AFTER_A_KILL_S)
    assert reconciled(mesh, tweet) == []


def test_what_waits_to_be_counted_outlives_the_service(mesh: Mesh) -> None:
    operate(mesh, "pause", COUNTS.name)
    try:
        # Whoever starts reads what is paused before anything else.
        restarted(mesh)
        tweet, fans = liked_by_ten(mesh)
        assert (likers(mesh, tweet), counts(mesh, tweet)) == (fans, {})
        restarted(mesh)
        assert (likers(mesh, tweet), counts(mesh, tweet)) == (fans, {})
    finally:
        operate(mesh, "resume", COUNTS.name)
    eventually(lambda: counts(mesh, tweet), {LIKES: len(fans)}, AFTER_A_KILL_S)


def test_operators_see_counts_and_put_them_right(mesh: Mesh) -> None:
    tweet, fans = liked_by_ten(mesh)
    eventually(lambda: counts(mesh, tweet), {LIKES: len(fans)})
    heads, line = operate(mesh, "counts", str(tweet), "--reconcile").splitlines()
    assert heads.split() == ["tweet", "likes", "retweets", "bookmarks", "replies", "quotes"]
    assert line.split() == [str(tweet), "10", "0", "0", "0", "0"]
    shown = json.loads(operate(mesh, "counts", str(tweet), "--json"))
    assert (shown["counts"][0]["like"], shown["drifts"]) == (10, [])
