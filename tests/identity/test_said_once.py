"""What is said twice, in two places, or in words that we do not know: refused everywhere."""

import base64
import re

import httpx
import pytest

from services.identity.authorize import CARRIED, OURS
from tests.identity.browser import sent_back
from tests.identity.form_steps import FORM, Pairs, at_the_page, opened, person, refused, sent
from tests.identity.world import PASSWORD, World

COOKIE = "aviary-csrf-"


def nothing_came_of_it(world: World, answer: httpx.Response) -> None:
    assert (answer.status_code, "location" in answer.headers) == (400, False), answer.text
    assert "code=" not in answer.text
    assert world.audit.of("login.succeeded") == []
    assert world.audit.of("login.failed") == [], "the password was looked at"


@pytest.mark.parametrize("value", ["", "allow", "mallory"])
@pytest.mark.parametrize("name", sorted(OURS))
async def test_link_that_fills_in_what_is_the_persons_is_refused(
    world: World, name: str, value: str
) -> None:
    browser = await at_the_page(world)
    answer = await opened(browser, (name, value))
    nothing_came_of_it(world, answer)
    assert "The link tries to fill in the log-in form." in answer.text
    assert "<form" not in answer.text
    assert "set-cookie" not in answer.headers


async def test_page_carries_what_we_know_and_nothing_else(world: World) -> None:
    browser = await at_the_page(world, prompt="login")
    unknown = [("utm_source", "x"), ("action", "https://evil.test"), ("Decision", "allow")]
    page = await opened(browser, *unknown)
    assert page.status_code == 200
    assert "evil.test" not in page.text
    named = re.findall(r'<(?:input|button)[^>]* name="([^"]+)"', page.text)
    assert {*named} == {*browser.asked, *OURS}
    assert {*named} <= {*CARRIED, *OURS}
    assert sorted(named) == sorted([*browser.asked, *OURS, "decision"]), "two buttons, else once"
    back = sent_back(await sent(browser, [*person(), ("decision", "deny"), *unknown]))
    assert back["error"] == "access_denied"


@pytest.mark.parametrize(
    "more", [("state", "s2"), ("redirect_uri", "https://evil.test"), ("client_id", ""), ("x", "1")]
)
async def test_link_with_a_repeat_is_refused(world: World, more: tuple[str, str]) -> None:
    browser = await at_the_page(world, x="1")
    answer = await opened(browser, more)
    nothing_came_of_it(world, answer)
    assert answer.headers["content-type"].startswith("text/html")


@pytest.mark.parametrize("decision", [None, "", "Allow", "allow ", "yes", "true", "denied", "1"])
@pytest.mark.parametrize("accept", ["text/html", "application/json"])
async def test_only_allow_allows(world: World, decision: str | None, accept: str) -> None:
    browser = await at_the_page(world)
    decided = [] if decision is None else [("decision", decision)]
    answer = await sent(browser, [*person(), *decided], accept=accept)
    nothing_came_of_it(world, answer)
    assert (await sent(browser, [*person(), ("decision", "allow")])).status_code == 303


@pytest.mark.parametrize(
    "pairs",
    [
        [("decision", "deny"), ("decision", "allow")],
        [("decision", "allow"), ("decision", "deny")],
        [("decision", "allow"), ("decision", "allow")],
        [("decision", "allow"), ("handle", "mallory")],
        [("decision", "allow"), ("csrf", "x")],
        [("decision", "allow"), ("state", "x")],
    ],
)
async def test_form_with_a_repeat_is_refused(world: World, pairs: Pairs) -> None:
    browser = await at_the_page(world)
    nothing_came_of_it(world, await sent(browser, [*person(), *pairs]))


@pytest.mark.parametrize("query", ["?decision=allow", "?handle=ada", "?x=1"])
async def test_query_of_a_form_joins_nothing(world: World, query: str) -> None:
    browser = await at_the_page(world)
    nothing_came_of_it(world, await sent(browser, [*person(), ("decision", "allow")], query))


async def test_planted_second_cookie_is_no_proof_of_our_page(world: World) -> None:
    browser = await at_the_page(world)
    await opened(browser)
    ((cookie, mine),) = browser.http.cookies.items()
    tab = cookie.removeprefix(COOKIE)
    browser.http.cookies.clear()
    form = {**browser.asked, **dict(person()), "decision": "allow", "csrf": "planted"}
    for cookies in (
        f"{cookie}={mine}; {cookie}=planted",
        f"{cookie}=planted; {cookie}={mine}",
        f"{cookie}=planted; {cookie}=planted",
    ):
        for csrf in (f"{tab}.planted", f"{tab}.{mine}"):
            answer = await browser.http.post(
                "/oauth/log-in", data={**form, "csrf": csrf}, headers={"cookie": cookies}
            )
            nothing_came_of_it(world, answer)
            assert "two cookies" in answer.text
            browser.http.cookies.clear()


