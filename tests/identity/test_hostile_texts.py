"""Texts that are no UTF-8, or no text at all, in every field that the issuer reads: never a 500."""

import base64
import json
from typing import Any

import httpx
import pytest

from tests.identity.browser import Browser, sign_up
from tests.identity.form_steps import FORM
from tests.identity.test_account_endpoints import bearer, logged_in
from tests.identity.world import PASSWORD, World

LONE = "\ud800aaaaaaaaaaa"
ENDPOINTS = ("/oauth/token", "/oauth/revoke", "/oauth/log-in", "/oauth/authorize")
FIELDS = (
    *("response_type", "client_id", "redirect_uri", "scope", "state", "nonce", "prompt"),
    *("code_challenge", "code_challenge_method", "response_mode", "request", "login_hint"),
    *("handle", "password", "decision", "csrf", "grant_type", "code", "code_verifier"),
    *("refresh_token", "client_secret", "token", "token_type_hint", "subject_token"),
    *("subject_token_type", "actor_token", "unknown", "\ud800"),
)
BYTES = {
    "no UTF-8": b"%FF%FE",
    "a surrogate in UTF-8": b"%ED%A0%80",
    "a raw byte": b"\xff",
    "cut short": b"%E2%82",
    "overlong": b"%C0%80",
    "zero": b"%00",
    "a line": b"%0D%0ASet-Cookie:%20a=b",
}


@pytest.mark.parametrize(
    "field",
    ["handle", "display_name", "password", "\ud800", "\udfff x"],
    ids=["handle", "name", "password", "a name of a surrogate", "a name with one"],
)
async def test_lone_surrogates_in_a_sign_up_are_400(world: World, field: str) -> None:
    body = {"handle": "ada", "display_name": "Ada", "password": PASSWORD, field: LONE}
    content = json.dumps(body).encode()
    answer = await world.http.post("/oauth/sign-up", content=content)
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    twice = content.removesuffix(b"}") + b"," + content.removeprefix(b"{")
    assert (await world.http.post("/oauth/sign-up", content=twice)).status_code == 400
    assert await world.store.sign_ups.all() == {}


@pytest.mark.parametrize("field", ["password", "new_password"])
async def test_lone_surrogates_in_a_change_of_password_are_400(world: World, field: str) -> None:
    await sign_up(world.http)
    tokens = await logged_in(world)
    body = {"password": PASSWORD, "new_password": "another horse battery", field: LONE}
    answer = await world.http.post(
        "/oauth/password", content=json.dumps(body).encode(), headers=bearer(tokens)
    )
    assert (answer.status_code, answer.json()["code"]) == (400, 3)
    assert answer.json()["message"].startswith(field)


def is_answered(answer: httpx.Response, *about: object) -> None:
    assert 300 <= answer.status_code < 500, (about, answer.status_code, answer.text)
    assert "set-cookie: a=b" not in str(answer.headers).lower()
    answer.text.encode()


def good(browser: Browser, path: str) -> dict[str, str]:
    if path == "/oauth/token":
        return {
            "grant_type": "authorization_code",
            "code": "x",
            "redirect_uri": browser.asked["redirect_uri"],
            "client_id": browser.asked["client_id"],
            "code_verifier": browser.verifier,
        }
    if path == "/oauth/revoke":
        return {"token": "x.y", "client_id": browser.asked["client_id"]}
    person = {"handle": "ada", "password": PASSWORD, "decision": "allow", "csrf": "x"}
    return {**browser.asked, **(person if path == "/oauth/log-in" else {})}


def encoded(fields: dict[str, Any], name: str, value: bytes) -> bytes:
    kept = {one: said for one, said in fields.items() if one != name}
    return str(httpx.QueryParams(kept)).encode() + b"&" + _name(name) + b"=" + value


def _name(name: str) -> bytes:
    return b"%ED%A0%80" if name == "\ud800" else name.encode()


@pytest.mark.parametrize("path", ENDPOINTS)
@pytest.mark.parametrize("what", BYTES)
async def test_no_field_of_a_form_or_query_is_a_500(world: World, path: str, what: str) -> None:
    browser = Browser(world.http, (await world.app()).client_id)
    for name in FIELDS:
        content = encoded(good(browser, path), name, BYTES[what])
        if path == "/oauth/authorize":
            query = content.replace(b"\xff", b"%FF").decode()
            answer = await world.http.get(f"{path}?{query}")
        else:
            answer = await world.http.post(path, content=content, headers=FORM)
        if answer.status_code == 200 and path in ("/oauth/authorize", "/oauth/revoke"):
            continue  # nobody has the token; a page does without the field
        is_answered(answer, path, name, what)


@pytest.mark.parametrize(
    "shown",
    [
        b"\xff\xfe:secret",
        b"\xed\xa0\x80:x",
        b"operator:\xff",
        b"operator:\xed\xa0\x80",
        b"operator",
        b"",
        b"a\x00b:c",
        b":",
    ],
)
async def test_basic_credentials_that_are_no_text_are_refused(world: World, shown: bytes) -> None:
    form = {"grant_type": "client_credentials"}
    for text in (base64.b64encode(shown) or b"x", b"\xff", b"====", b"%"):
        headers: Any = {"authorization": b"Basic " + text}
        for path in ("/oauth/token", "/oauth/revoke"):
            answer = await world.http.post(path, data=form, headers=headers)
            assert answer.status_code in {400, 401}, text


@pytest.mark.parametrize("shown", [b"\xff", b"a.\xff.b", b"\xed\xa0\x80", b"e30.e30.e30", b"a.b.c"])
async def test_bearer_tokens_that_are_no_text_are_refused(world: World, shown: bytes) -> None:
    headers: Any = {"authorization": b"Bearer " + shown}
    for path in ("/oauth/userinfo", "/oauth/password"):
        answer = await world.http.post(path, headers=headers)
        assert answer.status_code in {400, 401}, answer.text
