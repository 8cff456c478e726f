"""Notifications, as clients of the edge see them."""

from typing import Any

from services.notification.spec import ENGAGEMENT, GRAPH, TWEETS
from tests.e2e.acting import eventually, follow, is_replaced, kill, listing, post, user
from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate

Told = tuple[str, int, list[int], int]


def told(mesh: Mesh, user_id: int, limit: int = 50) -> list[Told]:
    """All that a user is told, page by page: kind, tweet, who, how many."""
    query = {"user_id": user_id, "limit": limit}
    return list(map(_told, listing(mesh, "/v1/notifications", "notifications", query)))


def _told(one: dict[str, Any]) -> Told:
    kind = one["kind"].removeprefix("NOTIFICATION_KIND_").lower()
    return kind, int(one.get("tweet_id", 0)), [*map(int, one["actor_ids"])], one["actor_count"]


def unread(mesh: Mesh, user_id: int) -> int:
    answer = mesh.rest.get("/v1/notifications/unread_count", params={"user_id": user_id})
    assert answer.status_code == 200, answer.text
    assert answer.json()["has_more"] is False
    count: int = answer.json()["unread_count"]
    return count


def act(mesh: Mesh, verb: str, user_id: int, tweet_id: int) -> None:
    body = {"user_id": user_id, "tweet_id": tweet_id}
    assert mesh.rest.post(f"/v1/{verb}", json=body).status_code == 200


def handle_of(mesh: Mesh, user_id: int) -> str:
    handle: str = mesh.rest.get(f"/v1/users/{user_id}").json()["user"]["handle"]
    return handle


