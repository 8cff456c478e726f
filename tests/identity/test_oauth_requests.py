"""What clients send that is none of ours to refuse, and what a refusal looks like to them."""

import base64
import html
import json
import re

import httpx
import pytest
from joserfc import jwt
from joserfc.errors import InvalidKeyIdError
from joserfc.jwk import KeySet

from services.platform.tokens.revocations import Revocable
from tests.edge.test_issuer import token as operators_token
from tests.identity.form_steps import at_the_page, opened
from tests.identity.oauth_steps import logged_in, read, refused
from tests.identity.world import (
    ISSUER,
    PASSWORD,
    REDIRECT,
    Browser,
    World,
    hidden_fields,
    sent_back,
    sign_up,
)

VSCHARS = "".join(map(chr, range(0x20, 0x7F)))
FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.mark.parametrize("state", [VSCHARS, '{"back":"C:\\\\x"}', " "])
async def test_state_is_any_printable_ascii_and_comes_back_as_it_was(
    world: World, state: str
) -> None:
    browser = await at_the_page(world, state=state)
    assert await browser.code()
    declined = sent_back(await browser.submit("", "", decision="deny"))
    assert (declined["error"], declined["state"]) == ("access_denied", state)
    wrong = Browser(world.http, browser.asked["client_id"], state=state, prompt="none")
    assert sent_back(await wrong.page())["state"] == state


@pytest.mark.parametrize("state", ["é", "a\tb"])
async def test_state_of_other_characters_is_reported_to_the_app(world: World, state: str) -> None:
    back = sent_back(await (await at_the_page(world, state=state)).page())
    assert back["error"] == "invalid_request"


async def test_unknown_parameters_are_ignored_whatever_they_hold(world: World) -> None:
    browser = await at_the_page(world)
    unknown = [("utm", '"é\\'), ("resource", "https://api.test"), ('"\\', "")]
    page = await opened(browser, *unknown)
    assert page.status_code == 200, page.text
    made = await browser.exchange(await browser.code(), utm='"é\\', audience="é")
    assert made.status_code == 200, made.text
    again = await browser.refresh(made.json()["refresh_token"], **{'"': "\\"})
    assert again.status_code == 200, again.text


async def test_parameter_without_a_value_was_left_out(world: World) -> None:
    browser = await at_the_page(world, state="", nonce="", scope="", request="", max_age="")
    made = await browser.exchange(await browser.code(), client_secret="", scope="")
    assert made.status_code == 200, made.text
    _, identity = await read(world, made.json()["id_token"])
    assert "nonce" not in identity


async def test_unknown_scopes_are_ignored_and_the_token_says_what_was_granted(
    world: World,
) -> None:
    browser = await at_the_page(world, scope="openid profile email offline_access tweets:read")
    made = await browser.tokens()
    assert made["scope"] == "openid tweets:read"
    _, claims = await read(world, made["access_token"])
    assert claims["scope"] == "openid tweets:read"
    less = await browser.refresh(made["refresh_token"], scope="openid email")
    assert less.json()["scope"] == "openid", less.text
    refused(await browser.refresh(less.json()["refresh_token"], scope="email"), "invalid_scope")


async def test_apps_own_unknown_scopes_are_ignored_too(world: World) -> None:
    app = await world.app(public=False)
    form = {"grant_type": "client_credentials", "scope": "users:read email"}
    auth = (app.client_id, app.client_secret or "")
    made = await world.http.post("/oauth/token", data=form, auth=auth)
    assert made.json()["scope"] == "users:read", made.text
    only_unknown = {**form, "scope": "email"}
    refused(await world.http.post("/oauth/token", data=only_unknown, auth=auth), "invalid_scope")


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/cb"),
        ("http://127.0.0.1:9999/cb?x=1", "http://127.0.0.1:1/cb?x=1"),
        ("http://127.0.0.1:9999/cb", "http://127.0.0.1/cb"),
        ("http://[::1]/cb", "http://[::1]:65535/cb"),
        ("http://localhost:3000/cb", "http://localhost:3001/cb"),
        ("http://127.0.0.1", "http://127.0.0.1:8000"),
    ],
)
async def test_redirect_to_this_machine_may_go_to_any_port(
    world: World, registered: str, asked: str
) -> None:
    await sign_up(world.http)
    app = await world.clients.register("App", [registered], public=True)
    browser = Browser(world.http, app.client_id, redirect_uri=asked)
    answer = await browser.submit("ada", PASSWORD)
    where = httpx.URL(answer.headers["location"])
    assert str(where).startswith(asked)
    code = where.params["code"]
    refused(await browser.exchange(code, redirect_uri=registered), "invalid_grant")
    assert (await browser.exchange(code)).status_code == 200


