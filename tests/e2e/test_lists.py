"""Lists of users, as clients of the edge see them."""

from tests.e2e.acting import eventually, listing, post, user
from tests.e2e.conftest import Mesh


def make(mesh: Mesh, owner: int, *members: int, **fields: object) -> int:
    body = {"user_id": owner, "name": "friends", **fields}
    answer = mesh.rest.post("/v1/lists", json=body)
    assert answer.status_code == 201, answer.text
    list_id = int(answer.json()["list"]["list_id"])
    assert answer.headers["location"] == f"/v1/lists/{list_id}"
    for member in members:
        assert change(mesh, owner, list_id, member) == 200
    return list_id


def change(mesh: Mesh, owner: int, list_id: int, member: int, *, add: bool = True) -> int:
    path = f"/v1/lists/{list_id}/members"
    if add:
        body = {"user_id": owner, "member_id": member}
        return mesh.rest.post(path, json=body).status_code
    query = {"user_id": owner}
    return mesh.rest.delete(f"{path}/{member}", params=query).status_code


def listed(mesh: Mesh, path: str, what: str, reader: int, limit: int = 2) -> list[int]:
    """The ids of a whole list, page by page, also on the way back where there is one."""
    found = listing(mesh, f"/v1/{path}", what, {"user_id": reader, "limit": limit})
    return [int(one[f"{what[:-1]}_id"]) for one in found]


def timeline(mesh: Mesh, list_id: int, reader: int, limit: int = 2) -> list[int]:
    return listed(mesh, f"lists/{list_id}/timeline", "tweets", reader, limit)


def members(mesh: Mesh, list_id: int, reader: int) -> list[int]:
    return listed(mesh, f"lists/{list_id}/members", "users", reader)


def status(mesh: Mesh, verb: str, path: str, user_id: int, **body: object) -> tuple[int, str]:
    if verb in {"get", "delete"}:
        answer = mesh.rest.request(verb, f"/v1/{path}", params={"user_id": user_id})
    else:
        answer = mesh.rest.request(verb, f"/v1/{path}", json={"user_id": user_id, **body})
    reason = "" if answer.is_success else answer.json()["details"][0]["reason"]
    return answer.status_code, reason


