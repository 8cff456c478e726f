"""The issuer over HTTP: what an app does, and what somebody would try who is none."""

import pytest

from services.platform.errors import InvalidArgumentError
from tests.identity.browser import Browser, sent_back, sign_up
from tests.identity.oauth_steps import logged_in, read, refused
from tests.identity.world import ISSUER, OPERATOR_SECRET, PASSWORD, REDIRECT, World

HANDLE_TOKEN = "urn:aviary:token-type:handle"  # noqa: S105 - a name
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"


async def test_discovery_says_where_everything_is(world: World) -> None:
    said = (await world.http.get("/.well-known/openid-configuration")).json()
    assert said["issuer"] == ISSUER
    assert said["code_challenge_methods_supported"] == ["S256"]
    for name in ("jwks_uri", "token_endpoint", "authorization_endpoint", "revocation_endpoint"):
        path = said[name].removeprefix(ISSUER)
        answer = await world.http.get(path)
        assert answer.status_code != 404, path


async def test_published_keys_are_public_halves(world: World) -> None:
    shown = {
        path: {key["alg"]: key for key in (await world.http.get(path)).json()["keys"]}
        for path in ("/oauth/keys", "/oauth/jwks")
    }
    assert shown["/oauth/keys"].keys() == {"ES256", "RS256"}
    assert shown["/oauth/keys"]["RS256"].keys() == {"kty", "n", "e", "kid", "use", "alg"}
    # By these the edge lets in, and ID tokens are not for it.
    assert shown["/oauth/jwks"].keys() == {"ES256"}
    assert shown["/oauth/jwks"]["ES256"].keys() == {"kty", "crv", "x", "y", "kid", "use", "alg"}


async def test_code_with_pkce_gives_tokens_of_the_user(world: World) -> None:
    browser = await logged_in(world)
    made = await browser.tokens()
    header, claims = await read(world, made["access_token"])
    assert (header["typ"], header["alg"]) == ("at+jwt", "ES256")
    assert (claims["iss"], claims["aud"], claims["sub"]) == (ISSUER, "aviary-api", "1")
    assert claims["client_id"] == browser.asked["client_id"]
    assert claims["scope"] == made["scope"] == browser.asked["scope"]
    assert claims["exp"] - claims["iat"] == made["expires_in"] == 900
    _, identity = await read(world, made["id_token"])
    assert (identity["iss"], identity["aud"]) == (ISSUER, browser.asked["client_id"])
    assert (identity["sub"], identity["nonce"]) == ("1", "n1")
    assert identity["preferred_username"] == "ada"


@pytest.mark.parametrize(
    "changes",
    [
        {"code_challenge_method": "plain"},
        {"code_challenge_method": None},
        {"code_challenge": None, "code_challenge_method": None},
        {"code_challenge": "short"},
        {"response_type": "token"},
        {"response_type": "code id_token"},
        {"scope": "act:any"},
        {"scope": "users:create"},
        {"scope": "everything"},
    ],
)
async def test_bad_request_is_sent_back_to_the_app(
    world: World, changes: dict[str, str | None]
) -> None:
    answer = await (await logged_in(world, **changes)).page()
    assert answer.status_code == 303, answer.text
    back = sent_back(answer)
    assert back["error"] in {"invalid_request", "invalid_scope", "unsupported_response_type"}
    assert (back["state"], back["iss"]) == ("s1", ISSUER)


@pytest.mark.parametrize(
    "changes",
    [
        {"redirect_uri": "http://127.0.0.1:9999/callback/"},
        {"redirect_uri": "https://evil.test/callback"},
        {"redirect_uri": "javascript:alert(1)"},
        {"redirect_uri": '"><script>alert(1)</script>'},
        {"redirect_uri": None},
        {"client_id": "app_unknown"},
        {"client_id": None},
        {"client_id": "operator"},
    ],
)
async def test_app_that_is_not_known_gets_nobody_sent(
    world: World, changes: dict[str, str | None]
) -> None:
    answer = await (await logged_in(world, **changes)).page()
    assert answer.status_code == 400, answer.text
    assert "location" not in answer.headers
    assert "<script" not in answer.text


