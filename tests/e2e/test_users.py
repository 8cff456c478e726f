"""Accounts over REST: changed, deleted, and what a deletion takes along."""

from concurrent.futures import ThreadPoolExecutor

import httpx

from tests.e2e.acting import eventually, follow, home, post, stopped
from tests.e2e.conftest import Mesh

# Handles are unique in a mesh, which other files do not share.
Json = dict[str, object]
COUNTS = ("followers_count", "following_count", "tweet_count")


def create(mesh: Mesh, handle: str, **fields: object) -> Json:
    body = {"handle": handle, "display_name": handle.title(), **fields}
    answer = mesh.rest.post("/v1/users", json=body)
    assert answer.status_code == 201, answer.text
    user: Json = answer.json()["user"]
    return user


def number(user: Json) -> int:
    return int(str(user["user_id"]))


def patch(mesh: Mesh, user: Json, **fields: object) -> httpx.Response:
    return mesh.rest.patch(f"/v1/users/{user['user_id']}", json=fields)


def delete(mesh: Mesh, user: Json, **query: str) -> httpx.Response:
    return mesh.rest.delete(f"/v1/users/{user['user_id']}", params=query)


def by_handle(mesh: Mesh, handle: str) -> httpx.Response:
    return mesh.rest.get(f"/v1/users/by/handle/{handle}")


def answered(answer: httpx.Response) -> Json:
    """The user of a read, without what only reads say."""
    assert answer.status_code == 200, answer.text
    user: Json = answer.json()["user"]
    for counted in COUNTS:
        user.pop(counted, None)
    return user


def test_reads_say_how_many_follow(mesh: Mesh) -> None:
    ada, bob, cyd = (create(mesh, f"followed{each}") for each in range(3))
    for one in (bob, cyd):
        follow(mesh, number(one), number(ada))

    def shown() -> list[object]:
        reads = (
            mesh.rest.get(f"/v1/users/{ada['user_id']}").json()["user"],
            by_handle(mesh, "followed0").json()["user"],
            *mesh.rest.get(
                "/v1/users", params={"ids": f"{ada['user_id']},{bob['user_id']}"}
            ).json()["users"],
        )
        return [user.get("followers_count") for user in reads]

    eventually(shown, [2, 2, 2, 0])
    follow(mesh, number(cyd), number(ada), "unfollow")
    eventually(shown, [1, 1, 1, 0])
    with stopped(mesh, "graph"):
        assert shown() == [None] * 4
    eventually(shown, [1, 1, 1, 0])


def test_a_user_changes_what_it_gives(mesh: Mesh) -> None:
    ada = create(mesh, "ada")
    named = patch(mesh, ada, display_name="Ada L")
    assert (named.status_code, named.json()["user"]) == (200, {**ada, "display_name": "Ada L"})
    moved = patch(mesh, ada, handle="Countess")
    assert moved.json()["user"] == {**ada, "handle": "Countess", "display_name": "Ada L"}
    assert answered(by_handle(mesh, "countess")) == moved.json()["user"]
    assert by_handle(mesh, "ada").status_code == 404
    taken = mesh.rest.post("/v1/users", json={"handle": "Ada", "display_name": "Heir"})
    assert (taken.status_code, taken.json()["details"][0]["reason"]) == (409, "HANDLE_TAKEN")
    back = patch(mesh, ada, handle="Ada")
    assert answered(by_handle(mesh, "ADA")) == back.json()["user"]


def test_a_bio_is_shown_and_taken_away(mesh: Mesh) -> None:
    ada, bob = create(mesh, "writer"), create(mesh, "reader_of_bios")
    assert "bio" not in ada
    told = patch(mesh, ada, bio=" Programs engines. ", request_id="b")
    assert told.json()["user"] == {**ada, "bio": "Programs engines."}
    assert answered(by_handle(mesh, "writer")) == told.json()["user"]
    follow(mesh, number(bob), number(ada))
    listed = mesh.rest.get(f"/v1/users/{bob['user_id']}/following").json()["users"]
    assert listed == [told.json()["user"]]
    for bad in ("x" * 161, "a\nb", " "):
        assert patch(mesh, ada, bio=bad).json()["message"].startswith("bio: ")
    assert patch(mesh, ada, bio="").json()["user"] == ada
    assert patch(mesh, ada, bio=" Programs engines. ", request_id="b").json() == told.json()