async def test_empty_cookie_is_no_proof_of_our_page(world: World) -> None:
    browser = await at_the_page(world)
    form = {**browser.asked, **dict(person()), "decision": "allow", "csrf": ""}
    form["csrf"] = "01234567."
    headers = {"cookie": f"{COOKIE}01234567="}
    nothing_came_of_it(world, await browser.http.post("/oauth/log-in", data=form, headers=headers))


@pytest.mark.parametrize("path", ["/oauth/token", "/oauth/revoke"])
async def test_repeat_or_query_at_endpoints_of_apps_is_invalid_request(
    world: World, path: str
) -> None:
    browser = await at_the_page(world)
    token = (await browser.tokens())["refresh_token"]
    app = ("client_id", browser.asked["client_id"])
    pairs = [("grant_type", "refresh_token"), ("refresh_token", token), ("token", token), app]
    body = str(httpx.QueryParams([*pairs, app]))
    refused(await world.http.post(path, content=body, headers=FORM))
    body = str(httpx.QueryParams(pairs))
    for query in ("?client_id=x", "?scope=timeline:read", "?x"):
        refused(await world.http.post(path + query, content=body, headers=FORM))
    assert (await browser.refresh(token)).status_code == 200, "nothing was done with it"


async def test_client_that_shows_itself_in_two_ways_is_refused(world: World) -> None:
    one, other = await world.app(public=False), await world.app(public=False)
    form = {"grant_type": "client_credentials"}
    auth = (one.client_id, one.client_secret or "")
    token = "/oauth/token"  # noqa: S105 - a path
    for more in (
        {"client_id": other.client_id},
        {"client_id": other.client_id, "client_secret": other.client_secret},
        {"client_id": one.client_id, "client_secret": one.client_secret},
        {"client_secret": "wrong"},
    ):
        refused(await world.http.post(token, data={**form, **more}, auth=auth))
    # What many clients send, and what cannot be read in two ways.
    same = await world.http.post(token, data={**form, "client_id": one.client_id}, auth=auth)
    assert same.status_code == 200, same.text


async def test_token_comes_in_one_way(world: World) -> None:
    browser = await at_the_page(world, scope=None)
    token = (await browser.tokens())["access_token"]
    mine, path = {"authorization": f"Bearer {token}"}, "/oauth/userinfo"
    shown = [("authorization", f"Bearer {one}") for one in (token, token)]
    joined = {"authorization": ", ".join(value for _, value in shown)}
    refused(await world.http.get(path, params={"access_token": token}, headers=mine))
    refused(await world.http.get(path, params=[("x", "1"), ("x", "2")], headers=mine))
    refused(await world.http.post(path, data={"access_token": token}, headers=mine))
    for headers in (shown, joined):
        refused(await world.http.get(path, headers=headers))
        body = {"password": PASSWORD, "new_password": f"{PASSWORD} 2"}
        refused(await world.http.post("/oauth/password", json=body, headers=headers))
    assert (await world.http.get(path, headers=mine)).status_code == 200
    assert await world.accounts.log_in("ada", PASSWORD, "app") is not None


async def test_two_clients_in_two_headers_are_refused(world: World) -> None:
    app = await world.app(public=False)
    basic = base64.b64encode(f"{app.client_id}:{app.client_secret}".encode()).decode()
    header = ("authorization", f"Basic {basic}")
    content = "grant_type=client_credentials"
    answer = await world.http.post(
        "/oauth/token", content=content, headers=[*FORM.items(), header, header]
    )
    refused(answer)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        (
            "/oauth/sign-up",
            f'{{"handle":"eve","handle":"ada","display_name":"A","password":"{PASSWORD}"}}',
            "handle",
        ),
        (
            "/oauth/password",
            f'{{"password":"x","password":"{PASSWORD}","new_password":"another one"}}',
            "password",
        ),
    ],
)
async def test_json_with_a_name_twice_is_refused(
    world: World, path: str, body: str, field: str
) -> None:
    browser = await at_the_page(world, scope=None)
    headers = {"authorization": f"Bearer {(await browser.tokens())['access_token']}"}
    answer = await world.http.post(path, content=body, headers=headers)
    assert (answer.status_code, answer.json()["details"][0]["reason"]) == (400, "INVALID_FIELD")
    assert field in answer.json()["message"]
    query = await world.http.post(f"{path}?handle=x", json={}, headers=headers)
    assert (query.status_code, "query" in query.json()["message"]) == (400, True)
