"""Users found by the beginning of their names, as clients of the edge find them."""

from typing import Any

from tests.e2e.conftest import Mesh
from tests.e2e.operators import operate


def make(mesh: Mesh, handle: str, name: str) -> str:
    answer = mesh.rest.post("/v1/users", json={"handle": handle, "display_name": name})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["user"]["handle"])


def found(mesh: Mesh, query: str, **fields: object) -> list[str]:
    """The handles of all, by the links from page to page."""
    params: Any = {"query": query, **fields}
    answer = mesh.rest.get("/v1/users/search", params=params)
    handles: list[str] = []
    while True:
        assert answer.status_code == 200, answer.text
        page = answer.json()
        handles += [user["handle"] for user in page["users"]]
        if "next_cursor" not in page:
            return handles
        answer = mesh.rest.get(str(answer.request.url.join(answer.links["next"]["url"])))


def test_users_are_found_at_once_by_any_of_their_names(mesh: Mesh) -> None:
    countess = make(mesh, "Qcountess", "Qada Løvelace")
    zoe = make(mesh, "qzoe_qx", "Qzoë Ångström")
    for query, handles in {
        "qada": [countess],
        "QADA L": [countess],
        "løve": [countess],
        "@qcount": [countess],
        "qzoe": [zoe],
        "QZOË": [zoe],
        "angstrom": [zoe],
        "qx": [zoe],
        "qnobody": [],
    }.items():
        assert found(mesh, query) == handles, query


def test_pages_have_each_user_once(mesh: Mesh) -> None:
    handles = [make(mesh, f"wkim{place}", f"Wkim {place} wkimberly") for place in range(5)]
    for limit in (1, 2, 5, 200):
        assert sorted(found(mesh, "wkim", limit=limit)) == handles


def test_who_has_another_name_or_is_gone_is_not_found_by_it(mesh: Mesh) -> None:
    make(mesh, "vada", "Vada Byron")
    user_id = mesh.rest.get("/v1/users/by/handle/vada").json()["user"]["user_id"]
    body = {"display_name": "Vada King"}
    assert mesh.rest.patch(f"/v1/users/{user_id}", json=body).status_code == 200
    assert (found(mesh, "vada byron"), found(mesh, "vada king")) == ([], ["vada"])
    assert mesh.rest.delete(f"/v1/users/{user_id}").status_code == 200
    assert found(mesh, "vada") == []


def test_what_begins_no_name_is_refused(mesh: Mesh) -> None:
    for place in range(2):
        make(mesh, f"ykim{place}", "Y")
    params = {"query": "ykim", "limit": 1}
    cursor = mesh.rest.get("/v1/users/search", params=params).json()["next_cursor"]
    for fields, field in (
        ({"query": ""}, "query"),
        ({"query": "!?"}, "query"),
        ({"query": "y" * 51}, "query"),
        ({"limit": 201}, "limit"),
        ({"cursor": cursor[:-1] + ("A" if cursor[-1] != "A" else "B")}, "cursor"),
        ({"cursor": cursor, "query": "ykim0"}, "cursor"),
    ):
        answer = mesh.rest.get("/v1/users/search", params={**params, **fields})
        assert (answer.status_code, answer.json()["code"]) == (400, 3), fields
        assert answer.json()["message"].startswith(field), answer.text


def test_the_names_of_before_are_listed_by_an_operator(mesh: Mesh) -> None:
    make(mesh, "ubefore", "Ubefore")
    assert "listed the names of" in operate(mesh, "backfill")
    assert found(mesh, "ubefore") == ["ubefore"]