@pytest.mark.parametrize(
    ("registered", "asked"),
    [
        ("http://127.0.0.1/cb", "http://127.0.0.1:51004/other"),
        ("http://127.0.0.1/cb", "http://localhost/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:0/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:65536/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:/cb"),
        ("http://127.0.0.1/cb", "http://127.0.0.1:80@evil.test/cb"),
        ("http://127.0.0.1/cb", "https://127.0.0.1:51004/cb"),
        ("http://127.0.0.1", "http://127.0.0.1.evil.test:80"),
        ("https://app.test/cb", "https://app.test:8443/cb"),
        ("https://127.0.0.1/cb", "https://127.0.0.1:8443/cb"),
    ],
)
async def test_all_else_of_a_redirect_is_compared_exactly(
    world: World, registered: str, asked: str
) -> None:
    app = await world.clients.register("App", [registered], public=True)
    answer = await Browser(world.http, app.client_id, redirect_uri=asked).page()
    assert (answer.status_code, "location" in answer.headers) == (400, False)


async def test_authorization_request_may_be_a_form(world: World) -> None:
    browser = await at_the_page(world, state='"')
    page = await world.http.post("/oauth/authorize", data=browser.asked)
    assert page.status_code == 200, page.text
    form = {**hidden_fields(page.text), "handle": "ada", "password": PASSWORD}
    answer = await world.http.post("/oauth/log-in", data={**form, "decision": "allow"})
    back = sent_back(answer)
    assert back["state"] == '"'
    assert (await browser.exchange(back["code"])).status_code == 200


async def test_authorization_request_in_a_form_has_the_same_rules(world: World) -> None:
    browser = await at_the_page(world)
    for more in ({"decision": "allow"}, {"handle": "mallory"}, {"csrf": ""}):
        answer = await world.http.post("/oauth/authorize", data={**browser.asked, **more})
        assert (answer.status_code, "<form" in answer.text) == (400, False)
    query = await world.http.post("/oauth/authorize?state=x", data=browser.asked)
    other = await world.http.post("/oauth/authorize", json=browser.asked)
    for answer in (query, other):
        assert answer.status_code == 400
        assert answer.headers["content-type"].startswith("text/html")
    asked = {**browser.asked, "prompt": "none"}
    back = sent_back(await world.http.post("/oauth/authorize", data=asked))
    assert back["error"] == "login_required"


@pytest.mark.parametrize("name", ["request", "request_uri", "registration"])
@pytest.mark.parametrize(
    "changes", [{}, {"code_challenge": None}, {"scope": "act:any"}, {"prompt": "nothing"}]
)
async def test_request_objects_are_refused_by_name_before_what_they_may_hold(
    world: World, name: str, changes: dict[str, str | None]
) -> None:
    browser = await at_the_page(world, **changes, **{name: "https://app.test/r"})
    assert sent_back(await browser.page())["error"] == f"{name}_not_supported"


@pytest.mark.parametrize("mode", ["form_post", "fragment", "web_message"])
async def test_other_response_modes_are_an_error_for_the_app(world: World, mode: str) -> None:
    back = sent_back(await (await at_the_page(world, response_mode=mode)).page())
    assert (back["error"], back["state"], back["iss"]) == ("invalid_request", "s1", ISSUER)


@pytest.mark.parametrize("kind", [None, '"', "token", "code token", "id_token"])
async def test_other_response_types_are_an_error_for_the_app(
    world: World, kind: str | None
) -> None:
    back = sent_back(await (await at_the_page(world, response_type=kind)).page())
    expected = "unsupported_response_type" if kind else "invalid_request"
    assert (back["error"], back["state"]) == (expected, "s1")


