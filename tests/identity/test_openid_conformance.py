"""The OpenID Foundation's tests of the profiles Basic OP and Config OP, each by its name there.

`docs/reference/openid-conformance.md` has the table of them.

Each test here does what the suite's module of that name does, and asks of the answers what it asks.
All requests carry PKCE, which the issuer wants of every client and the suite's plan does not send
by itself: of what is certified, that needs the plan's switch for PKCE.
"""

import base64
import hashlib
from collections.abc import Awaitable, Callable
from typing import Final

import pytest
import pytest_asyncio

from services.platform.errors import InvalidArgumentError
from tests.identity.browser import hidden_fields, sent_back, sign_up
from tests.identity.confidential_client import Client
from tests.identity.oauth_steps import read
from tests.identity.world import ISSUER, PASSWORD, REDIRECT, World

ONE_FORM_AT_THE_LEAST: Final = "<form"
LEAST_CODE: Final = 22  # characters of base64url, which are the 128 bits that the suite looks for


@pytest_asyncio.fixture
async def client(world: World) -> Client:
    await sign_up(world.http)
    app = await world.app(public=False)
    return Client(world, app.client_id, app.client_secret or "")


Module = Callable[[Client], Awaitable[object]]


def login(**changes: str | None) -> Module:
    async def module(client: Client) -> None:
        await client.logs_in(**changes)

    return module


def _left_half(token: str) -> str:
    """The `at_hash` of an access token, next to an ID token of a 256-bit algorithm."""
    half = hashlib.sha256(token.encode()).digest()[:16]
    return base64.urlsafe_b64encode(half).decode().rstrip("=")


async def server(client: Client) -> None:
    browser = client.asking()
    code = await browser.code()
    assert len(code) >= LEAST_CODE
    made = (await client.exchange(browser, code)).json()
    _, claims = await read(client.world, made["id_token"])
    assert claims["at_hash"] == _left_half(made["access_token"])
    assert "name" not in claims, "such claims are for userinfo"
    assert made["expires_in"] > 0


async def id_token_signature(client: Client) -> None:
    header, _ = await read(client.world, (await client.logs_in())["id_token"])
    keys = (await client.http.get("/oauth/keys")).json()["keys"]
    assert [key["kty"] for key in keys if key["kid"] == header["kid"]] == ["RSA"]


def userinfo(method: str) -> Module:
    async def module(client: Client) -> None:
        made = await client.logs_in()
        shown = await client.userinfo(method, made["access_token"])
        assert shown["sub"] == made["claims"]["sub"]

    return module


async def userinfo_post_body(client: Client) -> None:
    # RFC 6750, 2.2, leaves it to the resource; the suite warns of it, and no more.
    form = {"access_token": (await client.logs_in())["access_token"]}
    answer = await client.http.post("/oauth/userinfo", data=form)
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


async def server_secret_post(client: Client) -> None:
    browser = client.asking()
    answer = await browser.exchange(await browser.code(), client_secret=client.secret)
    assert answer.status_code == 200, answer.text


async def response_type_missing(client: Client) -> None:
    assert await client.refused(response_type=None) == "invalid_request"


def shows_a_page(**changes: str) -> Module:
    async def module(client: Client) -> None:
        page = await client.asking(**changes).page()
        assert (page.status_code, ONE_FORM_AT_THE_LEAST in page.text) == (200, True)
        await client.logs_in(**changes)

    return module


async def prompt_login(client: Client) -> None:
    first = await client.logs_in()
    client.world.clock.ms += 2_000
    second = await client.logs_in(prompt="login")
    assert second["claims"]["auth_time"] > first["claims"]["auth_time"]
    assert second["claims"]["sub"] == first["claims"]["sub"]


async def prompt_none_not_logged_in(client: Client) -> None:
    assert await client.refused(prompt="none") == "login_required"


async def max_age_1(client: Client) -> None:
    first = await client.logs_in()
    client.world.clock.ms += 2_000
    second = await client.logs_in(max_age="1")
    assert second["claims"]["auth_time"] >= first["claims"]["auth_time"] + 1
    assert second["claims"]["sub"] == first["claims"]["sub"]