async def test_page_cannot_be_framed_scripted_or_kept(world: World) -> None:
    page = await (await logged_in(world)).page()
    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "form-action 'self' http://127.0.0.1:9999;" in policy
    assert page.headers["cache-control"] == "no-store"
    cookie = page.headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie


async def test_what_is_typed_is_shown_as_text(world: World) -> None:
    browser = await logged_in(world, state="<b>&")
    answer = await browser.submit("<i>ada", PASSWORD)
    assert answer.status_code == 400
    assert "&lt;i&gt;ada" in answer.text
    assert "<i>" not in answer.text
    assert PASSWORD not in answer.text


@pytest.mark.parametrize("csrf", ["", "guessed"])
async def test_form_of_another_site_logs_nobody_in(world: World, csrf: str) -> None:
    browser = await logged_in(world)
    answer = await browser.submit("ada", PASSWORD, csrf=csrf)
    assert (answer.status_code, "location" in answer.headers) == (400, False)
    world.http.cookies.clear()
    bare = await world.http.post(
        "/oauth/log-in",
        data={**browser.asked, "handle": "ada", "password": PASSWORD, "csrf": csrf},
    )
    assert (bare.status_code, "location" in bare.headers) == (400, False)
    assert world.audit.of("login.succeeded") == []


async def test_wrong_password_and_unknown_handle_look_the_same(world: World) -> None:
    browser = await logged_in(world)
    answers = [
        await browser.submit("ada", "wrong password"),
        await browser.submit("bob", "wrong password"),
        await browser.submit("no handle!", "wrong password"),
    ]
    assert {answer.status_code for answer in answers} == {400}
    assert all("Wrong handle or password." in answer.text for answer in answers)
    failed = [facts["handle"] for facts in world.audit.of("login.failed")]
    assert failed == ["ada", "bob", "(no handle)"]


async def test_user_may_decline(world: World) -> None:
    answer = await (await logged_in(world)).submit("", "", decision="deny")
    assert sent_back(answer)["error"] == "access_denied"


async def test_confidential_app_must_show_its_secret(world: World) -> None:
    await sign_up(world.http)
    app = await world.app(public=False)
    assert app.client_secret is not None
    browser = Browser(world.http, app.client_id)
    code = await browser.code()
    refused(await browser.exchange(code), "invalid_client", 401)
    refused(await browser.exchange(code, client_secret="wrong"), "invalid_client", 401)  # noqa: S106
    made = await browser.exchange(code, client_secret=app.client_secret)
    assert made.status_code == 200, made.text
    refused(await browser.refresh(made.json()["refresh_token"]), "invalid_client", 401)


async def test_app_in_its_own_name_reads_and_no_more(world: World) -> None:
    app = await world.app(public=False)
    auth = (app.client_id, app.client_secret or "")
    form = {"grant_type": "client_credentials"}
    made = (await world.http.post("/oauth/token", data=form, auth=auth)).json()
    _, claims = await read(world, made["access_token"])
    assert claims["sub"] == claims["client_id"] == app.client_id
    assert "refresh_token" not in made
    for scope in ("tweets:write", "act:any", "users:create", "openid"):
        answer = await world.http.post("/oauth/token", data={**form, "scope": scope}, auth=auth)
        refused(answer, "invalid_scope")


async def test_operator_gets_a_token_of_a_user_that_says_who_acts(world: World) -> None:
    await sign_up(world.http)
    form = {"grant_type": EXCHANGE, "subject_token": "ADA", "subject_token_type": HANDLE_TOKEN}
    operator = ("operator", OPERATOR_SECRET)
    made = (await world.http.post("/oauth/token", data=form, auth=operator)).json()
    _, claims = await read(world, made["access_token"])
    assert (claims["sub"], claims["act"]) == ("1", {"sub": "operator"})
    assert "act:any" not in claims["scope"]
    for change, auth, error, status in (
        ({"scope": "act:any"}, operator, "invalid_scope", 400),
        ({"subject_token": "bob"}, operator, "invalid_grant", 400),
        ({"subject_token_type": "other"}, operator, "invalid_request", 400),
        ({}, ("operator", "wrong"), "invalid_client", 401),
    ):
        answer = await world.http.post("/oauth/token", data={**form, **change}, auth=auth)
        refused(answer, error, status)
    app = await world.app(public=False)
    answer = await world.http.post(
        "/oauth/token", data=form, auth=(app.client_id, app.client_secret or "")
    )
    refused(answer, "unauthorized_client")