def test_a_bad_change_is_refused(mesh: Mesh) -> None:
    first, second = create(mesh, "first"), create(mesh, "second")
    assert patch(mesh, first).status_code == 400
    assert patch(mesh, first, handle="").status_code == 400
    assert patch(mesh, first, display_name=" ").json()["message"].startswith("display_name")
    assert patch(mesh, first, handle="SECOND").status_code == 409
    assert patch(mesh, {"user_id": 12345}, handle="third").status_code == 404
    for user in (first, second):
        assert answered(mesh.rest.get(f"/v1/users/{user['user_id']}")) == user


def test_repeats_give_the_first_answer(mesh: Mesh) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: create(mesh, "once", request_id="c"), range(8)))
    assert all(user == made[0] for user in made)
    reused = mesh.rest.post(
        "/v1/users", json={"handle": "once", "display_name": "Other", "request_id": "c"}
    )
    assert reused.status_code == 409

    changed = patch(mesh, made[0], handle="twice", request_id="u")
    assert changed.json()["user"]["handle"] == "twice"
    assert patch(mesh, made[0], handle="thrice").status_code == 200
    assert patch(mesh, made[0], handle="twice", request_id="u").json() == changed.json()
    assert patch(mesh, made[0], handle="four", request_id="u").status_code == 409
    assert by_handle(mesh, "thrice").status_code == 200

    assert delete(mesh, made[0], request_id="d").status_code == 200
    assert delete(mesh, made[0], request_id="d").status_code == 200
    assert delete(mesh, made[0]).status_code == 404


def test_a_repeated_deletion_of_a_tweet_succeeds(mesh: Mesh) -> None:
    author = number(create(mesh, "poster"))
    tweet = post(mesh, author)
    for query, status in (({"request_id": "d"}, 200), ({"request_id": "d"}, 200), ({}, 404)):
        answer = mesh.rest.delete(f"/v1/tweets/{tweet}", params={"user_id": author, **query})
        assert answer.status_code == status


def test_a_deleted_user_takes_everything_along(mesh: Mesh) -> None:
    gone, friend, reader = (create(mesh, name) for name in ("gone", "friend", "reader"))
    for author in (gone, friend):
        follow(mesh, number(reader), number(author))
    old = [post(mesh, number(gone)) for _ in range(3)]
    kept = post(mesh, number(friend))
    new = post(mesh, number(gone))
    eventually(lambda: home(mesh, number(reader)), [new, kept, *reversed(old)])

    assert delete(mesh, gone).status_code == 200
    assert mesh.rest.get(f"/v1/users/{gone['user_id']}").status_code == 404
    assert by_handle(mesh, "gone").status_code == 404
    refused = mesh.rest.post("/v1/tweets", json={"user_id": gone["user_id"], "text": "still here"})
    assert refused.status_code == 404
    for one, other in ((gone, friend), (friend, gone)):
        body = {"follower_id": one["user_id"], "followee_id": other["user_id"]}
        assert mesh.rest.post("/v1/follow", json=body).status_code == 404
    assert delete(mesh, gone).status_code == 404

    eventually(lambda: home(mesh, number(reader)), [kept])
    for tweet in (*old, new):
        eventually(lambda t=tweet: mesh.rest.get(f"/v1/tweets/{t}").status_code, 404)
    assert mesh.rest.get(f"/v1/tweets/{kept}").status_code == 200
    heir = create(mesh, "gone")
    assert heir["user_id"] != gone["user_id"]
    assert patch(mesh, friend, handle="Gone").status_code == 409


def test_a_known_author_is_nobody_once_deleted(mesh: Mesh) -> None:
    """Services keep whom they know in their processes, and forget at once who is deleted."""
    ada, bob = create(mesh, "known"), create(mesh, "knowing")
    for _ in range(3):
        post(mesh, number(ada))
        follow(mesh, number(ada), number(bob))
    assert delete(mesh, ada).status_code == 200
    posted = mesh.rest.post("/v1/tweets", json={"user_id": ada["user_id"], "text": "Still here"})
    assert (posted.status_code, posted.json()["code"]) == (404, 5)
    followed = mesh.rest.post(
        "/v1/follow", json={"follower_id": bob["user_id"], "followee_id": ada["user_id"]}
    )
    assert (followed.status_code, followed.json()["code"]) == (404, 5)