async def login_hint(client: Client) -> None:
    page = await client.asking(login_hint="ada").page()
    assert 'value="ada"' in page.text
    await client.logs_in(login_hint="buffy@example.com")


def code_reuse(after_s: int) -> Module:
    async def module(client: Client) -> None:
        browser = client.asking()
        code = await browser.code()
        made = (await client.exchange(browser, code)).json()
        client.world.clock.ms += after_s * 1_000
        again = await client.exchange(browser, code)
        assert (again.status_code, again.json()["error"]) == (400, "invalid_grant")
        headers = {"authorization": f"Bearer {made['access_token']}"}
        answer = await client.http.get("/oauth/userinfo", headers=headers)
        assert answer.status_code == 401, "what the code gave ended with it"

    return module


async def registered_redirect_uri(client: Client) -> None:
    page = await client.asking(redirect_uri=f"{REDIRECT}/other").page()
    assert (page.status_code, "location" in page.headers) == (400, False)
    assert "<h1>" in page.text, "a person is shown what is wrong"


async def post_request(client: Client) -> None:
    browser = client.asking()
    page = await client.http.post("/oauth/authorize", data=browser.asked)
    form = {**hidden_fields(page.text), "handle": "ada", "password": PASSWORD, "decision": "allow"}
    back = sent_back(await client.http.post("/oauth/log-in", data=form))
    assert (await client.exchange(browser, back["code"])).status_code == 200


async def unsigned_request_uri(client: Client) -> None:
    uri = "https://app.test/request.jwt"
    assert await client.refused(request_uri=uri) == "request_uri_not_supported"


async def unsigned_request_object(client: Client) -> None:
    unsigned = "eyJhbGciOiJub25lIn0.e30."
    assert await client.refused(request=unsigned) == "request_not_supported"


async def request_object_with_redirect_uri(client: Client) -> None:
    unsigned = "eyJhbGciOiJub25lIn0.e30."
    page = await client.asking(request=unsigned, redirect_uri=f"{REDIRECT}/other").page()
    assert "location" not in page.headers, "the URI outside of the object is what counts"
    await unsigned_request_object(client)


async def claims_essential(client: Client) -> None:
    wanted = '{"userinfo":{"name":{"essential":true}}}'
    made = await client.logs_in(claims=wanted)
    assert (await client.userinfo("GET", made["access_token"]))["sub"] == "1"


async def refresh_token(client: Client) -> None:
    made = await client.logs_in(scope="openid offline_access", prompt="consent")
    other = await client.world.app(public=False)
    form = {"grant_type": "refresh_token", "refresh_token": made["refresh_token"]}
    auth = (other.client_id, other.client_secret or "")
    stolen = await client.http.post("/oauth/token", data=form, auth=auth)
    assert (stolen.status_code, stolen.json()["error"]) == (400, "invalid_grant")
    answer = await client.http.post("/oauth/token", data=form, auth=client.auth)
    assert answer.status_code == 200, answer.text
    again = answer.json()
    assert again["access_token"] != made["access_token"]
    assert (await client.userinfo("GET", again["access_token"]))["sub"] == "1"


async def valid_pkce(client: Client) -> None:
    await client.logs_in()
    browser = client.asking()
    code = await browser.code()
    browser.verifier = "v" * 43
    wrong = await client.exchange(browser, code)
    assert (wrong.status_code, wrong.json()["error"]) == (400, "invalid_grant")


async def discovery(client: Client) -> None:
    answer = await client.http.get("/.well-known/openid-configuration")
    assert answer.headers["content-type"] == "application/json"
    said = answer.json()
    assert said["issuer"] == ISSUER
    assert "code" in said["response_types_supported"]
    assert "RS256" in said["id_token_signing_alg_values_supported"]
    assert "openid" in said["scopes_supported"]
    assert {"authorization_code", "refresh_token"} <= {*said["grant_types_supported"]}
    assert said["subject_types_supported"] == ["public"]
    assert said["code_challenge_methods_supported"] == ["S256"]
    assert said["claims_supported"]
    endpoints = {name: uri for name, uri in said.items() if name.endswith(("_endpoint", "_uri"))}
    assert {"authorization_endpoint", "token_endpoint", "userinfo_endpoint"} <= endpoints.keys()
    # All where the issuer is, so all of https where it is.
    assert all(uri.startswith(f"{ISSUER}/") for uri in endpoints.values())
    keys = (await client.http.get(said["jwks_uri"].removeprefix(ISSUER))).json()["keys"]
    assert len({key["kid"] for key in keys}) == len(keys)
    assert {key["use"] for key in keys} == {"sig"}
    assert not any({"d", "p", "q", "k"} & key.keys() for key in keys)


