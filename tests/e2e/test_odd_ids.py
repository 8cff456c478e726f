"""Ids that nobody was given, at every place of the API that takes one."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.e2e.conftest import Mesh, start, stop

MOST = 2**63 - 1
NO_IDS = (-1, -(2**63), 0, MOST + 1, 10**30, "1e3", "0x1", "\u0661")
SOMEBODY = "1"

PLACES: list[tuple[str, str, dict[str, Any]]] = [
    ("GET", "/v1/tweets/{id}", {}),
    ("DELETE", "/v1/tweets/{id}", {"user_id": SOMEBODY}),
    ("POST", "/v1/tweets", {"user_id": "{id}", "text": "x"}),
    ("POST", "/v1/tweets", {"user_id": SOMEBODY, "text": "x", "in_reply_to_tweet_id": "{id}"}),
    ("GET", "/v1/users/{id}", {}),
    ("PATCH", "/v1/users/{id}", {"display_name": "x"}),
    ("DELETE", "/v1/users/{id}", {}),
    ("GET", "/v1/users/{id}/followers", {}),
    ("GET", "/v1/users/{id}/following", {}),
    ("GET", f"/v1/users/{SOMEBODY}/relationship/{{id}}", {}),
    ("GET", "/v1/timeline/home", {"user_id": "{id}"}),
    ("GET", "/v1/timeline/user", {"user_id": "{id}"}),
    ("POST", "/v1/follow", {"follower_id": "{id}", "followee_id": SOMEBODY}),
    ("POST", "/v1/follow", {"follower_id": SOMEBODY, "followee_id": "{id}"}),
    ("POST", "/v1/unfollow", {"follower_id": SOMEBODY, "followee_id": "{id}"}),
]


@pytest.fixture(scope="module")
def mesh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    running = start(tmp_path_factory.mktemp("ids") / "data")
    yield running
    assert stop(running) == 0


def ask(mesh: Mesh, method: str, path: str, fields: dict[str, Any], odd: object) -> httpx.Response:
    filled = {name: str(odd) if value == "{id}" else value for name, value in fields.items()}
    where = "json" if method in {"POST", "PATCH"} else "params"
    return mesh.rest.request(method, path.format(id=odd), **{where: filled})


@pytest.mark.parametrize(("method", "path", "fields"), PLACES)
def test_what_is_no_id_is_400_and_what_is_nobodys_404(
    mesh: Mesh, method: str, path: str, fields: dict[str, Any]
) -> None:
    for odd in NO_IDS:
        # In a reply, 0 says that it is none.
        if odd == 0 and fields.get("in_reply_to_tweet_id"):
            continue
        answer = ask(mesh, method, path, fields, odd)
        assert (answer.status_code, answer.json()["code"]) == (400, 3), (odd, answer.text)
    largest = ask(mesh, method, path, fields, MOST)
    assert largest.status_code == httpx.codes.NOT_FOUND, largest.text