@pytest.mark.parametrize("typed", ["@ada", " ada ", " @Ada\t", "ADA"])
async def test_handle_may_be_typed_as_people_write_it(world: World, typed: str) -> None:
    answer = await (await logged_in(world)).submit(typed, PASSWORD)
    assert answer.status_code == 303, answer.text
    (logged,) = world.audit.of("login.succeeded")
    assert logged["user_id"] == 1


async def test_pages_in_two_tabs_both_work(world: World) -> None:
    browser = await logged_in(world)
    other = Browser(world.http, browser.asked["client_id"], state="s2")
    pages = [await each.page() for each in (browser, other)]
    for page, state in reversed(list(zip(pages, ("s1", "s2"), strict=True))):
        form = {**hidden_fields(page.text), "handle": "ada", "decision": "allow"}
        wrong = await world.http.post("/oauth/log-in", data={**form, "password": "wrong one"})
        assert wrong.status_code == 400
        again = {**form, **hidden_fields(wrong.text), "password": PASSWORD}
        assert sent_back(await world.http.post("/oauth/log-in", data=again))["state"] == state
    assert not world.http.cookies, "a page that was decided on leaves nothing"


async def test_form_of_one_tab_takes_no_token_of_another(world: World) -> None:
    browser = await logged_in(world)
    one, other = [hidden_fields((await browser.page()).text)["csrf"] for _ in range(2)]
    mixed = f"{one.partition('.')[0]}.{other.partition('.')[2]}"
    form = {**browser.asked, "handle": "ada", "password": PASSWORD, "decision": "allow"}
    for csrf in (mixed, one.partition(".")[0], f"{one}x", f"é{one}", f"{one[:-1]}é"):
        answer = await world.http.post("/oauth/log-in", data={**form, "csrf": csrf})
        assert (answer.status_code, "location" in answer.headers) == (400, False)
    assert world.audit.of("login.succeeded") == []


async def test_log_in_of_a_page_is_shown_again_with_what_was_asked(world: World) -> None:
    browser = await logged_in(world, state='<"\\>')
    answer = await browser.submit("ada", "wrong password")
    assert 'value="&lt;&quot;\\&gt;"' in answer.text
    assert html.unescape(re.findall(r'name="state" value="([^"]*)"', answer.text)[0]) == '<"\\>'


# ---- Revocation


@pytest.mark.parametrize("hint", [None, "access_token", "ACCESS_TOKEN", "refresh_token", "x"])
async def test_revoked_access_token_ends_its_session(world: World, hint: str | None) -> None:
    browser = await logged_in(world)
    made = await browser.tokens()
    form = {"token": made["access_token"], "client_id": browser.asked["client_id"]}
    answer = await world.http.post(
        "/oauth/revoke", data={**form, **({"token_type_hint": hint} if hint else {})}
    )
    assert answer.status_code == 200, answer.text
    mine = {"authorization": f"Bearer {made['access_token']}"}
    assert (await world.http.get("/oauth/userinfo", headers=mine)).status_code == 401
    refused(await browser.refresh(made["refresh_token"]), "invalid_grant")
    _, claims = await read(world, made["access_token"])
    assert world.edges[Revocable.SESSION].keys() == {claims["sid"]}, "edges refuse it too"
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200


@pytest.mark.parametrize("hint", ["refresh_token", "Refresh_Token", "access_token", "x", ""])
async def test_hint_helps_and_decides_nothing(world: World, hint: str) -> None:
    browser = await logged_in(world)
    token = (await browser.tokens())["refresh_token"]
    form = {"token": token, "client_id": browser.asked["client_id"], "token_type_hint": hint}
    assert (await world.http.post("/oauth/revoke", data=form)).status_code == 200
    refused(await browser.refresh(token), "invalid_grant")


async def test_access_token_without_a_session_cannot_be_revoked(world: World) -> None:
    app = await world.app(public=False)
    auth = (app.client_id, app.client_secret or "")
    form = {"grant_type": "client_credentials"}
    made = (await world.http.post("/oauth/token", data=form, auth=auth)).json()
    answer = await world.http.post("/oauth/revoke", data={"token": made["access_token"]}, auth=auth)
    refused(answer, "unsupported_token_type")