MODULES: Final[dict[str, Module]] = {
    "oidcc-server": server,
    "oidcc-server-client-secret-post": server_secret_post,
    "oidcc-response-type-missing": response_type_missing,
    "oidcc-idtoken-signature": id_token_signature,
    "oidcc-userinfo-get": userinfo("GET"),
    "oidcc-userinfo-post-header": userinfo("POST"),
    "oidcc-userinfo-post-body": userinfo_post_body,
    "oidcc-ensure-request-without-nonce-succeeds-for-code-flow": login(nonce=None),
    "oidcc-ensure-other-scope-order-succeeds": login(scope="email openid"),
    "oidcc-display-page": shows_a_page(display="page"),
    "oidcc-display-popup": shows_a_page(display="popup"),
    "oidcc-prompt-login": prompt_login,
    "oidcc-prompt-none-not-logged-in": prompt_none_not_logged_in,
    "oidcc-max-age-1": max_age_1,
    "oidcc-ensure-request-with-unknown-parameter-succeeds": login(extra="foobar"),
    "oidcc-login-hint": login_hint,
    "oidcc-ui-locales": shows_a_page(ui_locales="se"),
    "oidcc-claims-locales": shows_a_page(claims_locales="se"),
    "oidcc-ensure-request-with-acr-values-succeeds": login(acr_values="1 2"),
    "oidcc-codereuse": code_reuse(0),
    "oidcc-codereuse-30seconds": code_reuse(30),
    "oidcc-ensure-registered-redirect-uri": registered_redirect_uri,
    "oidcc-ensure-post-request-succeeds": post_request,
    "oidcc-request-uri-unsigned-supported-correctly-or-rejected-as-unsupported": (
        unsigned_request_uri
    ),
    "oidcc-unsigned-request-object-supported-correctly-or-rejected-as-unsupported": (
        unsigned_request_object
    ),
    "oidcc-ensure-request-object-with-redirect-uri": request_object_with_redirect_uri,
    "oidcc-claims-essential": claims_essential,
    "oidcc-refresh-token": refresh_token,
    "oidcc-ensure-request-with-valid-pkce-succeeds": valid_pkce,
    "oidcc-discovery-endpoint-verification": discovery,
}
"""By the names of the suite's modules, in the order of its plans."""


@pytest.mark.parametrize("name", MODULES)
async def test_module(client: Client, name: str) -> None:
    await MODULES[name](client)


async def test_state_may_be_left_out_and_a_nonce_is_any_text(client: Client) -> None:
    await client.logs_in(state=None, nonce='n"\\é')


async def test_what_is_not_met_is_answered_as_the_protocol_has_it(client: Client) -> None:
    first = await client.logs_in(max_age="15000")
    hint = first["id_token"]
    assert await client.refused(prompt="none") == "login_required"
    assert await client.refused(prompt="none", id_token_hint=hint) == "login_required"
    assert (await client.logs_in(id_token_hint=hint))["claims"]["sub"] == first["claims"]["sub"]
    client.world.clock.ms += 2_000
    second = await client.logs_in(max_age="10000")
    assert second["claims"]["auth_time"] > first["claims"]["auth_time"], "it was a log-in"


async def test_what_does_not_apply_is_not_offered(client: Client) -> None:
    said = (await client.http.get("/.well-known/openid-configuration")).json()
    assert not {"profile", "email", "address", "phone"} & {*said["scopes_supported"]}
    made = await client.logs_in(scope="openid profile email address phone")
    assert made["scope"] == "openid"
    unsigned = "none"
    assert unsigned not in said["id_token_signing_alg_values_supported"]
    with pytest.raises(InvalidArgumentError):
        await client.world.clients.register("App", [REDIRECT], id_token_alg=unsigned)
    assert PASSWORD not in str(client.world.audit)
