"""Blocks, mutes, follows of many and lists, as clients of the edge see them."""

import httpx

from tests.e2e.acting import eventually, follow, home, post, user
from tests.e2e.conftest import Mesh

NOTHING = dict.fromkeys(
    ("following", "followed_by", "blocking", "blocked_by", "muting", "requested", "requested_by"),
    False,
)


def send(mesh: Mesh, path: str, **body: object) -> httpx.Response:
    return mesh.rest.post(f"/v1/{path}", json=body)


def done(mesh: Mesh, path: str, **body: object) -> None:
    answer = send(mesh, path, **body)
    assert (answer.status_code, answer.json()) == (200, {}), answer.text


def relationship(mesh: Mesh, one: int, other: int) -> dict[str, bool]:
    answer = mesh.rest.get(f"/v1/users/{one}/relationship/{other}")
    assert answer.status_code == 200, answer.text
    return answer.json()


def listed(mesh: Mesh, user_id: int, kind: str, limit: int) -> list[int]:
    ids: list[int] = []
    query: dict[str, object] = {"limit": limit}
    while True:
        answer = mesh.rest.get(f"/v1/users/{user_id}/{kind}", params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        ids += [int(one["user_id"]) for one in page["users"]]
        if "next_cursor" not in page:
            return ids
        assert len(page["users"]) == limit, "a page is full as long as more users exist"
        query["cursor"] = page["next_cursor"]


def test_a_mute_hides_and_its_end_brings_back_all(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    for author in (ada, cyd):
        follow(mesh, bob, author)
    before = [post(mesh, author) for author in (ada, cyd, ada)]
    eventually(lambda: home(mesh, bob), before[::-1])
    done(mesh, "mute", muter_id=bob, muted_id=ada)
    eventually(lambda: home(mesh, bob), [before[1]])
    meantime = [post(mesh, author) for author in (ada, cyd, ada, ada)]
    eventually(lambda: home(mesh, bob, limit=1), [meantime[1], before[1]])
    assert relationship(mesh, bob, ada) == {**NOTHING, "following": True, "muting": True}
    done(mesh, "unmute", muter_id=bob, muted_id=ada)
    eventually(lambda: home(mesh, bob, limit=2), [*meantime[::-1], *before[::-1]])


def test_a_home_first_read_while_muted_has_all_after_its_end(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    follow(mesh, bob, ada)
    done(mesh, "mute", muter_id=bob, muted_id=ada)
    # More than a build takes of one author, so that some are merged below the floor.
    tweets = [post(mesh, ada) for _ in range(105)]
    assert home(mesh, bob) == []
    done(mesh, "unmute", muter_id=bob, muted_id=ada)
    eventually(lambda: home(mesh, bob), tweets[::-1])


def test_a_block_hides_both_ways_and_forbids_follows(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    for one, other in ((ada, bob), (bob, ada), (ada, cyd), (bob, cyd)):
        follow(mesh, one, other)
    by_ada, by_bob, by_cyd = (post(mesh, author) for author in (ada, bob, cyd))
    for viewer in (ada, bob):
        eventually(lambda v=viewer: home(mesh, v), [by_cyd, by_bob, by_ada])
    done(mesh, "block", blocker_id=ada, blocked_id=bob)
    assert relationship(mesh, ada, bob) == {**NOTHING, "blocking": True}
    assert relationship(mesh, bob, ada) == {**NOTHING, "blocked_by": True}
    eventually(lambda: home(mesh, ada), [by_cyd, by_ada])
    eventually(lambda: home(mesh, bob), [by_cyd, by_bob])
    for follower, followee in ((ada, bob), (bob, ada)):
        for refused in (
            send(mesh, "follow", follower_id=follower, followee_id=followee),
            send(mesh, "follows", follower_id=follower, followee_ids=[cyd, followee]),
        ):
            assert refused.status_code == 403
            assert refused.json()["code"] == 7
            assert refused.json()["message"].endswith("one of them blocks the other")
            (detail,) = refused.json()["details"]
            assert detail["reason"] == "BLOCKED"
    done(mesh, "unblock", blocker_id=ada, blocked_id=bob)
    assert relationship(mesh, ada, bob) == NOTHING
    assert home(mesh, bob) == [by_cyd, by_bob]
    follow(mesh, bob, ada)
    eventually(lambda: home(mesh, bob), [by_cyd, by_bob, by_ada])
    assert home(mesh, ada) == [by_cyd, by_ada]


def test_follows_of_many_reach_a_home_that_was_read(mesh: Mesh) -> None:
    viewer, *authors = (user(mesh) for _ in range(13))
    own = post(mesh, viewer)
    assert home(mesh, viewer) == [own]
    tweets = [post(mesh, author) for _ in range(3) for author in authors]
    follow(mesh, viewer, authors[0])
    done(mesh, "follows", follower_id=viewer, followee_ids=[*authors, authors[1]])
    eventually(lambda: home(mesh, viewer, limit=7), [*tweets[::-1], own])
    later = post(mesh, authors[5])
    eventually(lambda: home(mesh, viewer), [later, *tweets[::-1], own])
    done(mesh, "follows", follower_id=viewer, followee_ids=authors)
    assert listed(mesh, viewer, "following", 5) == sorted(authors)


def test_lists_page_fully_by_rising_id(mesh: Mesh) -> None:
    ada, *others = (user(mesh) for _ in range(9))
    for other in others:
        follow(mesh, other, ada)
    done(mesh, "follows", follower_id=ada, followee_ids=others[::-1])
    follow(mesh, others[3], ada, "unfollow")
    expected = [*others[:3], *others[4:]]
    for limit in (1, 3, 7, 50):
        assert listed(mesh, ada, "followers", limit) == expected
        assert listed(mesh, ada, "following", limit) == others
    page = mesh.rest.get(f"/v1/users/{ada}/followers", params={"limit": 1}).json()
    (shown,) = page["users"]
    assert shown.items() <= mesh.rest.get(f"/v1/users/{others[0]}").json()["user"].items()
    for owner, kind in ((ada, "following"), (others[0], "followers")):
        query = {"cursor": page["next_cursor"]}
        foreign = mesh.rest.get(f"/v1/users/{owner}/{kind}", params=query)
        assert (foreign.status_code, foreign.json()["code"]) == (400, 3)
    assert mesh.rest.get("/v1/users/12345/followers").status_code == 404
    assert mesh.rest.get(f"/v1/users/{ada}/following", params={"limit": 201}).status_code == 400


def test_bad_relations_are_refused(mesh: Mesh) -> None:
    ada = user(mesh)
    for path, one, other in (
        *((verb, "blocker_id", "blocked_id") for verb in ("block", "unblock")),
        *((verb, "muter_id", "muted_id") for verb in ("mute", "unmute")),
    ):
        itself = send(mesh, path, **{one: ada, other: ada})
        assert itself.status_code == 400
        assert itself.json()["message"].startswith(other)
        nobody = send(mesh, path, **{one: ada, other: 12345})
        assert nobody.status_code == 404
    for path in ("follow", "unfollow"):
        nobody = send(mesh, path, follower_id=ada, followee_id=12345)
        assert nobody.status_code == 404
    unknown = send(mesh, "follows", follower_id=ada, followee_ids=[12345, 12346])
    assert unknown.status_code == 404
    assert "12345" in unknown.json()["message"]
    none = send(mesh, "follows", follower_id=ada, followee_ids=[])
    assert none.status_code == 400
    assert none.json()["message"].startswith("followee_ids")


def test_a_deleted_user_leaves_the_graph(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    for one, other in ((ada, bob), (bob, ada), (bob, cyd)):
        follow(mesh, one, other)
    by_ada, by_bob = post(mesh, ada), post(mesh, bob)
    eventually(lambda: home(mesh, bob), [by_bob, by_ada])
    assert mesh.rest.delete(f"/v1/users/{ada}").status_code == 200
    for one, other in ((bob, ada), (ada, bob)):
        gone = mesh.rest.get(f"/v1/users/{one}/relationship/{other}")
        assert gone.status_code == 404
        assert gone.json()["details"][0]["reason"] == "USER_NOT_FOUND"
    eventually(lambda: home(mesh, bob), [by_bob])
    assert listed(mesh, bob, "following", 50) == [cyd]