async def test_nobody_revokes_anothers_access_token(world: World) -> None:
    browser = await logged_in(world)
    other = await world.app()
    made = await browser.tokens()
    form = {"token": made["access_token"], "client_id": other.client_id}
    refused(await world.http.post("/oauth/revoke", data=form), "invalid_grant")
    acting = await operators_token(world, "ada")
    mine = {"client_id": browser.asked["client_id"]}
    refused(await world.http.post("/oauth/revoke", data={**mine, "token": acting}), "invalid_grant")
    for no_token in (made["id_token"], "a.b.c", "nonsense"):
        answer = await world.http.post("/oauth/revoke", data={**mine, "token": no_token})
        assert answer.status_code == 200
    refused(await world.http.post("/oauth/revoke", data=mine), "invalid_request")
    assert (await browser.refresh(made["refresh_token"])).status_code == 200


# ---- Errors


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
    in_oauths_shape(await http.post(path, content=b"grant_type=refresh_token", headers=basic), 401)
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


# ---- ID tokens


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
async def test_app_gets_id_tokens_by_what_it_registered_for(world: World, algorithm: str) -> None:
    await sign_up(world.http)
    app = await world.clients.register("App", [REDIRECT], public=True, id_token_alg=algorithm)
    made = await Browser(world.http, app.client_id).tokens()
    header, claims = await read(world, made["id_token"])
    assert header["alg"] == algorithm
    assert claims["exp"] - claims["iat"] == 900, "not longer than its key is published"
    assert (await read(world, made["access_token"]))[0]["alg"] == "ES256"
    with_edges = KeySet.import_key_set((await world.http.get("/oauth/jwks")).json())
    jwt.decode(made["access_token"], with_edges)
    if algorithm == "RS256":
        with pytest.raises(InvalidKeyIdError):
            jwt.decode(made["id_token"], with_edges, algorithms=["RS256", "ES256"])


async def test_app_that_says_nothing_gets_what_openid_connect_has_for_it(world: World) -> None:
    browser = await logged_in(world)
    header, _ = await read(world, (await browser.tokens())["id_token"])
    assert header["alg"] == "RS256"


async def test_rsa_key_is_rotated_like_the_other(world: World) -> None:
    browser = await logged_in(world)
    before, _ = await read(world, (await browser.tokens())["id_token"])
    kid, from_ms = await world.id_keyring.rotate()
    await world.id_keyring.refresh()
    world.clock.ms = from_ms
    after, _ = await read(world, (await browser.tokens())["id_token"])
    assert (before["kid"] == kid, after["kid"]) == (False, kid)


async def test_hint_of_another_user_gets_no_code(world: World) -> None:
    browser = await logged_in(world)
    hint = (await browser.tokens())["id_token"]
    await sign_up(world.http, "bob")
    hinting = Browser(world.http, browser.asked["client_id"], id_token_hint=hint)
    back = sent_back(await hinting.submit("bob", PASSWORD))
    assert (back["error"], back["state"], "code" in back) == ("login_required", "s1", False)
    assert await hinting.code()
    world.clock.ms += 3_600_000
    assert await hinting.code(), "an old one is a hint all the same"


def unsigned(part: dict[str, str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


async def test_hint_that_is_no_id_token_of_ours_is_reported_to_the_app(world: World) -> None:
    browser = await logged_in(world)
    made = await browser.tokens()
    claims = {"iss": ISSUER, "sub": "1"}
    forged = ".".join(map(unsigned, ({"alg": "none", "typ": "JWT"}, claims))) + "."
    for hint in (made["access_token"], "a.b.c", "é", forged):
        hinting = Browser(world.http, browser.asked["client_id"], id_token_hint=hint)
        assert sent_back(await hinting.page())["error"] == "invalid_request", hint


@pytest.mark.parametrize("max_age", ["-1", "x", "1.5", "٣"])
async def test_max_age_is_a_number_of_seconds(world: World, max_age: str) -> None:
    back = sent_back(await (await at_the_page(world, max_age=max_age)).page())
    assert back["error"] == "invalid_request"