@pytest.mark.parametrize(
    ("content", "error", "status"),
    [
        (b"grant_type=client_credentials&grant_type=refresh_token", "invalid_request", 400),
        (b"grant_type=%22", "unsupported_grant_type", 400),
        (b"grant_type=%ff", "invalid_request", 400),
        (b"grant_type=" + b"x" * 20_000, "invalid_request", 413),
        (b"&".join(b"a%d=1" % n for n in range(60)), "invalid_request", 400),
        (b"grant_type=password&username=ada&password=x", "unsupported_grant_type", 400),
        (b"", "invalid_request", 400),
    ],
)
async def test_bad_form_is_an_error_of_oauth(
    world: World, content: bytes, error: str, status: int
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    answer = await world.http.post("/oauth/token", content=content, headers=headers)
    refused(answer, error, status)
    answer = await world.http.post("/oauth/token", json={"grant_type": "client_credentials"})
    refused(answer, "invalid_request", 415)


@pytest.mark.parametrize(
    ("kind", "error", "status"),
    [
        ("application/x-www-form-urlencoded", "unsupported_grant_type", 400),
        ("Application/X-WWW-Form-Urlencoded; Charset=UTF-8", "unsupported_grant_type", 400),
        ("application/x-www-form-urlencodedx", "invalid_request", 415),
        ("text/plain", "invalid_request", 415),
    ],
)
async def test_the_media_type_of_a_form_ignores_case(
    world: World, kind: str, error: str, status: int
) -> None:
    headers = {"content-type": kind}
    answer = await world.http.post("/oauth/token", content=b"grant_type=x", headers=headers)
    refused(answer, error, status)


@pytest.mark.parametrize(
    "uri",
    [
        *("http://evil.test/", "javascript:x", "data:,x", "ftp://a/", "/x"),
        "https://app.test/cb#",
        "https://app.test;frame-ancestors */cb",
        "https://app.test;script-src-elem/cb",
        "https://app.test,b/cb",
        "https://app.test'/cb",
        "https://app.test@evil.test/cb",
        "https://app.test\\@evil.test/cb",
        "https://app.test%00/cb",
        "https://app.test:80:80/cb",
        "https://app.test/c b",
        'https://app.test/"><script>',
        "https://app.test\n/cb",
        "https://app.test/cb\r\nx: y",
        "https://app.test/cb\n",
        " https://app.test/cb",
        "https://app.test\t.evil.test/cb",
        "https://app.test:99999/cb",
        "https://*.test/cb",
        "https://app.test/c\u202eb",
        "test.app'://cb",
        "test.app;x://cb",
        "test.app://a;b/cb",
    ],
)
async def test_bad_redirect_uri_cannot_be_registered(world: World, uri: str) -> None:
    with pytest.raises(InvalidArgumentError, match="redirect_uri"):
        await world.clients.register("App", [uri], public=True)


@pytest.mark.parametrize("name", ["", "\u200b", "\u3164", "a\u202eb", "a\nb", "x" * 51], ids=ascii)
async def test_bad_name_of_an_app_cannot_be_registered(world: World, name: str) -> None:
    with pytest.raises(InvalidArgumentError, match="name"):
        await world.clients.register(name, [REDIRECT])


async def test_good_redirect_uris_can_be_registered(world: World) -> None:
    uris = [
        "https://app.test:8443/cb?tenant=a;b,c&x='y'",
        "http://127.0.0.1:1/cb",
        "http://[::1]:1/cb",
        "https://app.test",
        "test.app:/cb",
        "test.app:cb",
        "test.app://cb/x",
        "test.app:///cb",
    ]
    await world.clients.register("App", uris, public=True)
