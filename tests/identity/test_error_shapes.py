"""Errors have the shape that whoever asked can read."""

import re

import httpx
import pytest

from tests.identity.oauth_steps import logged_in
from tests.identity.world import (
    World,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}


def in_oauths_shape(answer: httpx.Response, status: int) -> None:
    assert answer.status_code == status, answer.text
    body = answer.json()
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]+", body["error"])
    assert re.fullmatch(r"[\x20-\x21\x23-\x5b\x5d-\x7e]*", body.get("error_description", ""))
    assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
async def test_errors_at_endpoints_of_clients_have_oauths_shape(world: World, path: str) -> None:
    http = world.http
    for method in ("GET", "PUT", "DELETE"):
        answer = await http.request(method, path)
        in_oauths_shape(answer, 405)
        assert answer.headers["allow"] == "POST"
    in_oauths_shape(await http.post(path, json={}), 415)
    in_oauths_shape(await http.post(path, content=b"a=1"), 415)
    in_oauths_shape(await http.post(path, content=b"a=" + b"x" * 20_000, headers=FORM), 413)
    in_oauths_shape(await http.post(path, content=b"a=%ff", headers=FORM), 400)
    in_oauths_shape(await http.post(path, content=b"a=1&a=2", headers=FORM), 400)
    basic = {**FORM, "authorization": "Basic //8="}
    in_oauths_shape(await http.post(path, content=b"grant_type=refresh_token", headers=basic), 400)
    upper = {"content-type": "APPLICATION/X-WWW-FORM-URLENCODED; Charset=UTF-8"}
    answer = await http.post(path, content=b"grant_type=x&token=x", headers=upper)
    assert answer.json()["error"] in {"unsupported_grant_type", "invalid_client"}


async def test_path_where_nobody_answers_is_404_in_both_shapes(world: World) -> None:
    for path in ("/oauth/tokens", "/oauth/", "/nothing"):
        answer = await world.http.post(path, data={"grant_type": "x"})
        in_oauths_shape(answer, 404)
        assert (answer.json()["code"], answer.json()["details"]) == (5, [])


async def test_error_of_the_store_has_oauths_shape_too(world: World) -> None:
    app = await world.app(public=False)
    await world.rows.close()
    auth = (app.client_id, app.client_secret or "")
    form = {"grant_type": "client_credentials"}
    answer = await world.http.post("/oauth/token", data=form, auth=auth)
    assert answer.status_code >= 500
    in_oauths_shape(answer, answer.status_code)
    await world.rows.open()


async def test_accounts_keep_the_shape_of_the_edge(world: World) -> None:
    for answer, status, code in (
        (await world.http.get("/oauth/sign-up"), 405, 12),
        (await world.http.post("/oauth/sign-up", content=b"{"), 400, 3),
        (await world.http.post("/oauth/sign-up", content=b"x" * 20_000), 400, 3),
    ):
        assert (answer.status_code, answer.json()["code"]) == (status, code), answer.text
        assert answer.headers["cache-control"] == "no-store"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER", "Bearer"])
async def test_schemes_are_known_in_any_case(world: World, scheme: str) -> None:
    tokens = await (await logged_in(world)).tokens()
    headers = {"authorization": f"{scheme} {tokens['access_token']}"}
    assert (await world.http.get("/oauth/userinfo", headers=headers)).status_code == 200
    app = await world.app(public=False)
    shown = httpx.BasicAuth(app.client_id, app.client_secret or "")._auth_header
    basic = {"authorization": shown.replace("Basic", "bAsIc")}
    form = {"grant_type": "client_credentials"}
    assert (await world.http.post("/oauth/token", data=form, headers=basic)).status_code == 200