def test_each_kind_is_told_and_what_is_taken_back_is_not(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    tweet = post(mesh, ada)
    for one in (bob, cyd):
        act(mesh, "like", one, tweet)
    eventually(lambda: told(mesh, ada), [("like", tweet, [cyd, bob], 2)])
    follow(mesh, bob, ada)
    eventually(lambda: told(mesh, ada)[0], ("follow", 0, [bob], 1))
    act(mesh, "retweet", bob, tweet)
    eventually(lambda: told(mesh, ada)[0], ("retweet", tweet, [bob], 1))
    reply = post(mesh, bob, in_reply_to_tweet_id=tweet)
    eventually(lambda: told(mesh, ada)[0], ("reply", reply, [bob], 1))
    quote = post(mesh, cyd, quote_tweet_id=tweet)
    eventually(lambda: told(mesh, ada)[0], ("quote", quote, [cyd], 1))
    mention = post(mesh, cyd, f"do you know @{handle_of(mesh, ada).upper()}?")
    expected = [
        ("mention", mention, [cyd], 1),
        ("quote", quote, [cyd], 1),
        ("reply", reply, [bob], 1),
        ("retweet", tweet, [bob], 1),
        ("follow", 0, [bob], 1),
        ("like", tweet, [cyd, bob], 2),
    ]
    eventually(lambda: told(mesh, ada), expected)
    assert told(mesh, ada, limit=1) == told(mesh, ada, limit=2) == expected
    assert unread(mesh, ada) == len(expected)

    act(mesh, "unlike", cyd, tweet)
    act(mesh, "unretweet", bob, tweet)
    follow(mesh, bob, ada, "unfollow")
    assert mesh.rest.delete(f"/v1/tweets/{reply}", params={"user_id": bob}).is_success
    left = [expected[0], expected[1], ("like", tweet, [bob], 1)]
    eventually(lambda: told(mesh, ada), left)
    assert mesh.rest.delete(f"/v1/tweets/{tweet}", params={"user_id": ada}).is_success
    eventually(lambda: told(mesh, ada), left[:2])
    eventually(lambda: unread(mesh, ada), 2)


def test_a_page_has_what_it_names(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    tweet = post(mesh, ada, "what is liked")
    for one in (bob, cyd):
        act(mesh, "like", one, tweet)
    eventually(lambda: told(mesh, ada), [("like", tweet, [cyd, bob], 2)])
    page = mesh.rest.get("/v1/notifications", params={"user_id": ada}).json()
    (one,), includes = page["notifications"], page["includes"]
    assert one["unread"] is True
    assert one["created_at"].endswith("Z")
    assert {int(each["user_id"]) for each in includes["users"]} == {bob, cyd}
    assert [(int(each["tweet_id"]), each["text"]) for each in includes["tweets"]] == [
        (tweet, "what is liked")
    ]
    empty = mesh.rest.get("/v1/notifications", params={"user_id": cyd})
    assert empty.json().keys() == {"notifications", "previous_cursor"}
    assert empty.json()["notifications"] == []


def test_marks_only_rise(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweets = [post(mesh, ada) for _ in range(3)]
    for each in tweets:
        act(mesh, "like", bob, each)
    eventually(lambda: unread(mesh, ada), 3)
    page = mesh.rest.get("/v1/notifications", params={"user_id": ada}).json()
    ids = [each["notification_id"] for each in page["notifications"]]
    for up_to, left in ((ids[1], 1), (ids[2], 1), (ids[0], 0), (ids[2], 0)):
        body = {"user_id": ada, "up_to_notification_id": up_to}
        answer = mesh.rest.post("/v1/notifications/read", json=body)
        assert answer.status_code == 200, answer.text
        assert unread(mesh, ada) == left
    assert answer.json() == {"read_up_to_notification_id": ids[0]}
    page = mesh.rest.get("/v1/notifications", params={"user_id": ada}).json()
    assert [each["unread"] for each in page["notifications"]] == [False] * 3
    act(mesh, "like", user(mesh), tweets[0])
    eventually(lambda: unread(mesh, ada), 1)


def test_nobody_is_told_of_whom_they_do_not_see(mesh: Mesh) -> None:
    ada, bob, cyd, dan = (user(mesh) for _ in range(4))
    tweet = post(mesh, ada)
    for verb, other in (("mute", bob), ("block", cyd)):
        names = ("muter_id", "muted_id") if verb == "mute" else ("blocker_id", "blocked_id")
        body = dict(zip(names, (ada, other), strict=True))
        assert mesh.rest.post(f"/v1/{verb}", json=body).status_code == 200
    for one in (ada, bob, dan):
        act(mesh, "like", one, tweet)
        post(mesh, one, f"@{handle_of(mesh, ada)}", in_reply_to_tweet_id=tweet)
    # Who is blocked can name the other, but is shown nothing to like or to answer.
    post(mesh, cyd, f"@{handle_of(mesh, ada)}")
    like = {"user_id": cyd, "tweet_id": tweet}
    assert mesh.rest.post("/v1/like", json=like).status_code == 404
    eventually(lambda: [kind for kind, *_ in told(mesh, ada)], ["reply", "like"])
    assert [who for _, _, who, _ in told(mesh, ada)] == [[dan], [dan]]
    body = {"muter_id": ada, "muted_id": dan}
    assert mesh.rest.post("/v1/mute", json=body).status_code == 200
    assert (told(mesh, ada), unread(mesh, ada)) == ([], 0)


def test_requests_are_told_of_until_they_are_answered(mesh: Mesh) -> None:
    ada, bob, cyd, dan, eve, fay = (user(mesh) for _ in range(6))
    account = f"/v1/users/{ada}"
    assert mesh.rest.patch(account, json={"protected": True}).status_code == 200
    body = {"muter_id": ada, "muted_id": eve}
    assert mesh.rest.post("/v1/mute", json=body).status_code == 200
    for one in (eve, bob, cyd, dan):
        follow(mesh, one, ada)
    eventually(lambda: told(mesh, ada), [("request", 0, [dan, cyd, bob], 3)])
    assert unread(mesh, ada) == 1
    follow(mesh, dan, ada, "unfollow")
    eventually(lambda: told(mesh, ada), [("request", 0, [cyd, bob], 2)])
    for answer, one in (("approve", bob), ("deny", cyd)):
        body = {"user_id": ada, "requester_id": one}
        assert mesh.rest.post(f"/v1/follow-requests/{answer}", json=body).status_code == 200
    eventually(lambda: (told(mesh, ada), unread(mesh, ada)), ([], 0))
    # Who asks again is where they were, and goes with the account.
    for one in (dan, cyd):
        follow(mesh, one, ada)
    eventually(lambda: told(mesh, ada), [("request", 0, [dan, cyd], 2)])
    assert mesh.rest.delete(f"/v1/users/{cyd}").is_success
    eventually(lambda: told(mesh, ada), [("request", 0, [dan], 1)])
    # To open the account approves those who ask; a follow that nobody approved is told of.
    assert mesh.rest.patch(account, json={"protected": False}).status_code == 200
    follow(mesh, fay, ada)
    eventually(lambda: told(mesh, ada), [("follow", 0, [fay], 1)])
    for one in (bob, dan):
        path = f"/v1/users/{one}/relationship/{ada}"
        assert mesh.rest.get(path).json()["following"]
        assert told(mesh, one) == []


def test_deleted_users_are_in_no_list_and_have_none(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    tweet = post(mesh, ada)
    for one in (bob, cyd):
        act(mesh, "like", one, tweet)
        follow(mesh, one, ada)
    eventually(
        lambda: sorted(told(mesh, ada)),
        [("follow", 0, [cyd, bob], 2), ("like", tweet, [cyd, bob], 2)],
    )
    assert mesh.rest.delete(f"/v1/users/{bob}").is_success
    eventually(
        lambda: sorted(told(mesh, ada)), [("follow", 0, [cyd], 1), ("like", tweet, [cyd], 1)]
    )
    assert mesh.rest.delete(f"/v1/users/{ada}").is_success
    eventually(lambda: mesh.rest.get("/v1/notifications", params={"user_id": ada}).status_code, 404)


def test_what_is_wrong_is_refused(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    for _ in range(3):
        act(mesh, "like", bob, post(mesh, ada))
    eventually(lambda: unread(mesh, ada), 3)
    page = mesh.rest.get("/v1/notifications", params={"user_id": ada, "limit": 1}).json()
    for query in (
        {"user_id": bob, "cursor": page["next_cursor"]},
        {"user_id": ada, "cursor": "x" * 34},
        {"user_id": ada, "limit": 201},
        {"user_id": 0},
    ):
        assert mesh.rest.get("/v1/notifications", params=query).status_code == 400, query
    for path in ("notifications", "notifications/unread_count"):
        assert mesh.rest.get(f"/v1/{path}", params={"user_id": 7}).status_code == 404
    for user_id, up_to, status in ((ada, 0, 400), (ada, (1 << 63) - 1, 200), (7, 1, 404)):
        body = {"user_id": user_id, "up_to_notification_id": up_to}
        assert mesh.rest.post("/v1/notifications/read", json=body).status_code == status


def test_nothing_is_lost_or_told_twice_when_the_service_is_killed(mesh: Mesh) -> None:
    ada = user(mesh)
    fans = [user(mesh) for _ in range(8)]
    tweet = post(mesh, ada)
    for at, fan in enumerate(fans):
        if at in {2, 5}:
            killed = kill(mesh, "notification")
            eventually(lambda gone=killed: is_replaced(mesh, "notification", gone), expected=True)
        act(mesh, "like", fan, tweet)
    eventually(lambda: _or_none(mesh, ada), [("like", tweet, fans[::-1], len(fans))])


def _or_none(mesh: Mesh, user_id: int) -> list[Told] | None:
    answer = mesh.rest.get("/v1/notifications", params={"user_id": user_id})
    return told(mesh, user_id) if answer.status_code == 200 else None


def test_what_waited_is_told_as_it_stands(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    tweet = post(mesh, ada)
    names = [each.name for each in (ENGAGEMENT, GRAPH, TWEETS)]
    for name in names:
        operate(mesh, "pause", name)
    try:
        act(mesh, "like", bob, tweet)
        act(mesh, "unlike", bob, tweet)
        follow(mesh, bob, ada)
        reply = post(mesh, bob, in_reply_to_tweet_id=tweet)
    finally:
        for name in names:
            operate(mesh, "resume", name)
    eventually(
        lambda: sorted(told(mesh, ada)), [("follow", 0, [bob], 1), ("reply", reply, [bob], 1)]
    )