def test_a_list_from_its_making_to_its_end(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    list_id = make(mesh, ada, bob, cyd, bob, description="people")
    assert change(mesh, ada, list_id, bob, add=False) == 200
    assert change(mesh, ada, list_id, bob, add=False) == 200
    assert members(mesh, list_id, bob) == [cyd]
    body = {"user_id": ada, "name": "foes", "description": ""}
    answer = mesh.rest.patch(f"/v1/lists/{list_id}", json=body)
    assert answer.status_code == 200, answer.text
    shown = mesh.rest.get(f"/v1/lists/{list_id}", params={"user_id": bob}).json()["list"]
    assert shown == answer.json()["list"]
    assert (shown["name"], shown["member_count"], shown["private"]) == ("foes", 1, False)
    assert "description" not in shown
    others = [make(mesh, ada) for _ in range(4)]
    assert listed(mesh, "lists", "lists", ada) == [*others[::-1], list_id]
    assert status(mesh, "delete", f"lists/{list_id}", ada) == (200, "")
    for verb, path in (("delete", ""), ("get", ""), ("get", "/members"), ("get", "/timeline")):
        assert status(mesh, verb, f"lists/{list_id}{path}", ada) == (404, "LIST_NOT_FOUND")
    assert listed(mesh, "lists", "lists", ada) == others[::-1]


def test_what_members_post_newest_first(mesh: Mesh) -> None:
    ada, bob, cyd, dan = (user(mesh) for _ in range(4))
    list_id = make(mesh, ada, ada, bob, cyd)
    tweets = [post(mesh, one) for one in (bob, bob, cyd, dan, ada, bob, cyd)]
    of_members = [*tweets[:3], *tweets[4:]][::-1]
    assert timeline(mesh, list_id, ada) == timeline(mesh, list_id, dan, 50) == of_members
    drawn = mesh.rest.get(f"/v1/lists/{list_id}/timeline", params={"user_id": ada}).json()
    assert {one["user_id"] for one in drawn["includes"]["users"]} == {
        one["user_id"] for one in drawn["tweets"]
    }
    assert all(one["like_count"] == 0 and not one["viewer"]["liked"] for one in drawn["tweets"])
    assert mesh.rest.delete(f"/v1/tweets/{tweets[5]}", params={"user_id": bob}).is_success
    assert timeline(mesh, list_id, ada) == [each for each in of_members if each != tweets[5]]
    body = {"muter_id": ada, "muted_id": cyd}
    assert mesh.rest.post("/v1/mute", json=body).is_success
    assert timeline(mesh, list_id, ada, 1) == [tweets[4], tweets[1], tweets[0]]
    body = {"blocker_id": bob, "blocked_id": dan}
    assert mesh.rest.post("/v1/block", json=body).is_success
    assert timeline(mesh, list_id, dan) == [tweets[6], tweets[4], tweets[2]]
    assert change(mesh, ada, list_id, bob, add=False) == 200
    assert timeline(mesh, list_id, ada) == [tweets[4]]


def test_a_private_list_is_there_for_its_owner_alone(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    shown, private = make(mesh, ada, bob), make(mesh, ada, bob, private=True)
    for path in ("", "/members", "/timeline"):
        assert status(mesh, "get", f"lists/{shown}{path}", bob) == (200, "")
        assert status(mesh, "get", f"lists/{private}{path}", ada) == (200, "")
        assert status(mesh, "get", f"lists/{private}{path}", bob) == (404, "LIST_NOT_FOUND")
    for list_id, refused in ((shown, (403, "NOT_THE_OWNER")), (private, (404, "LIST_NOT_FOUND"))):
        path = f"lists/{list_id}"
        assert status(mesh, "patch", path, bob, name="mine") == refused
        assert status(mesh, "post", f"{path}/members", bob, member_id=bob) == refused
        assert status(mesh, "delete", f"{path}/members/{bob}", bob) == refused
        assert status(mesh, "delete", path, bob) == refused


def test_what_is_wrong_is_refused_and_leaves_nothing(mesh: Mesh) -> None:
    ada, bob = user(mesh), user(mesh)
    for fields in (
        {"name": ""},
        {"name": "x" * 26},
        {"name": "\u200b"},
        {"name": "x", "description": "y" * 101},
    ):
        assert status(mesh, "post", "lists", ada, **fields)[0] == 400, fields
    assert status(mesh, "post", "lists", 7, name="x") == (404, "USER_NOT_FOUND")
    assert listed(mesh, "lists", "lists", ada) == []
    list_id = make(mesh, ada)
    path = f"lists/{list_id}"
    assert status(mesh, "post", f"{path}/members", ada, member_id=7) == (404, "USER_NOT_FOUND")
    assert status(mesh, "patch", path, ada) == (400, "INVALID_FIELD")
    for _ in range(3):
        change(mesh, ada, list_id, bob)
        post(mesh, bob)
    page = mesh.rest.get(f"/v1/{path}/timeline", params={"user_id": ada, "limit": 1}).json()
    for other in (f"lists/{make(mesh, ada, bob)}/timeline", f"{path}/members"):
        query = {"user_id": ada, "cursor": page["next_cursor"]}
        assert mesh.rest.get(f"/v1/{other}", params=query).status_code == 400


def test_a_repeat_makes_no_second_list(mesh: Mesh) -> None:
    ada = user(mesh)
    ids = {make(mesh, ada, request_id="again") for _ in range(3)}
    assert listed(mesh, "lists", "lists", ada) == [*ids]
    body = {"user_id": ada, "name": "other", "request_id": "again"}
    answer = mesh.rest.post("/v1/lists", json=body)
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (409, "REQUEST_ID_REUSED")


def test_deleted_users_are_in_no_list_and_have_none(mesh: Mesh) -> None:
    ada, bob, cyd = (user(mesh) for _ in range(3))
    own, others = make(mesh, bob, ada), make(mesh, ada, bob, cyd)
    assert mesh.rest.delete(f"/v1/users/{bob}").is_success
    eventually(lambda: status(mesh, "get", f"lists/{own}", ada), (404, "LIST_NOT_FOUND"))
    shown = f"/v1/lists/{others}"
    eventually(
        lambda: mesh.rest.get(shown, params={"user_id": ada}).json()["list"]["member_count"], 1
    )
    assert members(mesh, others, ada) == [cyd]
