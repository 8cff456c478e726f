"""What clients send that is none of ours to refuse."""

import httpx
import pytest

from tests.identity.browser import Browser, hidden_fields, sent_back, sign_up
from tests.identity.form_steps import at_the_page, opened
from tests.identity.oauth_steps import read, refused
from tests.identity.world import PASSWORD, World

VSCHARS = "".join(map(chr, range(0x20, 0x7F)))


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
